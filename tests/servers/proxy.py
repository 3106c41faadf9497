"""A TCP proxy in front of a server, with which a test cuts, silences or slows down the network."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_PIECE = 65_536

Cut = Callable[[int], int | None]


def _never(number: int) -> int | None:
    return None


class Proxy:
    """Passes connections on to a port of 127.0.0.1.

    Args:
        server_port: where the server listens.
        cut: called with the number of each connection, from 0: after how many of the server's bytes it is cut, None =
            never. Both ends see a connection that is closed, in the middle of whatever it is.

    `silence()` makes a black hole of all connections: they stay open, and nothing passes. `delay_s` holds back each
    piece of what the server sends.
    """

    def __init__(self, server_port: int, cut: Cut = _never) -> None:
        self.server_port = server_port
        self.cut = cut
        self.delay_s = 0.0
        self.connections = 0
        self.sent: list[bytearray] = []
        """By connection, what the server sent."""
        self.cuts = 0
        self._passes = threading.Event()
        self._passes.set()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def silence(self) -> None:
        """Let nothing pass, neither way, also on connections to come; none is closed."""
        self._passes.clear()

    def heal(self) -> None:
        """Let everything pass again, also what was held back."""
        self._passes.set()

    def drop(self) -> None:
        """Close all connections that are open now."""
        for end in list(self._open):
            _shut(end)

    def close(self) -> None:
        """Accept no more, and drop what there is."""
        _shut(self._listener)
        self.heal()
        self.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.server_port))
                except OSError:
                    client.close()
                    continue
                limit = self.cut(self.connections)
                self.connections += 1
                self._open |= {client, server}
                self.sent.append(bytearray())
                for source, target, left in ((client, server, None), (server, client, limit)):
                    seen = self.sent[-1] if source is server else bytearray()
                    threading.Thread(target=self._pass, args=(source, target, left, seen), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, left: int | None, seen: bytearray) -> None:
        with contextlib.suppress(OSError):
            while left != 0 and (piece := source.recv(_PIECE if left is None else min(left, _PIECE))):
                seen += piece
                if left is not None:
                    left -= len(piece)
                self._passes.wait()
                if self.delay_s:
                    time.sleep(self.delay_s)
                target.sendall(piece)
        self.cuts += left == 0
        for end in (source, target):
            self._open.discard(end)
            _shut(end)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
