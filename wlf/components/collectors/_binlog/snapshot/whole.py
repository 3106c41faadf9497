"""Reads a table without a usable key: in one piece, from one consistent view, while the stream is held at its place.

Rows without a key cannot be told from each other, so leaving out what the stream changed meanwhile works only where the
place of the view in the binlog is exact. MariaDB tells it. On MySQL, and for tables without transactions on both, the
table is locked against writes: on MySQL only until the view is there, without transactions until it is read.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pymysql
from msgspec import structs
from pymysql.connections import Connection

from wlf.components.collectors._binlog.connection import query, refine, socket_of
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.server import Server
from wlf.components.collectors._binlog.snapshot import rowset
from wlf.components.collectors._binlog.snapshot.definition import statement_of
from wlf.components.collectors._binlog.snapshot.keyset import select_all
from wlf.components.collectors._binlog.snapshot.progress import Progress
from wlf.components.collectors._binlog.snapshot.reader import CHUNK_BYTES, Again, Piece, Shape, open_connection
from wlf.components.collectors._binlog.snapshot.watermarks import SnapshotMarks, Spot, SpotLow, end_of
from wlf.components.collectors._binlog.snapshot.window import WholeWindow
from wlf.errors import Retryable

_DENIED = frozenset((1044, 1142, 1227))
_IN_USE = frozenset((1205, 1213))
_LOCK_WAIT_S = 2


class WholeReader:
    """One reading of one table: `begin`, `piece` until it says done, `close`. All of it blocks."""

    def __init__(self, config: BinlogConfig, server: Server, chunk_rows: int) -> None:
        self._config = config
        self._server = server
        self._chunk_rows = chunk_rows
        self._connection: Connection[Any] | None = None
        self._rows: Iterator[rowset.Raw] = iter(())
        self._spot: Spot = ("", 0)
        self._is_closed = False
        self.is_exact = True
        """False: the account may not lock the table, so rows changed at the very beginning may come twice."""

    def begin(self, shape: Shape, window: WholeWindow, floor: Spot) -> Spot:
        """Open the view; the place at which the stream must be held.

        Raises:
            Again: the table changed, or others hold it locked.
            Retryable: `close` came first, or the server is not there.
        """
        self._connection = connection = open_connection(self._config)
        if self._is_closed:  # meanwhile: close() may have looked before there was a connection
            self.close()
            raise Retryable("the snapshot was stopped")
        table = shape.table
        if not table.is_transactional:
            self._lock(connection, table.name)
            self._spot = end_of(connection, self._server)
            window.low = SpotLow(self._spot)
        elif self._server.is_mariadb:
            low = SnapshotMarks(self._server).begin(connection, floor)
            assert isinstance(low, SpotLow)
            window.low, self._spot = low, low.spot
        else:
            window.low, self._spot = self._locked_view(connection, table.name)
        if statement_of(connection, table.database, table.table) != table.statement:
            raise Again
        self._rows = rowset.read_rows(connection, select_all(table), f"cannot copy {table.name}")
        return self._spot

    def _locked_view(self, connection: Connection[Any], name: str) -> tuple[SpotLow, Spot]:
        """No transaction that changed the table is under way while another session has it locked."""
        with contextlib.closing(open_connection(self._config)) as locking:
            self._lock(locking, name)
            query(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
            spot = end_of(connection, self._server)
        return SpotLow(spot), spot

    def _lock(self, connection: Connection[Any], name: str) -> None:
        try:
            with connection.cursor() as cursor:
                # Writers queue up behind a lock that waits.
                cursor.execute(f"SET SESSION lock_wait_timeout = {_LOCK_WAIT_S}")
                cursor.execute(f"LOCK TABLES {name} READ")
        except pymysql.err.MySQLError as error:
            code = error.args[0] if error.args else 0
            if code in _IN_USE:
                raise Again from error
            if code not in _DENIED:
                raise refine(error, f"cannot copy {name}") from error
            self.is_exact = False

    def piece(self, shape: Shape, progress: Progress) -> Piece:
        """The next rows; the last piece, maybe empty, has a progress that is done."""
        rows: list[Any] = []
        size, before, is_last = 0, shape.undecodable.values, True
        for raw in self._rows:
            rows.append(shape.read(raw))
            size += len(raw)
            if size > CHUNK_BYTES or len(rows) >= self._chunk_rows:
                is_last = False
                break
        after = structs.replace(progress, rows=progress.rows + len(rows), done=is_last)
        undecodable = shape.undecodable.values - before
        return Piece(shape.version, rows, [], self._spot, after, int(time.time()), undecodable, [])

    def abort(self) -> None:
        """End what runs, from another thread."""
        self._is_closed = True
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError, AttributeError):
                socket_of(connection).shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the view and the lock, for good."""
        self._is_closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(pymysql.err.Error, OSError):
                connection._force_close()  # type: ignore[attr-defined]
