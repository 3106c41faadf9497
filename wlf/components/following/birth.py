"""When a file was made, which Python does not tell: two files that had one inode in turn differ in it."""

from __future__ import annotations

import ctypes
import struct

_AT_EMPTY_PATH = 0x1000
_STATX_BTIME = 0x800
_BUFFER_BYTES = 256
_BTIME = struct.Struct("qI")
_BTIME_OFFSET = 0x50


def _find_statx() -> ctypes._NamedFuncPointer | None:
    try:
        return ctypes.CDLL(None).statx
    except (AttributeError, OSError):
        return None


_statx = _find_statx()


def born(fd: int) -> int:
    """Nanoseconds since 1970; 0 where the system or the file system does not know."""
    if _statx is None:
        return 0
    buffer = ctypes.create_string_buffer(_BUFFER_BYTES)
    if _statx(fd, b"", _AT_EMPTY_PATH, _STATX_BTIME, buffer) != 0:
        return 0
    (mask,) = struct.unpack_from("I", buffer)
    if not mask & _STATX_BTIME:
        return 0
    seconds, nanoseconds = _BTIME.unpack_from(buffer, _BTIME_OFFSET)
    return int(seconds * 1_000_000_000 + nanoseconds)
