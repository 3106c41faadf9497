"""Two decoders, one binlog: wlf's and mysql-replication's give the same rows, wherever the library is right.

It is known to be wrong on YEAR 0, zero and impossible dates, negative times with fractions, empty SETs and BLOBs (which
it takes for NULL and text), zero bytes at the end of BINARY, labels and texts of some character sets, dates and bytes
inside JSON, and images that are not FULL: those are left out here, and held against SELECT by tests/properties.
"""

from __future__ import annotations

import json
import os
import random
import struct
import time
from typing import Any

import pytest

from tests.binlog.build import Reading
from tests.binlog.random_tables import Draw, RandomColumn
from tests.binlog.type_cases import kind_of, set_metadata
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.binlog import TableMap
from wlf.binlog.charset import Undecodable
from wlf.binlog.items import Binding
from wlf.components.collectors._binlog.peer import PeerTable

pytestmark = pytest.mark.servers

SECONDS = float(os.environ.get("WLF_DIFFERENTIAL_SECONDS", "4"))
DATABASE = "differential"


class CommonDraw(Draw):
    """Columns and values that both decode rightly."""

    def __init__(self, seed: int, *, mariadb: bool) -> None:
        super().__init__(seed, mariadb=mariadb)
        self._kinds = [self._integer, self._decimal, self._float, self._double, self._date, self._datetime, self._time]
        self._kinds += [self._timestamp, self._year, self._bit, self._label, self._text, self._blob]
        self._kinds += [] if mariadb else [self._json]

    def _day(self) -> str:
        return (
            f"{self.random.randrange(1000, 10000)}-{self.random.randrange(1, 13):02}-{self.random.randrange(1, 29):02}"
        )

    def _float(self) -> RandomColumn:
        # Its shortest form is only looked for from six digits on.
        return RandomColumn("float", lambda: repr(struct.unpack("<f", struct.pack("<f", self.random.gauss(0, 1e6)))[0]))

    def _timestamp(self) -> RandomColumn:
        fsp = self.random.randrange(7)
        return RandomColumn(f"timestamp({fsp})", lambda: f"FROM_UNIXTIME({self.random.randrange(1, 2**31 - 1)}.25)")

    def _time(self) -> RandomColumn:
        fsp = self.random.randrange(7)
        return RandomColumn(f"time({fsp})", lambda: f"'{self._pick('', '-') * (fsp == 0)}{self._clock(838)}'")

    def _year(self) -> RandomColumn:
        return RandomColumn("year", lambda: str(self.random.randrange(1901, 2156)))

    def _label(self) -> RandomColumn:
        if self._pick(True, False):
            return RandomColumn("enum('a','b c','it''s')", lambda: self._pick("'a'", "'b c'", "'it''s'"))
        return RandomColumn("set('a','b c','d')", lambda: self._pick("'a'", "'d,a'", "'b c,a'"))

    def _text(self) -> RandomColumn:
        kind = self._pick("char(9)", "varchar(40)", "varchar(300)", "text", "longtext")
        words = ("", "x", "é表😀", "plain", "two words") if self._pick(True, False) else ("", "plain")
        charset = "utf8mb4" if "x" in words else "latin1"
        return RandomColumn(f"{kind} CHARACTER SET {charset}", lambda: repr(self._pick(*words)))

    def _blob(self) -> RandomColumn:
        return RandomColumn(self._pick("blob", "varbinary(300)", "longblob"), lambda: "X'61" + self._hex(200)[2:])

    def _json(self) -> RandomColumn:
        documents = ('{"a": [1, 2.5, -3, true, "é"]}', "[]", "{}", '"text"', "[65536, -40000, 18446744073709551615]")
        return RandomColumn("json", lambda: f"'{self._pick(*documents)}'")


def written(server: SqlServer, draw: CommonDraw) -> bytes:
    """The binlog of some changes of a random table."""
    columns = draw.columns()
    kinds = ", ".join(f"c{n} {column.definition} NULL" for n, column in enumerate(columns))

    def value(column: RandomColumn) -> str:
        return "NULL" if draw.random.random() < 0.15 else column.literal()

    statements = [
        *(
            f"DROP DATABASE IF EXISTS {DATABASE}",
            f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4",
            f"USE {DATABASE}",
        ),
        *("SET sql_mode = '', time_zone = '+00:00'", f"CREATE TABLE t (id int PRIMARY KEY, {kinds})"),
    ]
    for first in range(0, 60, 20):
        rows = (f"({first + n}, {', '.join(map(value, columns))})" for n in range(20))
        statements.append(f"INSERT INTO t VALUES {', '.join(rows)}")
    for number, column in enumerate(columns):
        statements.append(f"UPDATE t SET c{number} = {value(column)} WHERE id % 7 = {draw.random.randrange(7)}")
    statements.append("DELETE FROM t WHERE id % 3 = 0")
    former = set_metadata(server, "FULL")
    try:
        server.flush_logs()
        with server.connect(charset="utf8mb4") as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        set_metadata(server, former)
    return server.flush_logs().read_bytes()


def read_by_the_library(content: bytes, *, mariadb: bool) -> Reading:
    def make(table: TableMap, binding: Binding, undecodable: Undecodable, raw: bytes) -> PeerTable:
        return PeerTable(table, binding, undecodable, raw, mariadb=mariadb)

    return Reading(make_table=make).file(content)


def images(reading: Reading) -> list[Any]:
    """All rows and former values as text that tells types apart."""
    return [json.dumps(row, default=repr, ensure_ascii=False) for row in [*reading.rows, *reading.olds]]


def compare(server: SqlServer) -> None:
    began, rows = time.monotonic(), 0
    mariadb = kind_of(server) == "mariadb"
    while time.monotonic() - began < SECONDS:
        seed = int(os.environ.get("WLF_DIFFERENTIAL_SEED") or random.randrange(1 << 32))
        content = written(server, CommonDraw(seed, mariadb=mariadb))
        ours, theirs = images(Reading().file(content)), images(read_by_the_library(content, mariadb=mariadb))
        assert len(ours) == len(theirs) > 60
        unlike = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
        assert not unlike, f"WLF_DIFFERENTIAL_SEED={seed}: {unlike[0]}"
        rows += len(ours)
    print(f"{rows} images")
    assert rows > 200


def test_mysql(mysql: MySQL) -> None:
    compare(mysql)


def test_mariadb(mariadb: MariaDB) -> None:
    compare(mariadb)
