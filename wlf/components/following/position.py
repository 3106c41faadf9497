"""What is stored of a file: how far it was read, and enough of its contents to know it again."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

HEAD_BYTES = 1024
TAIL_BYTES = 64
DIGEST_BYTES = 12

WHOLE, INSIDE, SKIPPING = 0, 1, 2
"""Where a position lies: between two lines, inside one whose beginning was delivered, or in the rest of a cut one."""

Held = tuple[tuple[str, int, int], ...]
"""For some streams of the file: (name, offset where this stream is to be read on, how that lies in its line)."""


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A place in one file.

    Args:
        path: the name under which the file was found first.
        offset: bytes (of the decompressed text) that are delivered.
        device, inode, born: where and since when (in nanoseconds) the file is; `born` is 0 where nobody knows.
        size, changed: its bytes on the disk and when they were written last, as they were when it was read.
        head_bytes, head: how many bytes of the beginning are known, 1024 at most, and what they hash to.
        tail: what the last bytes before `offset` hash to, 64 at most.
        within: whether the offset lies inside a line.
        is_ended: whether nothing lay behind the offset.
        now: its present name, where that is another; "" where it has none.
        held: of a file with several streams those that are delivered less far than `offset`.
    """

    path: str
    offset: int
    device: int
    inode: int
    born: int = 0
    size: int = 0
    changed: int = 0
    head_bytes: int = 0
    head: bytes = b""
    tail: bytes = b""
    within: int = WHOLE
    is_ended: bool = False
    now: str | None = None
    held: Held = ()

    def covers(self, other: Position) -> bool:
        """Is all that lies before the other one delivered here?"""
        if not self.held and not other.held:
            return self.offset >= other.offset
        mine, others = ({name: at for name, at, _ in held} for held in (self.held, other.held))
        # A stream that neither names is delivered up to the offset.
        return all(mine.get(name, self.offset) >= others.get(name, other.offset) for name in {*mine, *others, ""})

    def encode(self) -> bytes:
        """For the store."""
        return _encode(self)

    def describe(self) -> str:
        """`/var/log/app.log: 1234`, with its present name where that is another."""
        moved = "" if self.now is None else f" (now {self.now})" if self.now else " (gone)"
        return f"{self.path}: {self.offset}{moved}"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Position).decode


def decode_position(stored: bytes) -> Position:
    """What `Position.encode` made. Raises msgspec.DecodeError."""
    return _decode(stored)


def hasher() -> Any:
    """What contents are known by: nothing of them can be read off it."""
    return blake2b(digest_size=DIGEST_BYTES)


def digest(content: bytes) -> bytes:
    """The hash of some contents; b"" of none."""
    return blake2b(content, digest_size=DIGEST_BYTES).digest() if content else b""
