"""One file that is followed: its name, how far it was read, and what it is known by."""

from __future__ import annotations

import os
import sys
from typing import Any

from wlf.components.following.birth import born
from wlf.components.following.contents import Contents, Plain, Unpacked, kind_of
from wlf.components.following.lines import LineSplitter
from wlf.components.following.position import (
    HEAD_BYTES,
    SKIPPING,
    TAIL_BYTES,
    WHOLE,
    Held,
    Position,
    digest,
    hasher,
)

MAGIC_BYTES = 4


class Followed:
    """A file by whatever name. Between two reads it holds no text but the few bytes before its offset.

    Args:
        id: the partition of its positions: one life of the file, from one beginning on.
        path: the name that its events carry.
    """

    __slots__ = (
        "born", "changed", "contents", "device", "end", "fd", "finds_packed", "gone_at", "head", "head_bytes",
        "head_hasher", "held", "id", "inode", "is_alone_until", "is_awaited", "is_checked", "is_ended", "is_packed",
        "is_parked", "is_queued", "is_rewritten", "now", "offset", "originals", "path", "rereads", "same_bytes",
        "same_since", "scanned", "size", "splitter", "tail", "tail_digest", "waits_until", "walk", "walk_of_arrival",
        "want_bytes", "within",
    )  # fmt: skip

    def __init__(self, id: str, path: str, now: str, status: os.stat_result | None = None) -> None:
        self.id = id
        self.path = path
        self.now: str | None = now
        """Where it is at present; None when it is nowhere to be found."""
        self.device, self.inode = (status.st_dev, status.st_ino) if status else (0, 0)
        self.born = 0
        self.size = 0
        self.changed = 0
        self.fd = -1
        self.contents: Contents | None = None
        self.splitter: LineSplitter | None = None
        self.finds_packed = True
        """Is it decompressed where its first bytes say so?"""
        self.is_packed = False
        self.offset = 0
        self.scanned = 0
        """No line ends between the offset and here."""
        self.within = WHOLE
        self.want_bytes = 0
        """What the next read asks for, where that is more than usual; 0: as usual."""
        self.head_bytes = 0
        self.head = b""
        self.head_hasher: Any = None
        self.tail: bytes | None = b""
        """The bytes before the offset; None where only their digest is known."""
        self.tail_digest = b""
        self.is_checked = True
        """Has its contents been compared with what is stored?"""
        self.is_alone_until = 0
        """Up to here its lines make batches of their own: some dispatcher may have them already."""
        self.is_queued = False
        self.is_awaited = False
        """Do copies wait until it was read?"""
        self.is_parked = False
        """Is it left out of the queue, since its turn has not come?"""
        self.is_ended = False
        """Was all read that was there when it was looked at last?"""
        self.is_rewritten = False
        """Was it truncated, so that only a copy can hold what was not read of it?"""
        self.held: Held = ()
        """Of a file with several streams: what lies before the offset and is not delivered."""
        self.rereads = False
        """Is what is held to be read again, since a restart forgot it?"""
        self.gone_at: float | None = None
        self.walk = 0
        """The last look through all directories that saw it."""
        self.walk_of_arrival = 0
        """The one that found it; 0: a notice did."""
        self.end: int | None = None
        """Where reading ends, in bytes on the disk, for a run that has an end."""
        self.originals: tuple[Followed, ...] = ()
        """What this may be a copy of: until that is known, it is not read."""
        self.same_bytes = 0
        """So much of it was found to be the same as in the original."""
        self.same_since = 0.0
        self.waits_until = 0.0

    @classmethod
    def resumed(cls, id: str, position: Position) -> Followed:
        """A file as it was stored."""
        followed = cls(id, position.path, position.path)
        if position.now is not None:
            followed.now = position.now or None
        followed.device, followed.inode, followed.born = position.device, position.inode, position.born
        followed.size, followed.changed, followed.is_ended = position.size, position.changed, position.is_ended
        followed.take_over(position)
        followed.is_checked = False
        followed.is_alone_until = sys.maxsize
        followed.rereads = bool(position.held)
        return followed

    def take_over(self, position: Position) -> None:
        """Go on from there in these contents."""
        self.path = position.path
        self.offset = self.scanned = position.offset
        self.within, self.held = position.within, position.held
        self.head_bytes, self.head, self.head_hasher = position.head_bytes, position.head, None
        self.tail, self.tail_digest = (None, position.tail) if position.offset else (b"", b"")

    def place(self) -> Position:
        """Where a restart would read on."""
        if self.head_hasher is not None:
            # Not kept for what may come: it is four times as large as all else that is known of a short file.
            self.head, self.head_hasher = self.head_hasher.digest(), None
        return Position(
            self.path, self.offset, self.device, self.inode, self.born, self.size, self.changed, self.head_bytes,
            self.head, self.tail_digest if self.tail is None else digest(self.tail), self.within, self.is_ended,
            None if self.now == self.path else self.now or "", self.held,
        )  # fmt: skip

    def reached(self) -> bytes:
        """The place for the store, once something was read; says whether that was all."""
        self.is_ended = self.is_at_end
        return self.place().encode()

    def move(self, chunk: bytes, used: int) -> None:
        """The first `used` bytes of `chunk`, which begins at the offset or behind it, are done with."""
        if self.head_bytes < HEAD_BYTES and self.head_bytes == self.offset:
            more = chunk[: min(used, HEAD_BYTES - self.head_bytes)]
            if self.head_hasher is None:
                self.head_hasher = hasher()
                self.head_hasher.update(self.beginning(self.head_bytes))
            self.head_hasher.update(more)
            self.head_bytes += len(more)
        self.offset += used
        self.scanned = self.offset
        self.want_bytes = 0
        tail = chunk[max(0, used - TAIL_BYTES) : used]
        self.tail = tail if len(tail) == TAIL_BYTES else ((self.tail or b"") + tail)[-TAIL_BYTES:]
        if self.contents is not None:
            self.contents.forget(self.offset - TAIL_BYTES)

    def start_at(self, offset: int) -> None:
        """Leave out what lies before `offset` of the open file, with the line that began there."""
        self.offset = self.head_bytes = 0
        self.head_hasher = None
        self.move(os.pread(self.fd, HEAD_BYTES, 0), min(HEAD_BYTES, offset))
        self.offset = self.scanned = offset
        self.tail = os.pread(self.fd, min(TAIL_BYTES, offset), max(0, offset - TAIL_BYTES))
        if offset and not self.tail.rstrip(b"\0").endswith(b"\n"):
            self.within = SKIPPING

    def opened(self, fd: int) -> None:
        """It is read through `fd` from now on."""
        self.fd = fd
        self.detect()
        if not self.born:
            self.born = born(fd)

    def detect(self) -> None:
        """See by its first bytes whether it is compressed."""
        kind = kind_of(os.pread(self.fd, MAGIC_BYTES, 0)) if self.finds_packed else "plain"
        self.is_packed = kind != "plain"
        if kind == "plain":
            self.contents = Plain(self.fd)
        elif not isinstance(self.contents, Unpacked):
            self.contents = Unpacked(self.fd, kind, HEAD_BYTES)

    def beginning(self, size: int) -> bytes:
        """The first bytes of its text, 1024 at most."""
        return self.contents.head[:size] if isinstance(self.contents, Unpacked) else os.pread(self.fd, size, 0)

    def look(self) -> os.stat_result:
        """Note how large it is and when it was changed."""
        status = os.fstat(self.fd)
        self.size, self.changed = status.st_size, status.st_mtime_ns
        return status

    @property
    def awaits_turn(self) -> bool:
        """May there be something in it that is only not read yet?"""
        return self.is_queued or self.is_parked

    @property
    def unread_from(self) -> int:
        """Where what is not read yet begins, what a restart forgot included."""
        return min((at for _, at, _ in self.held), default=self.offset) if self.rereads else self.offset

    @property
    def is_at_end(self) -> bool:
        """Is all delivered that was there when it was looked at? Of more the kernel tells."""
        return not self.is_packed and self.offset == self.size and self.within == WHOLE

    def has_changed(self, status: os.stat_result) -> bool:
        """Since it was looked at last?"""
        return self.size != status.st_size or self.changed != status.st_mtime_ns

    def is_continued_in(self, fd: int, size: int) -> bool:
        """Do these plain contents begin with all that was read of this file?"""
        if not self.offset:
            return True
        if size < self.offset:
            return False
        count = min(TAIL_BYTES, self.offset)
        return self._has_tail(os.pread(fd, count, self.offset - count)) and (
            (fd == self.fd and self.is_checked) or self.has_head(os.pread(fd, self.head_bytes, 0))
        )

    def has_head(self, beginning: bytes) -> bool:
        """Does a file that begins so begin as this one does?"""
        if self.head_hasher is not None:
            self.place()
        return digest(beginning[: self.head_bytes]) == self.head

    def is_checked_by(self, unpacked: Unpacked) -> bool:
        """The same for contents that are decompressed up to the offset or beyond."""
        count = min(TAIL_BYTES, self.offset)
        return self.has_head(unpacked.head) and self._has_tail(unpacked.read(count, self.offset - count))

    def _has_tail(self, tail: bytes) -> bool:
        return tail == self.tail if self.tail is not None else digest(tail) == self.tail_digest

    def note_checked(self) -> None:
        """The contents are what is stored: the bytes before the offset are known from now on."""
        self.is_checked = True
        if self.tail is None:
            assert self.contents is not None
            count = min(TAIL_BYTES, self.offset)
            self.tail = self.contents.read(count, self.offset - count)

    def close(self) -> None:
        """Let go of the file; it is opened again when there is more to read."""
        fd, self.fd, self.contents = self.fd, -1, None
        if fd >= 0:
            os.close(fd)
