"""What the binlog gives after random changes of random tables is what SELECT shows, on real servers.

`WLF_ROUND_TRIP_SECONDS` makes it longer, `WLF_ROUND_TRIP_SEED` repeats one table.
"""

from __future__ import annotations

import os
import random
import time
from typing import Any

import pytest
from msgspec import UNSET

from tests.binlog.random_tables import Draw, RandomColumn
from tests.binlog.type_cases import kind_of, metadata_kinds, read_database, set_metadata
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer

pytestmark = pytest.mark.servers

SECONDS = float(os.environ.get("WLF_ROUND_TRIP_SECONDS", "10"))
DATABASE = "round_trip"

Table = dict[int, tuple[Any, ...]]


class RandomTable:
    """One table on a server, what was done to it, and what SELECT showed after each statement."""

    def __init__(self, server: SqlServer, seed: int) -> None:
        self.server = server
        self.draw = Draw(seed, mariadb=kind_of(server) == "mariadb")
        self.random = self.draw.random
        self.columns = self.draw.columns()
        self.metadata = self.random.choice(metadata_kinds(server))
        self.image = self.random.choice(("FULL", "FULL", "MINIMAL", "NOBLOB"))
        self.states: list[Table] = [{}]
        key = self.random.choice(("PRIMARY KEY", "PRIMARY KEY", "UNIQUE", "NOT NULL"))
        kinds = (f"c{n} {column.definition} NULL" for n, column in enumerate(self.columns))
        self.definition = f"CREATE TABLE t (id int {key}, {', '.join(kinds)}) CHARACTER SET utf8mb4"

    def write(self) -> Any:
        """Do random changes; the path of the binlog file."""
        former = set_metadata(self.server, self.metadata)
        try:
            with self.server.connect(charset="utf8mb4", conv={}) as connection, connection.cursor() as cursor:
                for statement in self._settings():
                    cursor.execute(statement)
                cursor.execute(self.definition)
                self.server.flush_logs()
                for _ in range(self.random.randint(4, 12)):
                    cursor.execute(self._change())
                    if (state := self._shown(cursor)) != self.states[-1]:
                        self.states.append(state)
        finally:
            set_metadata(self.server, former)
        return self.server.flush_logs()

    def _settings(self) -> list[str]:
        settings = [
            f"DROP DATABASE IF EXISTS {DATABASE}",
            f"CREATE DATABASE {DATABASE}",
            f"USE {DATABASE}",
            "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00', innodb_strict_mode = OFF",
            f"SET binlog_row_image = {self.image}",
        ]
        if not self.draw._mariadb:
            if self.image == "FULL":
                settings.append(f"SET binlog_row_value_options = {self.random.choice(('PARTIAL_JSON', repr('')))}")
            settings.append(f"SET binlog_transaction_compression = {self.random.choice(('ON', 'OFF'))}")
        return settings

    def _change(self) -> str:
        ids = list(self.states[-1])
        action = self.random.random() if ids else 0
        if action < 0.4:
            first = max(ids, default=0) + 1
            count = self.random.choice((1, 3, 20))
            rows = [f"({first + n}, {', '.join(self._value(column) for column in self.columns)})" for n in range(count)]
            return f"INSERT INTO t VALUES {', '.join(rows)}"
        chosen = self.random.sample(ids, self.random.randint(1, len(ids)))
        where = f"WHERE id IN ({', '.join(map(str, chosen))})"
        if action > 0.9:
            return f"DELETE FROM t {where}"
        several = self.random.sample(range(len(self.columns)), self.random.randint(1, len(self.columns)))
        changes = [self._assignment(number) for number in several]
        if self.random.random() < 0.1 and len(chosen) == 1:
            changes.append(f"id = {max(ids) + 5}")
        return f"UPDATE t SET {', '.join(changes)} {where}"

    def _assignment(self, number: int) -> str:
        column = self.columns[number]
        if column.definition == "json" and self.random.random() < 0.6:
            path = self.random.choice(("$.a", "$.pad", "$[0]", "$[last]", "$.a.key1", "$.new"))
            call = self.random.choice((f"JSON_SET(c{number}, '{path}', 'x')", f"JSON_REMOVE(c{number}, '{path}')"))
            return f"c{number} = {call}"
        return f"c{number} = {self._value(column)}"

    def _value(self, column: RandomColumn) -> str:
        return "NULL" if self.random.random() < 0.15 else column.literal()

    def _shown(self, cursor: Any) -> Table:
        columns = ", ".join(column.select.format(f"c{n}") for n, column in enumerate(self.columns))
        cursor.execute(f"SELECT id, {columns} FROM t")
        return {int(row[0]): row[1:] for row in cursor.fetchall()}

    def check(self, path: Any) -> int:
        """Compare what the binlog says after each transaction; the number of values."""
        reading = read_database(self.server, path, DATABASE)
        table: dict[int, tuple[Any, ...]] = {}
        at = checked = 0
        for transaction in reading.transactions:
            for change in transaction.changes:
                olds = change.olds or [None] * len(change.rows)
                for row, old in zip(change.rows, olds, strict=True):
                    self._apply(table, change.kind, row, old)
            if not transaction.commit:
                continue
            # A change that cannot be seen, of 0.0 to -0.0 for instance, is logged as well.
            if wrong := self._difference(table, self.states[min(at + 1, len(self.states) - 1)]):
                assert not self._difference(table, self.states[at]), wrong
            else:
                at += 1
            checked += len(table) * len(self.columns)
        assert at >= len(self.states) - 1
        return checked

    def _apply(self, table: dict[int, tuple[Any, ...]], kind: str, row: Any, old: Any) -> None:
        values = [getattr(row, f"f{n}") for n in range(1, len(self.columns) + 1)]
        former = row.f0 if old is None or old.f0 is UNSET else old.f0
        # A column that is not in the image stays what it was; in an insert it is what the column's default is.
        known = table.pop(former, (None,) * len(values))
        if kind != "delete":
            table[row.f0] = tuple(was if now is UNSET else now for now, was in zip(values, known, strict=True))

    def _difference(self, table: dict[int, tuple[Any, ...]], state: Table) -> str:
        if table.keys() != state.keys():
            return f"{sorted(table)} are shown as {sorted(state)}"
        for key, shown in state.items():
            for number, (column, value, text) in enumerate(zip(self.columns, table[key], shown, strict=True)):
                fine = value is None if text is None else value is not None and column.same(value, text)
                if not fine:
                    return f"c{number} {column.definition[:60]} of {key}: {value!r:.200} is shown as {text!r:.200}"
        return ""


def run(server: SqlServer) -> None:
    chosen = os.environ.get("WLF_ROUND_TRIP_SEED")
    began, tables, values = time.monotonic(), 0, 0
    while time.monotonic() - began < SECONDS:
        seed = int(chosen) if chosen else random.randrange(1 << 32)
        table = RandomTable(server, seed)
        try:
            values += table.check(table.write())
        except Exception as error:
            how = f"metadata={table.metadata} image={table.image} {table.definition[:900]}"
            error.add_note(f"WLF_ROUND_TRIP_SEED={seed} {how}")
            raise
        tables += 1
        if chosen:
            break
    print(f"{tables} tables, {values} values")
    assert values


def test_mysql(mysql: MySQL) -> None:
    run(mysql)


def test_mariadb(mariadb: MariaDB) -> None:
    run(mariadb)
