"""A stub of WASI for toolchains that insist on it: clocks, random bytes and printing, and no file or network."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, Protocol

WASI_MODULE: Final = "wasi_snapshot_preview1"
_OK, _EBADF, _EINVAL, _ENOSYS = 0, 8, 28, 52
_MAX_RANDOM_BYTES = 65_536
_MAX_BUFFERS = 1_024
_MAX_PRINTED_BYTES = 65_536
_STDOUT, _STDERR = 1, 2

_Signature = tuple[tuple[str, ...], tuple[str, ...]]


def _takes(*parameters: str) -> _Signature:
    return parameters, ("i32",)


_I, _L = "i32", "i64"
SIGNATURES: Final[dict[str, _Signature]] = {
    "args_get": _takes(_I, _I),
    "args_sizes_get": _takes(_I, _I),
    "clock_res_get": _takes(_I, _I),
    "clock_time_get": _takes(_I, _L, _I),
    "environ_get": _takes(_I, _I),
    "environ_sizes_get": _takes(_I, _I),
    "fd_advise": _takes(_I, _L, _L, _I),
    "fd_close": _takes(_I),
    "fd_datasync": _takes(_I),
    "fd_fdstat_get": _takes(_I, _I),
    "fd_fdstat_set_flags": _takes(_I, _I),
    "fd_filestat_get": _takes(_I, _I),
    "fd_prestat_dir_name": _takes(_I, _I, _I),
    "fd_prestat_get": _takes(_I, _I),
    "fd_read": _takes(_I, _I, _I, _I),
    "fd_readdir": _takes(_I, _I, _I, _L, _I),
    "fd_seek": _takes(_I, _L, _I, _I),
    "fd_sync": _takes(_I),
    "fd_tell": _takes(_I, _I),
    "fd_write": _takes(_I, _I, _I, _I),
    "path_create_directory": _takes(_I, _I, _I),
    "path_filestat_get": _takes(_I, _I, _I, _I, _I),
    "path_open": _takes(_I, _I, _I, _I, _I, _L, _L, _I, _I),
    "path_remove_directory": _takes(_I, _I, _I),
    "path_rename": _takes(_I, _I, _I, _I, _I, _I),
    "path_unlink_file": _takes(_I, _I, _I),
    "poll_oneoff": _takes(_I, _I, _I, _I),
    "proc_exit": ((_I,), ()),
    "random_get": _takes(_I, _I),
    "sched_yield": ((), (_I,)),
    "sock_accept": _takes(_I, _I, _I),
    "sock_recv": _takes(_I, _I, _I, _I, _I, _I),
    "sock_send": _takes(_I, _I, _I, _I, _I),
    "sock_shutdown": _takes(_I, _I),
}
"""The functions that a stub is there for. `poll_oneoff` sleeps nowhere: a deadline does not end a call of the host."""


def has_stub(name: str, signature: _Signature | None) -> bool:
    """Is there one with just this signature?"""
    return SIGNATURES.get(name) == signature is not None


class Guest(Protocol):
    """The memory of the plugin that calls, every access checked, and its log."""

    def read(self, address: int, size: int) -> bytes:
        """Bytes of its memory. Raises PluginError."""
        ...

    def write(self, address: int, content: bytes) -> None:
        """Put bytes into its memory. Raises PluginError."""
        ...

    def log(self, level: int, text: bytes) -> None:
        """A line of its log."""
        ...

    def leave(self, code: int) -> None:
        """It wants to end: raises PluginError."""
        ...


def make_stub(name: str, guest: Guest) -> Callable[..., int | None]:
    """The function behind an import. Nothing is granted: what is no clock, random number or print is refused."""
    made: dict[str, Callable[..., int | None]] = {
        "args_get": lambda *_: _OK,
        "args_sizes_get": lambda count, size: _two_zeros(guest, count, size),
        "clock_res_get": lambda clock, at: _number(guest, at, 1_000, 8),
        "clock_time_get": lambda clock, precision, at: _clock(guest, clock, at),
        "environ_get": lambda *_: _OK,
        "environ_sizes_get": lambda count, size: _two_zeros(guest, count, size),
        "fd_write": lambda fd, vectors, count, written: _print(guest, fd, vectors, count, written),
        "fd_fdstat_get": lambda fd, at: _describe(guest, fd, at),
        "proc_exit": lambda code: guest.leave(code),
        "random_get": lambda at, size: _random(guest, at, size),
        "sched_yield": lambda: _OK,
        "poll_oneoff": lambda *_: _ENOSYS,
    }
    return made.get(name, lambda *_: _EBADF)


def _number(guest: Guest, address: int, value: int, size: int) -> int:
    guest.write(address, value.to_bytes(size, "little"))
    return _OK


def _two_zeros(guest: Guest, first: int, second: int) -> int:
    return _number(guest, first, 0, 4) or _number(guest, second, 0, 4)


def _clock(guest: Guest, clock: int, address: int) -> int:
    return _number(guest, address, time.time_ns() if clock == 0 else time.monotonic_ns(), 8)


def _describe(guest: Guest, fd: int, address: int) -> int:
    """1 and 2 are terminals that can be written to; nothing else is open."""
    if fd not in (_STDOUT, _STDERR):
        return _EBADF
    guest.write(address, b"\x02" + bytes(7) + (1 << 6).to_bytes(8, "little") + bytes(8))
    return _OK


def _random(guest: Guest, address: int, size: int) -> int:
    if not 0 <= size <= _MAX_RANDOM_BYTES:
        return _EINVAL
    guest.write(address, os.urandom(size))
    return _OK


def _print(guest: Guest, fd: int, vectors: int, count: int, written: int) -> int:
    """What it prints goes to its log."""
    if fd not in (_STDOUT, _STDERR):
        return _EBADF
    if not 0 <= count <= _MAX_BUFFERS:
        return _EINVAL
    table = guest.read(vectors, 8 * count)
    numbers = [int.from_bytes(table[at : at + 4], "little") for at in range(0, len(table), 4)]
    text = b""
    for address, size in zip(numbers[::2], numbers[1::2], strict=True):
        # Less than all may be written: the buffers can name the same bytes a thousand times.
        text += guest.read(address, min(size, _MAX_PRINTED_BYTES - len(text)))
    for line in text.rstrip(b"\n").split(b"\n"):
        guest.log(1 if fd == _STDERR else 2, line)
    return _number(guest, written, len(text), 4)
