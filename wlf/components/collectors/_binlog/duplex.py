"""One thread that reads a socket and now and then writes to it, with or without TLS."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
from collections import deque

_READ = select.POLLIN | select.POLLHUP | select.POLLERR


class Duplex:
    """`recv()` belongs to the reading thread, which also writes what others gave to `send()`.

    The socket does not block: a TLS record without data (a session ticket, a new key) makes it readable, and a read
    that then waited for data would keep what is to be sent waiting too.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.setblocking(False)
        self._unsent: deque[bytes] = deque()
        self._woken, self._waker = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._woken, _READ)

    def send(self, packet: bytes) -> None:
        """Have a packet written; any thread may call it."""
        self._unsent.append(packet)
        self.wake()

    def wake(self) -> None:
        """Let `recv()` look around: something is to be sent, or the socket is shut down."""
        with contextlib.suppress(OSError):  # closed
            os.write(self._waker, b"x")

    def recv(self, size: int) -> bytes:
        """The next bytes; waits for them and writes meanwhile. b"": the other end closed. Raises OSError."""
        while True:
            wants = self._write()
            try:
                return self._sock.recv(size)
            except ssl.SSLWantWriteError:
                wants = select.POLLOUT
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            self._wait(_READ | wants)

    def close(self) -> None:
        """Let go of what `wake()` uses, when the thread has ended."""
        for file in (self._woken, self._waker):
            with contextlib.suppress(OSError):
                os.close(file)

    def _write(self) -> int:
        """Write what there is; POLLOUT where the rest must wait for room."""
        while self._unsent:
            packet = self._unsent.popleft()
            try:
                sent = self._sock.send(packet)
            except (BlockingIOError, ssl.SSLWantWriteError):
                sent = 0
            except ssl.SSLWantReadError:
                self._unsent.appendleft(packet)
                return 0
            if sent < len(packet):
                self._unsent.appendleft(packet[sent:])
                return select.POLLOUT
        return 0

    def _wait(self, events: int) -> None:
        self._poll.register(self._sock, events)
        if any(file == self._woken for file, _ in self._poll.poll()):
            os.read(self._woken, 4096)
