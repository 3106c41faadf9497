"""Begin to read a server's stream."""

from __future__ import annotations

import asyncio
import socket
from typing import NamedTuple

from wlf.components.collectors._binlog import dump, server, start
from wlf.components.collectors._binlog.connection import connect
from wlf.components.collectors._binlog.flow import Begin
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.making import Making
from wlf.components.collectors._binlog.place import FIRST_OFFSET, Position
from wlf.components.collectors._binlog.reader import StreamReader
from wlf.components.collectors._binlog.session import Session
from wlf.components.collectors._binlog.side import SideConnection
from wlf.components.collectors._binlog.sources import StreamSource


async def read_server(making: Making, stored: Position | None) -> Session:
    """Read a server's stream, from the stored position or `start` on.

    Raises:
        SetupError: the server cannot be read as asked.
        Retryable: it is not there.
    """
    side = SideConnection(making.config)
    try:
        opened = await asyncio.to_thread(_ask, making, side, stored)
        return _session(making, side, opened, stored)
    except BaseException:
        await asyncio.to_thread(side.close)
        raise


class _Opened(NamedTuple):
    """A dump that has begun."""

    server: server.Server
    start: start.Start
    sizes: dict[str, int]
    end: server.End | None
    sock: socket.socket
    first: bytes


def _ask(making: Making, side: SideConnection, stored: Position | None) -> _Opened:
    """Look at the server, decide where to begin, and have it send its binlog. Blocks."""
    config = making.config
    found = server.look_at(side, config.address)
    server.check(found, making.context.logger)
    begin = start.choose(config, found, side, stored)
    end = server.end_of_binlog(side, found) if making.context.until_end else None
    sizes = server.binlog_files(side)
    server_id = config.server_id or dump.random_server_id()
    with connect(config) as connection:
        dump.prepare(connection, found, config.heartbeat_interval_ms, begin.request)
        sock, first = dump.start(connection, found, server_id, begin.request, config.connect_timeout_ms / 1000)
    return _Opened(found, begin, sizes, end, sock, first)


def _session(making: Making, side: SideConnection, opened: _Opened, stored: Position | None) -> Session:
    config, begin = making.config, opened.start
    at = begin.position or Position("", FIRST_OFFSET)
    lag = Lag(opened.sizes)
    lag.reached(at.file, at.offset)
    checksum = opened.server.variables.get("binlog_checksum", "NONE").upper() == "CRC32"
    decoder = making.decoder("stream", at, begin.seen, declared_checksum=checksum)
    how = Begin(
        opened.server.uuid,
        None if stored else begin.position,
        is_place_known=begin.position is not None,
        knows_gtids=begin.seen is not None or at.offset == FIRST_OFFSET,
    )
    reader = StreamReader(opened.sock, opened.first, config.read_buffer_bytes)
    source = StreamSource(reader, config.heartbeat_interval_ms, config.address, lag)
    session = Session(making, source, making.flow(decoder, lag, how), lag, side)
    if opened.end is not None:
        session.end = Position(opened.end.file, opened.end.offset)
    return session
