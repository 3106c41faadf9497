"""One file that is followed: how far it was read, what it is known by, and its next lines."""

from __future__ import annotations

import os
from typing import NamedTuple

from wlf.components.collectors._file.lines import LineSplitter
from wlf.components.collectors._file.position import HEAD_BYTES, SKIPPING, TAIL_BYTES, WHOLE, Position, digest

CHUNK_BYTES = 262_144
"""What one read asks for: large enough that a line costs next to nothing, small enough to be fair."""


class Lines(NamedTuple):
    """Consecutive lines of one file."""

    texts: list[str]
    offsets: list[int] | None
    flags: tuple[str, ...] | None = None


class Followed:
    """A file by whatever name. Between two reads it holds no text but the few bytes before its offset.

    Args:
        id: the partition of its positions: one life of the file, from one beginning on.
        path: the name that its events carry.
    """

    __slots__ = (
        "device", "end", "fd", "gone_at", "head", "head_bytes", "id", "inode", "is_queued", "now", "offset", "path",
        "scanned", "size", "tail", "tail_digest", "walk", "within",
    )  # fmt: skip

    def __init__(self, id: str, path: str, device: int, inode: int) -> None:
        self.id = id
        self.path = path
        self.now: str | None = path
        """Where it is at present; None when it is nowhere to be found."""
        self.device = device
        self.inode = inode
        self.fd = -1
        self.size = 0
        self.offset = 0
        self.scanned = 0
        """No line ends between the offset and here."""
        self.within = WHOLE
        self.head_bytes = 0
        self.head = b""
        self.tail: bytes | None = b""
        """The bytes before the offset; None where only their digest is known."""
        self.tail_digest = b""
        self.gone_at: float | None = None
        self.is_queued = False
        self.walk = 0
        self.end: int | None = None
        """Where reading ends, for a run that has an end."""

    @classmethod
    def resumed(cls, id: str, position: Position) -> Followed:
        """A file as it was stored."""
        followed = cls(id, position.path, position.device, position.inode)
        followed.now = position.now or position.path
        followed.offset = followed.scanned = followed.size = position.offset
        followed.within = position.within
        followed.head_bytes, followed.head = position.head_bytes, position.head
        followed.tail, followed.tail_digest = (None, position.tail) if position.offset else (b"", b"")
        return followed

    def start_at(self, offset: int) -> None:
        """Leave out what lies before `offset` of the open file."""
        self.offset = self.scanned = offset
        self.tail = os.pread(self.fd, min(TAIL_BYTES, offset), max(0, offset - TAIL_BYTES))

    def position(self) -> bytes:
        """Where a restart would read on."""
        if self.head_bytes < HEAD_BYTES and self.head_bytes < self.offset and self.fd >= 0:
            head = os.pread(self.fd, min(HEAD_BYTES, self.offset), 0)
            self.head_bytes, self.head = len(head), digest(head)
        tail = self.tail_digest if self.tail is None else digest(self.tail)
        now = self.now if self.now != self.path else None
        return Position(
            self.path, self.offset, self.device, self.inode, self.head_bytes, self.head, tail, self.within, now
        ).encode()

    def is_same(self, fd: int, size: int) -> bool:
        """Is what is in the open file a continuation of what was read?"""
        if size < self.offset:
            return False
        if not self.offset:
            return True
        if self.tail is None or self.fd != fd:
            head = os.pread(fd, self.head_bytes, 0)
            if digest(head) != self.head:
                return False
        count = min(TAIL_BYTES, self.offset)
        tail = os.pread(fd, count, self.offset - count)
        if self.tail is not None:
            return tail == self.tail
        if digest(tail) != self.tail_digest:
            return False
        self.tail = tail
        return True

    def next_lines(self, splitter: LineSplitter, max_line_bytes: int, *, want_offsets: bool) -> Lines | None:
        """The next whole lines that are there; None where there are none (or no more of a long one's beginning)."""
        want = CHUNK_BYTES if self.end is None else min(CHUNK_BYTES, self.end - self.scanned)
        chunk = os.pread(self.fd, want, self.scanned) if want > 0 else b""
        if len(chunk) % splitter.width:
            chunk = chunk[: -(len(chunk) % splitter.width)]
        if not chunk:
            return None
        if self.within == SKIPPING:
            return self._skip(chunk, splitter)
        if self.scanned > self.offset:
            return self._end_of_long(chunk, splitter, max_line_bytes)
        texts, used = splitter.split(chunk)
        if not used:
            self.scanned += len(chunk)
            return self._cut(splitter, max_line_bytes) or Lines([], None)
        first = self.offset
        self._move(used, chunk)
        offsets = splitter.offsets(chunk, used, first) if want_offsets else None
        return Lines(texts, offsets)

    def _move(self, used: int, chunk: bytes) -> None:
        """The offset is `used` bytes of the chunk further on."""
        self.offset += used
        self.scanned = self.offset
        tail = chunk[max(0, used - TAIL_BYTES) : used]
        self.tail = tail if len(tail) == TAIL_BYTES else ((self.tail or b"") + tail)[-TAIL_BYTES:]

    def _end_of_long(self, chunk: bytes, splitter: LineSplitter, max_line_bytes: int) -> Lines:
        """More of a line that began before this chunk."""
        size = splitter.first_end(chunk)
        if self.scanned - self.offset + (size or len(chunk)) > max_line_bytes + splitter.width:
            self.scanned += len(chunk)
            return self._cut(splitter, max_line_bytes) or Lines([], None)
        if not size:
            self.scanned += len(chunk)
            return Lines([], None)
        first = self.offset
        line = os.pread(self.fd, self.scanned + size - first, first)
        text = splitter.decode(line[: -splitter.width])
        self._move(len(line), line)
        return Lines([text.removesuffix("\r")], [first])

    def _cut(self, splitter: LineSplitter, max_line_bytes: int) -> Lines | None:
        """The beginning of a line that is too long; its rest is skipped. None while it is not too long."""
        if self.scanned - self.offset <= max_line_bytes:
            return None
        first = self.offset
        line = os.pread(self.fd, max_line_bytes - max_line_bytes % splitter.width, first)
        self._move(len(line), line)
        self.within = SKIPPING
        return Lines([splitter.decode(line)], [first], ("truncated",))

    def _skip(self, chunk: bytes, splitter: LineSplitter) -> Lines:
        """Leave out what belongs to a line that was cut."""
        size = splitter.first_end(chunk)
        self._move(size or len(chunk), chunk)
        if size:
            self.within = WHOLE
        return Lines([], None)

    def close(self) -> None:
        """Let go of the file; it is opened again when there is more to read."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
