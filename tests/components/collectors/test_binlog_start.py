"""Where reading of a server begins and what its refusals mean, against a scripted server."""

from __future__ import annotations

import logging
from typing import Any

import pymysql
import pytest

from tests.components.rows import configured
from wlf.binlog import NeedSchema, SchemaColumn, ServerRefused
from wlf.components.collectors._binlog.connection import refine
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.place import Position
from wlf.components.collectors._binlog.refusal import explain
from wlf.components.collectors._binlog.schema import columns_of
from wlf.components.collectors._binlog.server import Server, check, end_of_binlog
from wlf.components.collectors._binlog.side import SideConnection
from wlf.components.collectors._binlog.start import Start, choose
from wlf.errors import Retryable, SetupError

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
MYSQL = Server("db:3306", {"version": "8.0.36", "server_uuid": UUID, "gtid_mode": "ON", "log_bin": "ON"})
NEW_MYSQL = Server("db:3306", {**MYSQL.variables, "version": "9.7.4"})
MARIADB = Server("db:3306", {"version": "5.5.5-10.11.6-MariaDB-log", "server_id": "7", "log_bin": "ON"})


class Side(SideConnection):
    """Answers each statement that begins with one of the keys."""

    def __init__(self, **answers: list[tuple[Any, ...]]) -> None:
        super().__init__(configured(BinlogConfig, destination="d"))
        self.answers = {key.replace("_", " "): rows for key, rows in answers.items()}
        self.asked: list[str] = []

    def query(self, sql: str, arguments: object = None) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        return next(rows for key, rows in self.answers.items() if sql.startswith(key))


FILES = [("b.999999", 500, "No"), ("b.1000000", 900, "No")]


def chosen(stored: Position | None = None, server: Server = MYSQL, **options: Any) -> Start:
    side = Side(
        SHOW_BINARY_LOGS=FILES, SHOW_MASTER_STATUS=[("b.1000000", 900, "", "", f"{UUID}:1-\n9")], SELECT=[("u:1-\n9",)]
    )
    return choose(configured(BinlogConfig, destination="d", **options), server, side, stored)


def test_latest_is_the_end_with_its_gtid_set_on_one_line() -> None:
    assert chosen().position == Position("b.1000000", 900, UUID, "u:1-9")


def test_earliest_is_the_first_file_that_is_left() -> None:
    assert chosen(start="earliest").position == Position("b.999999", 4, UUID)


def test_stored_position_beats_start() -> None:
    start = chosen(Position("b.999999", 77, UUID, f"{UUID}:1-5"), start="earliest")
    assert (start.request.file, start.request.offset, start.seen) == ("b.999999", 77, f"{UUID}:1-5")


def test_position_typed_without_a_server_is_taken_as_this_ones() -> None:
    assert chosen(Position("b.999999", 77)).position == Position("b.999999", 77, UUID)


