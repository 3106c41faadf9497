"""Acknowledges to the server what is stored, so that a commit there waits for more than a copy in our memory.

The packet is that of MySQL's and MariaDB's semi-synchronous replicas: a command of its own on the stream's connection.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from wlf.components.collectors._binlog.place import Position, file_order

_MAGIC = 0xEF

Place = tuple[str, int]


class Acknowledger:
    """Answers for one stream.

    Args:
        wanted: gives the newest place that the server asked to acknowledge.
        send: writes a packet to it.
        server: names the server in positions.
    """

    def __init__(self, wanted: Callable[[], Place | None], send: Callable[[bytes], None], server: str) -> None:
        self._wanted = wanted
        self._send = send
        self._server = server
        self._said: Place | None = None

    def stored(self, position: Position) -> None:
        """Everything before `position` is stored: tell the server, if it waits for any of that."""
        wanted = self._wanted()
        if wanted is None or position.server != self._server:
            return
        # A later place answers for all before it; one that was not asked for yet is no use.
        place = min((position.file, position.offset), wanted, key=_order)
        if self._said is None or _order(place) > _order(self._said):
            self._said = place
            self._send(packet(*place))


def packet(file: str, offset: int) -> bytes:
    """The answer: length, sequence number 0, ef, offset, file name."""
    body = struct.pack("<BQ", _MAGIC, offset) + file.encode()
    return len(body).to_bytes(3, "little") + b"\0" + body


def _order(place: Place) -> tuple[tuple[int, str], int]:
    return file_order(place[0]), place[1]
