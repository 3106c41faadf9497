"""What a load is: tables, and row changes that are written into any MySQL with a fixed seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pymysql.connections import Connection
from pymysql.constants import CLIENT

from tests.servers.sql import SqlServer

SEED = 20240229
DATABASE = "bench"
WORDS = ("red", "green", "small", "large", "wooden", "iron", "glass", "fragile", "heavy", "round", "müde", "naïve")


class Load(NamedTuple):
    """One load. The same rounds give the same rows on every server.

    On a live server: `prepare()`, note where the binary log ends, `write()`; then `changes()` row changes are to come.
    No two of them have both the same table and the same values of `identity` in the row as it is afterwards.
    A `write()` of fewer rounds is the beginning of a whole one. It can be called once after a `prepare()`.
    """

    what: str
    """For the tables of figures."""
    tables: tuple[str, ...]
    """In the database `bench`."""
    identity: tuple[str, ...]
    """The columns that tell each change from all others of its table."""
    rounds: int
    """Of a whole load."""
    changes_a_round: int
    create: tuple[str, ...]
    """The statements that make the tables, procedures too."""
    send: Callable[[SqlServer, int], None]
    """Writes that many rounds."""
    fill: Callable[[SqlServer], None] | None = None
    """Puts rows into the tables that do not count; the changes are to them."""

    def prepare(self, server: SqlServer) -> None:
        """Make the database, where it is not there, and the tables."""
        server.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        server.execute(*self.create, database=DATABASE)
        if self.fill is not None:
            self.fill(server)

    def write(self, server: SqlServer, rounds: int | None = None) -> None:
        """Make the changes, all of them or those of the first rounds."""
        self.send(server, self.rounds if rounds is None else rounds)

    def changes(self, rounds: int | None = None) -> int:
        """How many row changes `write()` makes."""
        return (self.rounds if rounds is None else rounds) * self.changes_a_round


def execute_all(server: SqlServer, statements: Iterable[str]) -> None:
    """Run statements in order on one connection, each its own transaction."""
    with connected(server) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            while cursor.nextset():  # a text may hold several
                pass


def connected(server: SqlServer) -> Connection:  # type: ignore[type-arg]
    """A connection that takes several statements in one text."""
    return server.connect(database=DATABASE, charset="utf8mb4", client_flag=CLIENT.MULTI_STATEMENTS)


def inserts(table: str, rows: Iterable[str], statements: int, rows_each: int) -> Iterable[str]:
    """That many statements, each of which inserts so many of the rows."""
    rows = iter(rows)
    for _ in range(statements):
        yield f"INSERT INTO {table} VALUES " + ",".join(next(rows) for _ in range(rows_each))
