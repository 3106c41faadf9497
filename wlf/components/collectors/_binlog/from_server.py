"""Begin to read a server's stream."""

from __future__ import annotations

import asyncio
import socket
from typing import NamedTuple

from wlf.binlog import ServerRefused
from wlf.components.collectors._binlog import dump, refusal, server, standing, start
from wlf.components.collectors._binlog.connection import connect
from wlf.components.collectors._binlog.flow import Begin
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.making import Making
from wlf.components.collectors._binlog.place import FIRST_OFFSET, Position
from wlf.components.collectors._binlog.reader import StreamReader
from wlf.components.collectors._binlog.semi_sync import Acknowledger
from wlf.components.collectors._binlog.session import Session
from wlf.components.collectors._binlog.side import SideConnection
from wlf.components.collectors._binlog.sources import StreamSource

_LOOKS = 5
"""How often the tables are looked at before it is taken that they change all the time."""


class Stream(NamedTuple):
    """A server's stream that has begun."""

    session: Session
    start: start.Start
    acknowledger: Acknowledger | None
    """To be told what is stored; None where the server does not ask."""
    make: str
    """Of the server, with its version."""


async def read_server(making: Making, stored: Position | None, identity: dump.Identity) -> Stream:
    """Read a server's stream, from the stored position or `start` on.

    Raises:
        SetupError: the server cannot be read as asked.
        Retryable: it is not there.
    """
    side = SideConnection(making.config)
    try:
        await making.history.load()
        opened = await asyncio.to_thread(_ask, making, side, stored, identity)
        return _stream(making, side, opened, stored)
    except BaseException:
        await asyncio.to_thread(side.close)
        raise


class _Opened(NamedTuple):
    """A dump that has begun."""

    server: server.Server
    start: start.Start
    lag: Lag
    end: server.End | None
    semi_sync: bool
    sock: socket.socket
    first: bytes


def _ask(making: Making, side: SideConnection, stored: Position | None, identity: dump.Identity) -> _Opened:
    """Look at the server, decide where to begin, and have it send its binlog. Blocks."""
    config, logger = making.config, making.context.logger
    found = server.look_at(side, config.address)
    server.check(found, logger)
    server.check_replica(found, is_replica=standing.is_replica(side, found) is True)
    if config.semi_sync:
        server.check_semi_sync(found, logger)
    begin = _choose(making, side, found, stored)
    end = server.end_of_binlog(side, found) if making.context.until_end else None
    skew_s = server.clock_of(side) - making.context.clock.time()
    lag = Lag(server.binlog_files(side), skew_s=skew_s, is_seeking=begin.request.gtid is not None)
    wishes = dump.Wishes(config.heartbeat_interval_ms, identity, config.semi_sync and found.has_semi_sync)
    sock, first = _begin(making, side, found, wishes, begin)
    return _Opened(found, begin, lag, end, wishes.semi_sync, sock, first)


def _choose(making: Making, side: SideConnection, found: server.Server, stored: Position | None) -> start.Start:
    """Where to begin, with the tables of then. A first start may choose once more where tables just change."""
    config, history = making.config, making.history
    for _ in range(_LOOKS):
        early = history.look_early(side, found, config, stored)
        begin = start.choose(config, found, side, stored)
        history.take_up(side, found, config, begin.position, None if begin.gap else stored, early)
        if early is None or not history.is_doubtful:
            break
    return begin


def _begin(
    making: Making, side: SideConnection, found: server.Server, wishes: dump.Wishes, begin: start.Start
) -> tuple[socket.socket, bytes]:
    config = making.config
    try:
        with connect(config) as connection:
            dump.prepare(connection, found, wishes, begin.request)
            return dump.start(connection, found, wishes.identity, begin.request, config.connect_timeout_ms / 1000)
    except ServerRefused as refused:
        raise refusal.explain(refused, config.address, side) from refused


def _stream(making: Making, side: SideConnection, opened: _Opened, stored: Position | None) -> Stream:
    config, begin, found, lag = making.config, opened.start, opened.server, opened.lag
    at = begin.position or Position("", FIRST_OFFSET)
    lag.reached(at.file, at.offset)
    checksum = found.variables.get("binlog_checksum", "NONE").upper() == "CRC32"
    decoder = making.decoder("stream", at, begin.seen, declared_checksum=checksum, semi_sync=opened.semi_sync)
    is_stored = stored is not None and not begin.gap
    how = Begin(
        found.uuid,
        None if is_stored else begin.position,
        is_place_known=begin.position is not None,
        # Where only some transactions have GTIDs, a set of them would say nothing of the others.
        knows_gtids=found.has_gtids and (begin.seen is not None or at.offset == FIRST_OFFSET),
        learns_gtids=found.has_gtids and not found.is_mariadb,
    )
    reader = StreamReader(opened.sock, opened.first, config.read_buffer_bytes, sends=opened.semi_sync)
    source = StreamSource(reader, config.heartbeat_interval_ms, config.address, lag)
    session = Session(making, source, making.flow(decoder, lag, how), lag, side)
    if opened.end is not None:
        session.end = Position(opened.end.file, opened.end.offset)
    acknowledger = Acknowledger(lambda: decoder.wants_ack, source.send, found.uuid) if opened.semi_sync else None
    return Stream(session, begin, acknowledger, found.make)
