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
    """`recv()` belongs to the reading thread, which also writes what others gave to `send()`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._unsent: deque[bytes] = deque()
        self._woken, self._waker = os.pipe()
        self._poll = select.poll()
        self._poll.register(sock, _READ)
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
            self._write()
            # TLS may have decrypted more than it handed out: the socket itself has nothing then.
            if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
                return self._sock.recv(size)
            ready = {file for file, _ in self._poll.poll()}
            if self._woken in ready:
                os.read(self._woken, 4096)
            if self._sock.fileno() in ready:
                return self._sock.recv(size)
            if self._sock.fileno() < 0:
                return b""

    def close(self) -> None:
        """Let go of what `wake()` uses, when the thread has ended."""
        for file in (self._woken, self._waker):
            with contextlib.suppress(OSError):
                os.close(file)

    def _write(self) -> None:
        while self._unsent:
            self._sock.sendall(self._unsent.popleft())
