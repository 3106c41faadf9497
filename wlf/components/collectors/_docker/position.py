"""What is stored of a container: how far each of its two streams is delivered, as times and counts."""

from __future__ import annotations

import msgspec

from wlf.components.collectors._docker.moments import BEGINNING
from wlf.components.following.position import WHOLE


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Between two records of one stream.

    The times of a stream's records rise, but for a clock that is set back; several records may have the same one.

    Args:
        time: of the record before it, in normal form; "" at the beginning.
        count: how many records with that time lie before it. 0: none, those with an earlier time do.
        era: how often the time fell before it.
        peak: the highest time before it, where that is not `time`.
        within: whether it lies inside a line, see `_file/position.py`.
    """

    time: str = BEGINNING
    count: int = 0
    era: int = 0
    peak: str = BEGINNING
    within: int = WHOLE

    def is_behind(self, other: Place) -> bool:
        """Is it the same place, or a later one?"""
        return (self.era, self.time, self.count) >= (other.era, other.time, other.count)


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A place in a container's log.

    Args:
        name: of the container, for people.
        stdout, stderr: how far each stream is delivered.
        since: what has this time or a later one, and some seconds for what is out of order, holds all that is not.
        ended: when the container ended, as the Engine says, if all is read that it wrote until then.
    """

    name: str
    stdout: Place = Place()
    stderr: Place = Place()
    since: str = BEGINNING
    ended: str = ""

    def encode(self) -> bytes:
        """For the store."""
        return _encode(self)

    def describe(self) -> str:
        """`shop-web-1: stdout 2026-01-31T23:59:59.123456789Z (1), stderr at its beginning`."""
        streams = ((name, getattr(self, name)) for name in ("stdout", "stderr"))
        return f"{self.name}: " + ", ".join(
            f"{name} {place.time} ({place.count})" if place.time else f"{name} at its beginning"
            for name, place in streams
        )

    def covers(self, other: Position) -> bool:
        """Is all delivered here that is delivered there?"""
        return self.stdout.is_behind(other.stdout) and self.stderr.is_behind(other.stderr)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Position).decode


def decode_position(stored: bytes) -> Position:
    """What `Position.encode` made. Raises msgspec.DecodeError."""
    return _decode(stored)
