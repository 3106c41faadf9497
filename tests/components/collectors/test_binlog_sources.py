"""How long a silent server is waited for, and writing to one that is being read."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.components.certificates import certificate
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.reader import StreamReader
from wlf.components.collectors._binlog.sources import StreamSource
from wlf.errors import Retryable


def _with_source(
    test: Callable[[StreamSource, socket.socket, Lag], Awaitable[None]], *, heartbeat_ms: int = 100, seeks: bool = False
) -> None:
    async def run() -> None:
        server, client = socket.socketpair()
        lag = Lag({}, is_seeking=seeks)
        source = StreamSource(StreamReader(client, b"", 1 << 20), heartbeat_ms, "db:3306", lag)
        try:
            await asyncio.wait_for(test(source, server, lag), 20)
        finally:
            await asyncio.to_thread(source.close)
            server.close()

    asyncio.run(run())


@pytest.mark.parametrize("heartbeat_ms", [100, 1500])
def test_silent_server_is_given_up_within_two_heartbeats(heartbeat_ms: int) -> None:
    async def test(source: StreamSource, server: socket.socket, lag: Lag) -> None:
        began = time.monotonic()
        with pytest.raises(Retryable, match="db:3306: nothing came for"):
            await source.read()
        # Below a second a heartbeat, this machine's own pauses count more than the network's.
        assert time.monotonic() - began < max(2 * heartbeat_ms / 1000, 1.2) + 0.5

    _with_source(test, heartbeat_ms=heartbeat_ms)


def test_server_that_seeks_a_gtid_is_not_given_up_and_nothing_begins_anew() -> None:
    """It may be silent for longer than it takes to give up one that is read: giving it up would never end."""

    async def test(source: StreamSource, server: socket.socket, lag: Lag) -> None:
        waiting = asyncio.create_task(source.read())
        await asyncio.sleep(2.0)
        assert not waiting.done()
        server.sendall(b"found")
        assert await waiting == b"found"
        # The preamble is no sign that it has found the place, a heartbeat is.
        waiting = asyncio.create_task(source.read())
        await asyncio.sleep(2.0)
        assert not waiting.done()
        server.sendall(b"heartbeat")
        assert await waiting == b"heartbeat"
        lag.heard()
        with pytest.raises(Retryable, match="not even a heartbeat"):
            await source.read()

    _with_source(test, seeks=True)


@pytest.mark.parametrize("encrypted", [False, True])
def test_packets_are_sent_while_the_thread_reads(encrypted: bool, tmp_path: Path) -> None:
    echoed = b"".join(bytes([n % 256]) * 1000 for n in range(200))

    async def run() -> None:
        far, near = socket.socketpair()
        peer = threading.Thread(target=_echo, args=(far, tmp_path if encrypted else None))
        peer.start()
        sock = await asyncio.to_thread(_trusting().wrap_socket, near) if encrypted else near
        reader = StreamReader(sock, b"", 1 << 20, sends=True)
        got = bytearray()
        for at in range(0, len(echoed), 1000):
            reader.send(echoed[at : at + 1000])
            if at % 10_000 == 0:
                got += await reader.read(5)
        while len(got) < len(echoed):
            got += await reader.read(5)
        assert got == echoed
        await asyncio.to_thread(reader.close)
        peer.join(10)
        assert not peer.is_alive()

    asyncio.run(asyncio.wait_for(run(), 30))


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _echo(sock: socket.socket, folder: Path | None) -> None:
    """Send back all that comes, until it is closed."""
    if folder is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(folder))
        sock = context.wrap_socket(sock, server_side=True)
    with sock:
        try:
            while piece := sock.recv(65_536):
                sock.sendall(piece)
        except OSError:
            return
