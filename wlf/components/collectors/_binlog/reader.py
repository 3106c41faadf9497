"""The thread that reads the server's stream, and the bounded queue between it and the event loop.

A thread, because asyncio cannot read a TLS socket into large buffers, and because a blocking recv() releases the GIL.
Backpressure: with `limit_bytes` unread the thread stops reading, so TCP stops the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections import deque
from math import inf

from wlf.components.collectors._binlog.duplex import Duplex
from wlf.errors import InternalError

_RECV_BYTES = 262_144
_TAKE_BYTES = 1_048_576

GRACE_S = 1.0
"""How much longer than asked for a silence may last: not the other end, but this machine may have slept."""


class StreamReader:
    """Reads a socket in a thread of its own; `read()` belongs to the event loop it was started on.

    `sends`: `send()` will be used. The same thread does it, as a TLS connection may not be read and written at once.
    """

    def __init__(self, sock: socket.socket, first: bytes, limit_bytes: int, *, sends: bool = False) -> None:
        self._sock = sock
        self._duplex = Duplex(sock) if sends else None
        self._limit_bytes = limit_bytes
        self._chunks: deque[bytes] = deque([first] if first else ())
        self._unread = len(first)
        self._space = threading.Condition()
        self._closed = False
        self._ended: str | None = None
        self._waiting_since = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._is_called = False
        self._grace_until: float | None = None
        self._thread = threading.Thread(target=self._run, name="wlf-binlog-reader", daemon=True)
        self._thread.start()

    @property
    def unread_bytes(self) -> int:
        """Bytes that came and were not taken yet."""
        return self._unread

    def take(self) -> bytes | None:
        """The next bytes, None when none are there; TLS brings 16 KiB at a time, so several pieces are joined."""
        with self._space:
            size, taken = 0, []
            while self._chunks and size < _TAKE_BYTES:
                taken.append(self._chunks.popleft())
                size += len(taken[-1])
            self._unread -= size
            self._space.notify()
        return b"".join(taken) if taken else None

    async def read(self, silence_s: float, at_most_s: float = inf) -> bytes:
        """The next bytes; waits for them, but not longer than `at_most_s`: then, and after `call()`, it gives b"".

        Only time in which the thread really listens counts as silence, not time in which the queue was full. One waits
        at a time.

        Raises:
            ConnectionError: the stream ended, or nothing came for `silence_s`.
        """
        until = time.monotonic() + at_most_s
        while True:
            chunk = self.take()
            if chunk is not None:
                return chunk
            if self._ended is not None:
                raise ConnectionError(self._ended)
            now = time.monotonic()
            if self._is_called or now >= until:
                self._is_called = False
                return b""
            await self._wait(min(self._silent_at(now, silence_s), until))

    def call(self) -> None:
        """Have `read()` return, the one that waits or the next one."""
        self._is_called = True
        self._notify()

    def _silent_at(self, now: float, silence_s: float) -> float:
        """When to look whether it has been silent for too long."""
        silent_at = self._waiting_since + silence_s
        if now <= silent_at:
            self._grace_until = None
            return silent_at
        if self._grace_until is None:
            self._grace_until = now + GRACE_S
        if now >= self._grace_until:
            raise ConnectionError(f"nothing came for {silence_s:g} s, not even a heartbeat")
        return self._grace_until

    async def _wait(self, until: float) -> None:
        """Until something happens, or for no reason. An alarm that is set goes on: to set one for each wait is dear."""
        if self._alarm is None or self._alarm.when() > until:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(until, self._rouse)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _rouse(self) -> None:
        self._alarm = None
        self._notify()

    def _notify(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Stop the thread and close the socket."""
        with self._space:
            self._closed = True
            self._space.notify()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        if self._duplex is not None:
            self._duplex.wake()
        self._thread.join(timeout=10)
        self._sock.close()
        if self._duplex is not None:
            self._duplex.close()

    def send(self, packet: bytes) -> None:
        """Send a packet as soon as the thread comes to it; lost with the connection."""
        if self._duplex is None:
            raise InternalError("send() on a reader that was not made for it")
        self._duplex.send(packet)

    def _run(self) -> None:
        recv = self._sock.recv if self._duplex is None else self._duplex.recv
        try:
            while self._has_space():
                self._waiting_since = time.monotonic()
                chunk = recv(_RECV_BYTES)
                if not chunk:
                    self._end("the server closed the connection")
                    return
                self._put(chunk)
        except (OSError, ValueError) as error:  # ValueError: TLS closed under the read
            self._end(f"the connection broke: {error}")

    def _has_space(self) -> bool:
        with self._space:
            self._space.wait_for(lambda: self._closed or self._unread < self._limit_bytes)
            return not self._closed

    def _put(self, chunk: bytes) -> None:
        with self._space:
            self._chunks.append(chunk)
            self._unread += len(chunk)
            was_empty = len(self._chunks) == 1
        if was_empty:
            self._wake()

    def _end(self, reason: str) -> None:
        self._ended = reason
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._notify)
