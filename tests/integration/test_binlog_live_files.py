"""Binlog files that do not name their columns, with and without a server that can."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.components.collectors.reading import Reading, plain
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.errors import DecodeError, SetupError

pytestmark = pytest.mark.servers


def record(server: SqlServer, folder: Path) -> str:
    """Two finished binlog files of a server; the glob that finds them."""
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT UNSIGNED PRIMARY KEY, e ENUM('a','b''c'))")
    server.execute("INSERT INTO d.t VALUES (1, 'a'), (4294967295, 'b''c')")
    folder.mkdir(parents=True)
    shutil.copy(server.flush_logs(), folder)
    server.execute("UPDATE d.t SET id = 2 WHERE id = 1")
    shutil.copy(server.flush_logs(), folder)
    return f"{folder}/binlog.0*"


def events(**options: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with Reading(**options) as reading:
            return await reading.to_end()

    return asyncio.run(run())


WANTED = [
    ("insert", "t", {"id": 1, "e": "a"}),
    ("insert", "t", {"id": 4294967295, "e": "b'c"}),
    ("update", "t", {"id": 2, "e": "a"}),
]


def test_files_without_names_need_a_server_or_full_metadata(
    make_mariadb: Make[MariaDB], make_mysql: Make[MySQL], tmp_path: Path
) -> None:
    for number, server in enumerate((make_mariadb(), make_mysql(options={"binlog-row-metadata": "MINIMAL"}))):
        both = record(server, tmp_path / str(number))
        assert plain(events(files=[both])) == WANTED, "the first file has the statement that made the table"
        second = [str(max((tmp_path / str(number)).iterdir()))]
        with pytest.raises(SetupError, match=r"does not name the columns of d\.t") as caught:
            events(files=second)
        assert "binlog_row_metadata = FULL" in caught.value.hint
        account = {"host": "127.0.0.1", "port": server.port, "password": server.password}
        assert plain(events(files=second, **account)) == WANTED[2:]


def test_files_with_names_need_no_server(make_mariadb: Make[MariaDB], tmp_path: Path) -> None:
    server = make_mariadb(options={"binlog-row-metadata": "FULL"})
    assert plain(events(files=[record(server, tmp_path / "binlogs")])) == WANTED


def test_file_that_the_server_still_writes_is_read_as_far_as_it_goes(make_mysql: Make[MySQL], tmp_path: Path) -> None:
    server = make_mysql()
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1), (2)")
    whole = server.binlog_files()[-1].read_bytes()
    (tmp_path / "binlog.000001").write_bytes(whole[:-9])
    assert events(files=[str(tmp_path / "binlog.000001")], start="earliest") == []
    (tmp_path / "binlog.000001").write_bytes(whole)
    assert len(events(files=[str(tmp_path / "binlog.000001")])) == 2


def test_encrypted_or_foreign_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "binlog.000001").write_bytes(b"\xfdbin" + bytes(1000))
    with pytest.raises(DecodeError, match="binlog_encryption"):
        events(files=[str(tmp_path / "binlog.000001")])
