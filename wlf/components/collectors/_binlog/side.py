"""The connection beside the stream: settings, the end of the binlog, schemas."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import pymysql
from pymysql.connections import Connection

from wlf.components.collectors._binlog.connection import connect, query, socket_of
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.errors import Retryable


class SideConnection:
    """One connection, made when it is first needed and made again when it broke. All methods block: use a thread."""

    def __init__(self, config: BinlogConfig) -> None:
        self._config = config
        self._connection: Connection[Any] | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def query(self, sql: str, arguments: object = None) -> list[tuple[Any, ...]]:
        """The rows of one statement; raises as `connection.query` does."""
        with self._lock:
            was_idle = self._connection is not None
            try:
                return self._query(sql, arguments)
            except Retryable:
                self._drop()
                if not was_idle or self._is_closed:
                    raise
                # The server drops idle connections (wait_timeout): a new one may do.
                return self._query(sql, arguments)
            finally:
                if self._is_closed:
                    self._drop()

    def close(self) -> None:
        """Let go of the connection, for good; a query that still runs on it ends with an error."""
        self._is_closed = True
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError, AttributeError):  # AttributeError: closed at this moment
                socket_of(connection).shutdown(socket.SHUT_RDWR)
        # A query that still connects to a silent server would hold up the end: it drops the connection itself.
        if self._lock.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._lock.release()

    def _query(self, sql: str, arguments: object) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = connect(self._config)
        return query(self._connection, sql, arguments)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(pymysql.err.Error):
                connection.close()
