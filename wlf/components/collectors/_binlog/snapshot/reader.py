"""Reads one table chunk by chunk. Everything here blocks: it belongs into a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pymysql
from msgspec import structs
from pymysql.connections import Connection

from wlf.binlog import TableMap
from wlf.binlog.charset import Undecodable
from wlf.components.collectors._binlog.connection import connect, query, refine, socket_of
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.server import Server
from wlf.components.collectors._binlog.snapshot import rowset
from wlf.components.collectors._binlog.snapshot.columns import Reading, reading_of, table_map
from wlf.components.collectors._binlog.snapshot.definition import NO_SUCH_TABLE, Definition, define, statement_of
from wlf.components.collectors._binlog.snapshot.keyset import key_of_row, select_chunk, select_greatest, select_keys
from wlf.components.collectors._binlog.snapshot.progress import Progress
from wlf.components.collectors._binlog.snapshot.watermarks import Spot, Watermarks, watermarks_of
from wlf.components.collectors._binlog.snapshot.window import KeyedWindow, key_reader
from wlf.errors import Retryable, SetupError
from wlf.events.table import TableVersion

CHUNK_BYTES = 4 << 20
"""A chunk is to have about so many bytes at most: fewer rows are asked for where rows are large ..."""
CUT_BYTES = 16 << 20
"""... and where it has so many all the same, it ends there."""

_READ_TIMEOUT_S = 600.0
_YEAR_S = 31_536_000
# Lock wait timeout, deadlock, interrupted, record changed, definition changed, no wait: another try may do.
_AGAIN = frozenset((1020, 1205, 1213, 1317, 1412, 1969, 3024, 3572))
_UNKNOWN_COLUMN = 1054

_PLAIN = {
    "time_zone": "'+00:00'",
    # No PAD_CHAR_TO_FULL_LENGTH, no ANSI_QUOTES.
    "sql_mode": "''",
    "net_write_timeout": str(_YEAR_S),
    "innodb_lock_wait_timeout": "5",
    "lock_wait_timeout": "30",
    "sql_select_limit": "DEFAULT",
    # Texts come as the column has them: wlf's own decoders make of them what they make of the stream's.
    "character_set_results": "NULL",
}


class Missing(Exception):
    """The table is not there any more."""


class Again(Exception):
    """What was read is of no use; read it once more."""


class Piece(NamedTuple):
    """A chunk as it was read; `rows` are instances of the table's row class."""

    version: TableVersion
    rows: list[Any]
    keys: list[tuple[Any, ...]]
    """The key of each row; [] where the table is read in one piece."""
    high: Spot
    progress: Progress
    """As it is once this chunk is handed out."""
    ts: int
    undecodable: int
    raw: list[rowset.Raw]
    """The rows as the server sent them."""


@dataclass
class Shape:
    """What is made for one version of the table."""

    table: Definition
    version: TableVersion
    read: Callable[[rowset.Raw], Any]
    key: Callable[[Any], tuple[Any, ...]] | None
    """None: the rows must be read in one piece, none can be told from another."""
    undecodable: Undecodable = field(default_factory=Undecodable)


