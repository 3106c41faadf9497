"""Random CREATE and ALTER TABLE on real servers: after each the model shows what information_schema shows."""

from __future__ import annotations

from random import Random
from typing import Any

import pymysql
import pytest
from pymysql.connections import Connection

from tests.binlog.ddl.grammar import Grammar
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.binlog.ddl import Catalogue, ColumnModel, Dialect, apply, read_column_type

pytestmark = pytest.mark.servers

TABLES = 60
ALTERATIONS = 6

_COLUMNS = (
    "SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS "
    "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"
)
_KEY = (
    "SELECT COLUMN_NAME FROM information_schema.STATISTICS "
    "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX"
)


class Run:
    """One server, one database, and the model of it."""

    def __init__(self, server: SqlServer, connection: Connection[Any], database: str) -> None:
        self.connection = connection
        self.mariadb = isinstance(server, MariaDB)
        self.dialect = Dialect.of(str(self.query("SELECT @@version")[0][0]))
        self.database = database
        self.catalogue = Catalogue()
        self.accepted = self.refused = self.unsure = 0

    def query(self, sql: str, arguments: object = None) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def execute(self, sql: str) -> bool:
        """Run it on the server and, where the server takes it, on the model."""
        try:
            self.query(sql)
        except pymysql.err.MySQLError:
            self.refused += 1
            return False
        apply(self.catalogue, sql, self.database, self.dialect)
        self.accepted += 1
        return True

    def truth(self) -> tuple[list[tuple[str, str, str | None]], list[str]]:
        columns = [
            (name, kind.decode() if isinstance(kind, bytes) else kind, charset)
            for name, kind, charset in self.query(_COLUMNS, (self.database, "t"))
        ]
        return columns, [name for (name,) in self.query(_KEY, (self.database, "t"))]

    def shown(self, column: ColumnModel) -> tuple[str, str, str | None]:
        # MySQL shows no character set for binary labels, MariaDB does.
        hides = bool(column.members) and column.charset == "binary" and not self.mariadb
        return column.name, column.column_type(self.dialect), None if hides else column.charset

    def compare(self, *statements: str) -> bool:
        """Whether the model is sure; fails where it is sure and wrong."""
        table = self.catalogue.get(self.database, "t")
        assert table is not None, statements
        if not table.sure:
            self.unsure += 1
            return False
        columns, key = self.truth()
        assert [self.shown(column) for column in table.columns] == columns, statements
        assert list(table.key) == key, statements
        asked = [read_column_type(name, kind, charset, self.dialect) for name, kind, charset in columns]
        assert [self.shown(column) for column in asked] == columns
        return True

    def one_table(self, random: Random) -> None:
        grammar = Grammar(random, mariadb=self.mariadb)
        self.execute(f"DROP DATABASE IF EXISTS {self.database}")
        self.execute(
            f"CREATE DATABASE {self.database} CHARACTER SET {random.choice(['latin1', 'utf8mb4', 'utf8', 'ucs2'])}"
        )
        self.query(f"USE {self.database}")
        self.query(random.choice(["SET sql_mode = ''", "SET sql_mode = DEFAULT"]))
        created = grammar.create("t")
        if not self.execute(created) or not self.compare(created):
            return
        last = created
        for _ in range(ALTERATIONS):
            table = self.catalogue.get(self.database, "t")
            assert table is not None
            names = [column.name for column in table.columns]
            statement = f"ALTER TABLE t {grammar.change(names, list(table.key))}"
            if self.execute(statement) and not self.compare(last, statement):
                return
            last = statement


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_model_shows_what_information_schema_shows(request: pytest.FixtureRequest, name: str, seed: int) -> None:
    server: MySQL | MariaDB = request.getfixturevalue(name)
    random = Random(seed)
    with server.connect() as connection:
        run = Run(server, connection, f"definitions{seed}")
        for _ in range(TABLES):
            run.one_table(random)
    assert run.accepted > 4 * TABLES, "most statements must be ones that the server takes"
    assert run.unsure < run.accepted / 20
