"""A MySQL server whose binlog holds a corpus: its file is put into a server that has the tables, which takes seconds.

The rows themselves are not in the tables: who reads the binlog needs the definitions alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.contender import BinlogSource
from benchmarks.corpus import corpus
from benchmarks.end_to_end.expected import Rows
from benchmarks.end_to_end.ledger import ledger
from benchmarks.loads import DATABASE, LOADS, Load
from tests.servers.mysql import MySQL

CHECKSUM = "CRC32"  # as servers have it by default
FILE = "binlog.000001"
OPTIONS: dict[str, str | int] = {
    "innodb-flush-log-at-trx-commit": 0,
    "sync-binlog": 0,
    "max-binlog-size": 1 << 30,
    "innodb-buffer-pool-size": "128M",
    "auto-generate-certs": "OFF",
}
"""Without certificates there is no TLS, for nobody: what is compared then pays the same for its connection."""


class Filled(NamedTuple):
    """A server with a corpus, and what must come out of it."""

    source: BinlogSource
    expected: Rows


@contextmanager
def filled(name: str, folder: Path, limit: int | None = None, *, file: Path | None = None) -> Iterator[Filled]:
    """Corpus `name`, or its first transactions with `limit` row changes, for as long as the context is open.

    `file`: a binlog file with less of the same load, in place of the corpus'.
    """
    load, path = LOADS[name], file or corpus(name, CHECKSUM)
    server = plain_server(folder / f"mysql-{name}-{limit or 'all'}")
    try:
        server.start()
        server.execute(f"CREATE DATABASE {DATABASE}")
        server.execute(*load.create, database=DATABASE)
        numbers = _identity_columns(server, load)
        held = ledger(path, numbers)
        end, rows = held.cut(limit)
        server.query(server.reset_binlog)
        server.stop()
        _put(server, path, end)
        server.start()
        address = (server.host, server.port, server.user, server.password, DATABASE)
        source = BinlogSource(*address, load.tables, rows, FILE, held.start)
        size = (end or path.stat().st_size) - held.start
        yield Filled(source, Rows(held.identities[:rows], load.identity, numbers, size / 1e6))
    finally:
        server.kill()
        shutil.rmtree(server.data, ignore_errors=True)


def plain_server(folder: Path) -> MySQL:
    """A server of our own, not started: no TLS, and commits that do not wait for the disk."""
    server = MySQL(folder, options=OPTIONS)
    server.datadir.mkdir(parents=True)
    server.prepare()
    for name in ("ca.pem", "ca-key.pem", "server-cert.pem", "server-key.pem", "client-cert.pem", "client-key.pem"):
        (server.data / name).unlink(missing_ok=True)
    return server


def _identity_columns(server: MySQL, load: Load) -> dict[str, list[int]]:
    names = ",".join(["%s"] * len(load.identity))
    rows = server.query(
        "SELECT table_name, column_name, ordinal_position FROM information_schema.columns"
        f" WHERE table_schema = %s AND column_name IN ({names})",
        (DATABASE, *load.identity),
    )
    numbers = {(table, column): number for table, column, number in rows}
    return {table: [numbers[table, column] for column in load.identity] for table in load.tables}


def _put(server: MySQL, corpus_file: Path, end: int | None) -> None:
    """In place of the binlog that a stopped server has: the corpus, whole or up to an offset."""
    for path in server.data.glob("binlog.*"):
        path.unlink()
    target = server.data / FILE
    shutil.copyfile(corpus_file, target)
    if end is not None:
        with target.open("r+b") as file:
            file.truncate(end)
    (server.data / "binlog.index").write_text(f"./{FILE}\n")
