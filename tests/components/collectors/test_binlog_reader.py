"""The reader thread: order, backpressure, silence and the end of a stream."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from wlf.components.collectors._binlog.reader import StreamReader


def _with_reader(
    test: Callable[[StreamReader, socket.socket], Awaitable[None]], *, first: bytes = b"", limit_bytes: int = 1 << 20
) -> None:
    async def run() -> None:
        server, client = socket.socketpair()
        reader = StreamReader(client, first, limit_bytes)
        try:
            await asyncio.wait_for(test(reader, server), 20)
        finally:
            reader.close()
            server.close()
        assert "wlf-binlog-reader" not in {thread.name for thread in threading.enumerate()}

    asyncio.run(run())


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for what the reader's thread does."""

    def poll() -> None:
        while not condition():
            time.sleep(0.001)

    await asyncio.to_thread(poll)


def test_first_bytes_come_first() -> None:
    async def test(reader: StreamReader, server: socket.socket) -> None:
        server.sendall(b"later")
        got = b""
        while len(got) < 10:
            got += await reader.read(5)
        assert got == b"firstlater"

    _with_reader(test, first=b"first")


def test_all_bytes_come_in_order() -> None:
    sent = bytes(range(256)) * 20_000

    async def test(reader: StreamReader, server: socket.socket) -> None:
        writer = asyncio.create_task(asyncio.to_thread(server.sendall, sent))
        got = bytearray()
        while len(got) < len(sent):
            got += await reader.read(5)
        await writer
        assert got == sent

    _with_reader(test, limit_bytes=65_536)


def test_a_call_ends_the_waiting_also_one_that_comes_before_it() -> None:
    async def test(reader: StreamReader, server: socket.socket) -> None:
        waiting = asyncio.create_task(reader.read(60))
        await asyncio.sleep(0)
        reader.call()
        assert await waiting == b""
        reader.call()
        assert await reader.read(60) == b""
        server.sendall(b"bytes")
        assert await reader.read(60) == b"bytes"

    _with_reader(test)


def test_nothing_comes_within_the_time_that_is_given() -> None:
    async def test(reader: StreamReader, server: socket.socket) -> None:
        for _ in range(3):
            assert await reader.read(60, 0.01) == b""
        server.sendall(b"bytes")
        assert await reader.read(60, 20) == b"bytes"

    _with_reader(test)


@pytest.mark.parametrize("at_most_s", [0.05, 0.3, 20.0])
def test_silence_is_noticed_however_short_each_waiting_is(at_most_s: float) -> None:
    async def listen(reader: StreamReader) -> None:
        while True:
            await reader.read(0.2, at_most_s)
            asyncio.get_running_loop().call_later(0.1, reader.call)

    async def test(reader: StreamReader, server: socket.socket) -> None:
        with pytest.raises(ConnectionError, match="nothing came for"):
            await listen(reader)

    _with_reader(test)


def test_who_stops_to_wait_loses_nothing() -> None:
    async def test(reader: StreamReader, server: socket.socket) -> None:
        waiting = asyncio.create_task(reader.read(60))
        await asyncio.sleep(0)
        server.sendall(b"bytes")
        # Who waits may have them at once, so that none is unread.
        await _until(lambda: reader.unread_bytes == 5 or waiting.done())
        waiting.cancel()
        got = await asyncio.gather(waiting, return_exceptions=True)
        assert got == [b"bytes"] or await reader.read(60) == b"bytes"

    _with_reader(test)


def test_reader_stops_at_its_limit_and_goes_on_when_there_is_space() -> None:
    sent = bytes(8_000_000)

    async def test(reader: StreamReader, server: socket.socket) -> None:
        writer = asyncio.create_task(asyncio.to_thread(server.sendall, sent))
        await _until(lambda: reader.unread_bytes >= 65_536)
        # One read may come on top of the limit; the rest stays with the sender.
        await asyncio.sleep(0.05)
        assert reader.unread_bytes < 65_536 + 262_145
        assert not writer.done()
        got = 0
        while got < len(sent):
            got += len(await reader.read(5))
        await writer

    _with_reader(test, limit_bytes=65_536)


def test_silence_is_an_error() -> None:
    async def test(reader: StreamReader, server: socket.socket) -> None:
        with pytest.raises(ConnectionError, match=r"nothing came for 0\.1 s"):
            await reader.read(0.1)

    _with_reader(test)


def test_time_in_which_the_queue_was_full_is_no_silence() -> None:
    async def test(reader: StreamReader, server: socket.socket) -> None:
        writer = asyncio.create_task(asyncio.to_thread(server.sendall, bytes(100_000)))
        await _until(lambda: reader.unread_bytes >= 10)
        began = time.monotonic()
        await asyncio.sleep(0.3)
        got = 0
        while got < 100_000:
            got += len(await reader.read(0.2))
        await writer
        assert time.monotonic() - began < 1.0

    _with_reader(test, limit_bytes=10)


def test_end_of_stream_is_told_after_the_last_bytes() -> None:
    async def test(reader: StreamReader, server: socket.socket) -> None:
        server.sendall(b"last")
        server.close()
        assert await reader.read(5) == b"last"
        with pytest.raises(ConnectionError, match="the server closed the connection"):
            await reader.read(5)

    _with_reader(test)


def test_close_ends_a_thread_that_waits_for_space() -> None:
    async def test(reader: StreamReader, server: socket.socket) -> None:
        server.sendall(b"x" * 100)
        await _until(lambda: reader.unread_bytes == 100)
        reader.close()

    _with_reader(test, limit_bytes=10)
