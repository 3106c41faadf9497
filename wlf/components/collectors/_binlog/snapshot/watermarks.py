"""The two watermarks of a chunk, read from the server: nothing is written to it.

The binlog runs ahead of what a SELECT sees: a transaction is logged, and may have been read by us, some time before
the engine has committed it (with semi-synchronous replication: seconds). So the end of the binlog is no low watermark.
Each of the three ways here makes sure that the chunk sees all that the low watermark says, and all that the stream has
handed out before the chunk was begun.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from pymysql.connections import Connection

from wlf.binlog import GtidSet, Transaction
from wlf.components.collectors._binlog.connection import query
from wlf.components.collectors._binlog.place import file_order
from wlf.components.collectors._binlog.server import Server
from wlf.errors import Retryable

_POLL_S = 0.002
_PATIENCE_S = 0.5
_GIVE_UP_S = 60.0
_OWNED = re.compile(r"([0-9a-f-]{36})|([a-z_][a-z0-9_]*)(?=:)|(\d+#\d+)")

Spot: TypeAlias = tuple[str, int]
"""File and offset in the server's binlog."""


class Low(Protocol):
    """A low watermark."""

    def has(self, transaction: Transaction) -> bool:
        """Is the transaction surely seen by the chunk?"""
        ...


class GtidLow(NamedTuple):
    """All transactions of a GTID set."""

    gtids: GtidSet

    def has(self, transaction: Transaction) -> bool:
        """See Low."""
        return transaction.gtid is not None and transaction.gtid in self.gtids


class SpotLow(NamedTuple):
    """All transactions that end at or before a place."""

    spot: Spot

    def has(self, transaction: Transaction) -> bool:
        """See Low; a part of a transaction says nothing of where that ends."""
        return transaction.commit and not is_behind((transaction.file, transaction.end_position), self.spot)


class Watermarks(Protocol):
    """Around one chunk: `begin`, the SELECT with `locking` behind it, `end`."""

    locking: str

    def begin(self, connection: Connection[Any], floor: Spot) -> Low:
        """The low watermark; `floor` is how far the stream was handed out."""
        ...

    def end(self, connection: Connection[Any]) -> Spot:
        """The high watermark."""
        ...


def is_behind(spot: Spot, other: Spot) -> bool:
    """Does the one lie behind the other, and not at it?"""
    return (file_order(spot[0]), spot[1]) > (file_order(other[0]), other[1])


def end_of(connection: Connection[Any], server: Server) -> Spot:
    """The end of the binlog."""
    renamed = not server.is_mariadb and server.version >= (8, 2)
    rows = query(connection, "SHOW BINARY LOG STATUS" if renamed else "SHOW MASTER STATUS")
    return _text(rows[0][0]), int(rows[0][1])


def watermarks_of(server: Server) -> Watermarks:
    """The way that a server offers."""
    if server.is_mariadb:
        return SnapshotMarks(server)
    return GtidMarks(server) if server.has_gtids else LockingMarks(server)


class GtidMarks:
    """MySQL with GTIDs: a GTID is owned from before it is logged, and executed once the engine has committed it."""

    locking = ""

    def __init__(self, server: Server) -> None:
        self._server = server

    def begin(self, connection: Connection[Any], floor: Spot) -> Low:
        """Wait until all that was on its way to the engine has arrived there; then the executed set."""
        waited = _owned(connection)

        def arrived() -> bool:
            waited.intersection_update(_owned(connection))
            return not waited

        _wait(arrived, "transactions that are logged and not yet committed")
        return GtidLow(GtidSet.parse("".join(_variable(connection, "gtid_executed").split())))

    def end(self, connection: Connection[Any]) -> Spot:
        """The end of the binlog: what was visible is logged."""
        return end_of(connection, self._server)


def _owned(connection: Connection[Any]) -> set[tuple[str, str, str]]:
    """The GTIDs that are on their way, each with the session that brings it."""
    found = set()
    source = tag = ""
    for uuid, word, number in _OWNED.findall(_variable(connection, "gtid_owned").lower()):
        if uuid:
            source, tag = uuid, ""
        elif word:
            tag = word
        else:
            found.add((source, tag, number))
    return found


class LockingMarks:
    """MySQL without GTIDs: a transaction that is logged and not committed still has its rows locked.

    So a read that takes shared locks waits for it. READ COMMITTED locks the rows alone, no gaps between them.
    """

    locking = " LOCK IN SHARE MODE"

    def __init__(self, server: Server) -> None:
        self._server = server

    def begin(self, connection: Connection[Any], floor: Spot) -> Low:
        """The end of the binlog."""
        query(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        return SpotLow(end_of(connection, self._server))

    def end(self, connection: Connection[Any]) -> Spot:
        """The end of the binlog."""
        return end_of(connection, self._server)


class SnapshotMarks:
    """MariaDB: a consistent snapshot knows its place in the binlog. It ends with `end`."""

    locking = ""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._spot: Spot = ("", 0)

    def begin(self, connection: Connection[Any], floor: Spot) -> Low:
        """A snapshot at or behind `floor`."""

        def reached() -> bool:
            query(connection, "COMMIT")
            query(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
            rows = query(connection, "SHOW STATUS LIKE 'binlog_snapshot_%'")
            found = {_text(name).lower(): _text(value) for name, value in rows}
            self._spot = found["binlog_snapshot_file"], int(found["binlog_snapshot_position"])
            if not is_behind(floor, self._spot):
                return True
            return time.monotonic() - begun > _PATIENCE_S and not _has_commits(connection, self._spot, floor)

        begun = time.monotonic()
        _wait(reached, "transactions that are logged and not yet committed")
        return SpotLow(self._spot)

    def end(self, connection: Connection[Any]) -> Spot:
        """The end of the binlog: tables without transactions may have been read later than the snapshot."""
        query(connection, "COMMIT")
        return end_of(connection, self._server)


def _has_commits(connection: Connection[Any], first: Spot, end: Spot) -> bool:
    """Does a transaction lie between two places? The server's own notes there move no snapshot."""
    if first[0] != end[0]:
        return True
    rows = query(connection, "SHOW BINLOG EVENTS IN %s FROM %s LIMIT 50", (first[0], first[1]))
    between = [row for row in rows if int(row[1]) < end[1]]
    return len(between) == 50 or any(
        _text(row[2]).lower().startswith(("gtid", "query", "xid"))
        for row in between
        if _text(row[2]).lower() != "gtid_list"
    )


def _wait(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _GIVE_UP_S
    pause = _POLL_S
    while not condition():
        if time.monotonic() > until:
            raise Retryable(f"a snapshot waits for {what} for {_GIVE_UP_S:g} s")
        time.sleep(pause)
        pause = min(pause * 2, 0.2)


def _variable(connection: Connection[Any], name: str) -> str:
    ((value,),) = query(connection, f"SELECT @@GLOBAL.{name}")
    return _text(value)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