class TableReader:
    """Reads one table; `bind` gives the row class of a table version as the stream has it."""

    def __init__(
        self, config: BinlogConfig, server: Server, bind: Callable[[TableMap], TableVersion], chunk_rows: int
    ) -> None:
        self._config = config
        self._server = server
        self._bind = bind
        self._chunk_rows = chunk_rows
        self._row_bytes = 0
        self._connection: Connection[Any] | None = None
        self._marks: Watermarks = watermarks_of(server)
        self._is_closed = False
        self.shape: Shape | None = None

    def look(self, progress: Progress, floor: Spot) -> tuple[Shape, Progress]:
        """The table as it is now, and the progress that goes on in it; all that was logged before `floor` is seen.

        A progress by another key than the table has now begins anew.

        Raises:
            Missing: the table is gone.
            SetupError: it may not be read.
            Retryable: the server is not there.
        """
        with self._answers(progress):
            return self._look(progress, floor)

    def _look(self, progress: Progress, floor: Spot) -> tuple[Shape, Progress]:
        connection = self._connected()
        self._marks.begin(connection, floor)
        table = define(connection, progress.database, progress.table)
        if table is None:
            raise Missing
        shape = self._shape(table)
        key, order = (table.key_names, table.order) if shape.key is not None else ((), "")
        if (progress.key, progress.order) != (key, order) or not progress.last:
            upper: tuple[str, ...] = ()
            if key:
                rows = list(rowset.read_rows(connection, select_greatest(table), self._doing(progress)))
                upper = key_of_row(table, rowset.fields_of(rows[0])) if rows else ()
            progress = structs.replace(progress.anew(), key=key, order=order, upper=upper, total=table.rows)
        self._marks.end(connection)
        self._row_bytes = self._row_bytes or table.row_bytes
        self.shape = shape
        return shape, progress

    def chunk(self, progress: Progress, window: KeyedWindow, floor: Spot, only: Sequence[tuple[str, ...]]) -> Piece:
        """The next chunk behind `progress`; with `only`, the rows of these keys, given as SQL literals.

        Raises:
            Again: the table changed, or locks were in the way.
            Missing, SetupError, Retryable: see `look`.
        """
        with self._answers(progress):
            return self._chunk(progress, window, floor, only)

    def _chunk(self, progress: Progress, window: KeyedWindow, floor: Spot, only: Sequence[tuple[str, ...]]) -> Piece:
        connection, shape = self._connected(), self.shape
        assert shape is not None, "look() comes first"
        table = shape.table
        window.low = self._marks.begin(connection, floor)
        if statement_of(connection, table.database, table.table) != table.statement:
            self.shape = None
            raise Again
        if only:
            limit, sql = len(only) + 1, select_keys(table, only, locking=self._marks.locking)
        else:
            limit = max(1, min(self._chunk_rows, CHUNK_BYTES // max(self._row_bytes, 1)))
            sql = select_chunk(table, progress.last, progress.upper, limit, locking=self._marks.locking)
        before = shape.undecodable.values
        raw, is_cut = self._read(connection, sql, self._doing(progress))
        high = self._marks.end(connection)
        rows = list(map(shape.read, raw))
        assert shape.key is not None
        if only:
            after = structs.replace(progress, rows=progress.rows + len(raw))
        else:
            after = _after(table, progress, raw, is_last=len(raw) < limit and not is_cut)
        keys = list(map(shape.key, rows))
        undecodable = shape.undecodable.values - before
        return Piece(shape.version, rows, keys, high, after, int(time.time()), undecodable, raw)

    def _read(self, connection: Connection[Any], sql: str, doing: str) -> tuple[list[bytes], bool]:
        """The rows, and whether they were too large to keep them all."""
        raw: list[bytes] = []
        size, is_cut = 0, False
        for row in rowset.read_rows(connection, sql, doing):
            if size > CUT_BYTES:
                is_cut = True  # the rest is read over: the next chunk asks for less
                continue
            size += len(row)
            raw.append(row)
        if raw:
            self._row_bytes = max(size // len(raw), 1)
        return raw, is_cut

    @contextlib.contextmanager
    def _answers(self, progress: Progress) -> Iterator[None]:
        """What the errors of the server mean for a chunk."""
        try:
            yield
        except pymysql.err.MySQLError as error:
            code = error.args[0] if error.args else 0
            if code in NO_SUCH_TABLE or code == _UNKNOWN_COLUMN:
                self.shape = None
                raise Again from error
            if code in _AGAIN:
                raise Again from error
            self.drop()
            raise refine(error, self._doing(progress)) from error
        except BaseException:
            # Also where the table is gone or changed: a view left open would hold off whoever alters it.
            self.drop()
            raise

    def _shape(self, table: Definition) -> Shape:
        found = table_map(table.database, table.table, list(table.columns), table.primary_key)
        version, undecodable = self._bind(found), Undecodable()
        readings: list[Reading | None] = []
        for index, column in enumerate(table.columns):
            reading = reading_of(column, undecodable, mariadb=self._server.is_mariadb)
            if index in version.skip:
                readings.append(None)
            elif index in version.convert:
                readings.append(rowset.converted(reading, version.convert[index]))
            else:
                readings.append(reading)
        key = key_reader(version, table.key_names) if table.key else None
        return Shape(table, version, rowset.row_reader(readings, version.row), key, undecodable)

    def _connected(self) -> Connection[Any]:
        if self._is_closed:
            raise Retryable("the snapshot was stopped")
        connection = self._connection
        if connection is None:
            self._connection = connection = open_connection(self._config)
            if self._is_closed:  # meanwhile: abort() may have looked before there was a connection
                raise Retryable("the snapshot was stopped")
        return connection

    def _doing(self, progress: Progress) -> str:
        return f"cannot copy {progress.name}"

    def drop(self) -> None:
        """Close the connection; the next call makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(pymysql.err.Error, OSError):
                connection.close()

    def abort(self) -> None:
        """End for good, from another thread: what runs on the connection ends with an error."""
        self._is_closed = True
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError, AttributeError):
                socket_of(connection).shutdown(socket.SHUT_RDWR)


def _after(table: Definition, progress: Progress, raw: list[bytes], *, is_last: bool) -> Progress:
    last = key_of_row(table, rowset.fields_of(raw[-1])) if raw else progress.last
    return structs.replace(progress, last=last, rows=progress.rows + len(raw), done=is_last)


def open_connection(config: BinlogConfig) -> Connection[Any]:
    """A connection whose answers depend on no setting of the server.

    Raises:
        SetupError, Retryable: see `connect`.
    """
    connection = connect(config)
    reading: Any = connection
    # A chunk of a cold table, or one that waits for locks, takes longer than a question.
    reading._read_timeout = max(_READ_TIMEOUT_S, config.connect_timeout_ms / 1000)
    try:
        query(connection, "SET " + ", ".join(f"SESSION {name} = {value}" for name, value in _PLAIN.items()))
        query(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for name in ("max_execution_time", "max_statement_time", "show_gipk_in_create_table_and_information_schema"):
            with contextlib.suppress(pymysql.err.MySQLError, SetupError):
                query(connection, f"SET SESSION {name} = {1 if name.startswith('show') else 0}")
    except BaseException:
        with contextlib.suppress(pymysql.err.Error, OSError):
            connection.close()
        raise
    return connection