def test_position_of_another_server_is_refused() -> None:
    with pytest.raises(SetupError, match="belongs to the server another, this one is server_id:7"):
        chosen(Position("b.999999", 77, "another"), MARIADB)


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (Position("b.999998", 4), "is purged: the first available file is b.999999, the last one b.1000000"),
        (Position("b.1000001", 4), "does not exist"),
        (Position("b.999999", 501), "lies behind the end of the file, which has 500 bytes"),
    ],
)
def test_position_that_is_not_there_names_the_files_that_are(position: Position, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        chosen(position)


def test_position_beyond_4_gib_begins_behind_its_gtid_set() -> None:
    FILES.append(("b.1000001", 5_000_000_000, "No"))
    try:
        start = chosen(Position("b.1000001", 4_294_967_400, UUID, f"{UUID}:1-5"))
        assert isinstance(start.request.gtid, bytes)
        assert start.position is None
        with pytest.raises(SetupError, match="beyond 4 GiB"):
            chosen(Position("b.1000001", 4_294_967_400, UUID))
    finally:
        FILES.pop()


def test_gtid_set_goes_in_the_servers_own_form() -> None:
    assert chosen(server=MARIADB, start={"gtid": "0-1-5, 1-1-7"}).request.gtid == "0-1-5,1-1-7"
    request = chosen(start={"gtid": f"{UUID}:1-5"}).request
    assert isinstance(request.gtid, bytes)
    assert request.gtid[:8] == (1).to_bytes(8, "little")
    with pytest.raises(SetupError, match=r"start\.gtid"):
        chosen(start={"gtid": "0-1-5"})


def test_mariadb_is_known_by_its_version_behind_the_old_prefix() -> None:
    assert MARIADB.is_mariadb
    assert MARIADB.version == (10, 11, 6)
    assert MARIADB.uuid == "server_id:7"
    assert not MYSQL.is_mariadb


@pytest.mark.parametrize(
    ("server", "statement"),
    [(MYSQL, "SHOW MASTER STATUS"), (NEW_MYSQL, "SHOW BINARY LOG STATUS"), (MARIADB, "SHOW MASTER STATUS")],
)
def test_end_is_asked_for_in_the_words_the_server_knows(server: Server, statement: str) -> None:
    side = Side(SHOW_=[("b.000001", 900)], SELECT=[("",)])
    end_of_binlog(side, server)
    assert side.asked[0] == statement


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("binlog_row_value_options", "PARTIAL_JSON"),
    ],
)
def test_setting_that_is_not_supported_is_named(variable: str, value: str) -> None:
    with pytest.raises(SetupError, match=f"{variable}={value} is not supported yet"):
        check(Server("db", {**MYSQL.variables, variable: value}), logging.getLogger())


@pytest.mark.parametrize(
    ("refused", "kind", "says"),
    [
        (
            ServerRefused(1236, "HY000", "Could not find first log file name"),
            SetupError,
            "first available file is b.99",
        ),
        (ServerRefused(1236, "HY000", "required GTIDs are purged"), SetupError, "later `start.gtid`"),
        (ServerRefused(1236, "HY000", "A slave with the same server_uuid/server_id"), SetupError, "give each its own"),
        (ServerRefused(1227, "42000", "Access denied"), SetupError, "GRANT REPLICATION SLAVE"),
        (ServerRefused(1053, "08S01", "Server shutdown in progress"), Retryable, "(1053)"),
    ],
)
def test_refusal_of_the_dump_is_explained(refused: ServerRefused, kind: type[Exception], says: str) -> None:
    error = explain(refused, "db:3306", Side(SHOW_BINARY_LOGS=FILES))
    assert type(error) is kind
    assert says in str(error)


@pytest.mark.parametrize(
    ("code", "kind"), [(1045, SetupError), (1698, SetupError), (3159, SetupError), (1040, Retryable), (2003, Retryable)]
)
def test_refused_accounts_are_final_and_lost_servers_are_not(code: int, kind: type[Exception]) -> None:
    assert type(refine(pymysql.err.OperationalError(code, "why"), "cannot connect")) is kind


NEED = NeedSchema("d", "Orders", 2, b"\x03\x03", "b.000001", 99)


class Schema(Side):
    """Knows columns and keys of tables."""

    def __init__(self, columns: list[tuple[Any, ...]], keys: list[tuple[Any, ...]]) -> None:
        super().__init__()
        self.columns, self.keys = columns, keys

    def query(self, sql: str, arguments: object = None) -> list[tuple[Any, ...]]:
        return self.columns if "COLUMN_TYPE" in sql else self.keys


def test_schema_is_that_of_the_table_spelled_alike() -> None:
    columns = [
        ("Orders", "a", b"int unsigned", None),
        ("orders", "x", "text", "utf8mb4"),
        ("Orders", "b", "varchar(5)", "latin1"),
    ]
    assert columns_of(NEED, Schema(columns, [("Orders", "b", 1), ("orders", "x", 1)])) == [
        SchemaColumn("a", "int unsigned", None, 0),
        SchemaColumn("b", "varchar(5)", "latin1", 1),
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], r"b\.000001:99: the columns of d\.Orders are unknown"),
        ([("Orders", "a", "int", None)], "expected 2 columns, the server has 1"),
    ],
)
def test_schema_that_does_not_fit_is_refused(columns: list[tuple[Any, ...]], message: str) -> None:
    with pytest.raises(SetupError, match=message) as caught:
        columns_of(NEED, Schema(columns, []))
    assert "binlog_row_metadata = FULL" in caught.value.hint
