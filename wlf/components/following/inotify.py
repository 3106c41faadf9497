"""The kernel's notices of what happens in directories (inotify), read without a thread."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

MODIFY = 0x2
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
UNMOUNT = 0x2000
OVERFLOW = 0x4000
IGNORED = 0x8000
IS_DIRECTORY = 0x40000000
_ONLYDIR = 0x1000000
_WATCHED = MODIFY | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF | _ONLYDIR
_HEADER = struct.Struct("iIII")
_READ_BYTES = 262_144


class Notice(NamedTuple):
    """One thing that happened to `name` in a watched directory."""

    watch: int
    mask: int
    cookie: int
    name: str


class Inotify:
    """Watches on directories.

    Raises:
        OSError: the kernel has no inotify, or gives no more of it.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "inotify_init1"):
            raise OSError("no inotify")
        self.fd = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def watch(self, directory: str) -> int:
        """The number of the watch; the same one where the directory is watched already. Raises OSError."""
        return self._checked(self._libc.inotify_add_watch(self.fd, os.fsencode(directory), _WATCHED))

    def unwatch(self, watch: int) -> None:
        """Hear no more of it; one that is gone is fine."""
        self._libc.inotify_rm_watch(self.fd, watch)

    def read(self) -> Iterator[Notice]:
        """All that happened since, in order; what the same writes repeat is told once."""
        while True:
            try:
                buffer = os.read(self.fd, _READ_BYTES)
            except BlockingIOError:
                return
            yield from _notices(buffer)
            if len(buffer) < _READ_BYTES // 2:
                return

    def close(self) -> None:
        """End all watches."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def _notices(buffer: bytes) -> Iterator[Notice]:
    at, end = 0, len(buffer)
    written: set[bytes] = set()
    unpack, size = _HEADER.unpack_from, _HEADER.size
    while at < end:
        watch, mask, cookie, length = unpack(buffer, at)
        behind = at + size + length
        if mask == MODIFY:
            raw = buffer[at:behind]
            if raw in written:
                at = behind
                continue
            written.add(raw)
        name = os.fsdecode(buffer[at + size : behind].rstrip(b"\0"))
        yield Notice(watch, mask, cookie, name)
        at = behind
