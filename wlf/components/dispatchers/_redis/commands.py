"""Batches of events as Redis commands, packed here: a tenth of what the client's own packer takes per command.

The protocol is RESP2: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wlf.components.dispatchers._redis.options import LPush, Mode, Pub, XAdd

MAX_VALUES = 100_000
"""Values in one LPUSH or RPUSH at most: the server does nothing else while it runs one (about 30 ms)."""
MAX_COMMAND_BYTES = 64 << 20
"""Bytes in one LPUSH or RPUSH at most: a server closes the connection at 1 GiB (client-query-buffer-limit)."""

REMEMBERED_LENGTHS = 65_536


class Command(NamedTuple):
    """One command on the wire, and which events of the batch it carries."""

    packed: bytes
    indices: Sequence[int]


class _Lengths(dict[int, bytes]):
    """How the length of a bulk string is written; that of short ones is remembered."""

    def __missing__(self, length: int) -> bytes:
        text = b"$%d" % length
        if length < REMEMBERED_LENGTHS:
            self[length] = text
        return text


_lengths = _Lengths()


def bulk(value: bytes) -> bytes:
    """A bulk string."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def pack(*arguments: bytes) -> bytes:
    """A whole command."""
    return b"*%d\r\n%b" % (len(arguments), b"".join(map(bulk, arguments)))


BEGIN, COMMIT = pack(b"MULTI"), pack(b"EXEC")


class Packer:
    """Commands of one mode. What is the same for all events of a key is packed once."""

    def __init__(self, mode: Mode) -> None:
        self._verb = b"LPUSH" if isinstance(mode, LPush) else b"RPUSH"
        self._head, self._tail = _around_key(mode)
        self._prefixes: dict[str, bytes] = {}
        self.lists = not isinstance(mode, Pub | XAdd)
        """Many events fit in one command."""
        self.atomic = isinstance(mode, XAdd)
        """The commands of a batch go in one transaction: see `RedisDispatcher`."""

    def each(self, keys: str | Sequence[str], payloads: Sequence[bytes]) -> bytes:
        """One command per event, in a transaction where the mode wants one; all joined in one step.

        `keys` is one text where it is the same for all.
        """
        size = len(payloads)
        parts: list[bytes] = [b""] * (3 * size + 1)
        parts[:-1:3] = [self._prefix(keys)] * size if isinstance(keys, str) else list(map(self._prefix, keys))
        parts[1::3] = [_lengths[length] for length in map(len, payloads)]
        parts[2::3] = payloads
        if self.atomic:
            parts[0] = BEGIN + parts[0]
            parts[-1] = COMMIT
        return b"\r\n".join(parts)

    def grouped(self, key: str, payloads: Sequence[bytes], indices: Sequence[int]) -> Iterator[Command]:
        """One command per key, cut where it would be too large; to be sent one after the other."""
        head = bulk(self._verb) + bulk(key.encode())
        start = 0
        while start < len(indices):
            stop = _cut(payloads, indices, start)
            some = indices[start:stop]
            values = payloads if len(some) == len(payloads) else [payloads[index] for index in some]
            parts: list[bytes] = [b""] * (2 * len(some) + 1)
            parts[:-1:2] = [_lengths[length] for length in map(len, values)]
            parts[1::2] = values
            parts[0] = b"*%d\r\n%b%b" % (2 + len(some), head, parts[0])
            yield Command(b"\r\n".join(parts), some)
            start = stop

    def _prefix(self, key: str) -> bytes:
        """A command up to the length of its value, without the line end."""
        prefix = self._prefixes.get(key)
        if prefix is None:
            if len(self._prefixes) >= MAX_VALUES:
                self._prefixes.clear()
            prefix = self._prefixes[key] = (self._head + bulk(key.encode()) + self._tail)[:-2]
        return prefix


def _around_key(mode: Mode) -> tuple[bytes, bytes]:
    """What stands before the key and between the key and the value in a command of one event."""
    if isinstance(mode, Pub):
        return b"*3\r\n" + bulk(b"PUBLISH"), b""
    if not isinstance(mode, XAdd):
        return b"", b""
    limit = [] if mode.maxlen is None else [b"MAXLEN", b"~" if mode.approximate else b"=", b"%d" % mode.maxlen]
    between = [*limit, b"*", mode.field.encode()]
    return b"*%d\r\n" % (3 + len(between)) + bulk(b"XADD"), b"".join(map(bulk, between))


def _cut(payloads: Sequence[bytes], indices: Sequence[int], start: int) -> int:
    """Where a command that begins with `indices[start]` ends."""
    stop = min(start + MAX_VALUES, len(indices))
    room = MAX_COMMAND_BYTES
    for place in range(start, stop):
        room -= len(payloads[indices[place]])
        if room < 0:
            return max(place, start + 1)
    return stop
