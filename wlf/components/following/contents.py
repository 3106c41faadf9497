"""The text in a file: as it is, or decompressed while it is read."""

from __future__ import annotations

import os
import zlib
from typing import IO, Any, Literal, Protocol, cast

from wlf.errors import SetupError

Kind = Literal["plain", "gzip", "zstd"]
GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PIECE_BYTES = 262_144
_RAW_BYTES = 65_536


class Damaged(Exception):
    """A compressed file holds what no decompressor understands."""


def kind_of(beginning: bytes) -> Kind:
    """By the first bytes: a name proves nothing."""
    if beginning.startswith(GZIP_MAGIC):
        return "gzip"
    return "zstd" if beginning.startswith(ZSTD_MAGIC) else "plain"


class Contents(Protocol):
    """Where text is read from."""

    def read(self, size: int, at: int) -> bytes:
        """What is there from `at` on; b"" at the end. Raises Damaged and OSError."""
        ...

    def forget(self, before: int) -> None:
        """What lies before will not be read again."""
        ...


class Plain:
    """A file as it is."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int, at: int) -> bytes:
        """See Contents."""
        return os.pread(self._fd, size, at)

    def forget(self, before: int) -> None:
        """See Contents."""


class Unpacked:
    """A compressed file, decompressed in pieces from the beginning on; any number of members or frames.

    `head` keeps its first bytes.
    """

    def __init__(self, fd: int, kind: Kind, head_bytes: int) -> None:
        self._decoder: _Gzip | _Zstd = _Gzip(fd) if kind == "gzip" else _Zstd(fd)
        self._window = b""
        self._start = 0
        self._keep = 0
        self._head_bytes = head_bytes
        self.head = b""

    @property
    def reached(self) -> int:
        """How far it is decompressed."""
        return self._start + len(self._window)

    @property
    def is_whole(self) -> bool:
        """Is all decompressed, up to the end of a member?"""
        return self._decoder.is_whole

    def read(self, size: int, at: int) -> bytes:
        """See Contents; `at` must not lie before what was forgotten."""
        pieces = [self._window]
        reached = self.reached
        while reached < at + size:
            piece = self._decoder.more()
            if not piece:
                break
            reached += len(piece)
            pieces.append(piece)
        self._take(b"".join(pieces) if len(pieces) > 1 else self._window)
        first = at - self._start
        return self._window[first : first + size]

    def skip(self, to: int, keep_bytes: int) -> bool:
        """A step towards `to`, keeping the bytes before it; False when there is no more to decompress."""
        piece = self._decoder.more()
        self.forget(min(to, self.reached) - keep_bytes)
        self._take(self._window + piece)
        return bool(piece)

    def forget(self, before: int) -> None:
        """See Contents."""
        self._keep = max(self._keep, before)

    def _take(self, window: bytes) -> None:
        if len(self.head) < self._head_bytes and not self._start:
            self.head = window[: self._head_bytes]
        cut = min(self._keep - self._start, len(window))
        if cut > _PIECE_BYTES or cut == len(window):
            self._window, self._start = window[cut:], self._start + cut
        else:
            self._window = window


class _Gzip:
    """Members one after the other; zeros behind the last one are padding."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._at = 0
        self._raw = b""
        self._member: Any = None
        self.is_whole = False

    def more(self) -> bytes:
        """The next piece; b"" when nothing more is there."""
        while True:
            if not self._raw:
                self._raw = os.pread(self._fd, _RAW_BYTES, self._at)
                self._at += len(self._raw)
            if self._member is None:
                if self.is_whole:
                    self._raw = self._raw.lstrip(b"\0")
                if not self._raw:
                    return b""
                self._member = zlib.decompressobj(31)
            is_end = not self._raw
            piece = self._decompress()
            if piece or is_end:
                return piece

    def _decompress(self) -> bytes:
        """Some of what the raw bytes hold; also without any, there may be more."""
        try:
            piece = self._member.decompress(self._raw, _PIECE_BYTES)
        except zlib.error as error:
            raise Damaged(str(error)) from error
        self.is_whole = self._member.eof
        if self.is_whole:
            self._raw, self._member = self._member.unused_data, None
        else:
            self._raw = self._member.unconsumed_tail
        return bytes(piece)


class _Zstd:
    """Frames one after the other."""

    def __init__(self, fd: int) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise SetupError("zstd files need the library zstandard", hint='pip install "wlf[zstd]"') from error
        self._fd = fd
        self._at = 0
        self._error = zstandard.ZstdError
        source = cast(IO[bytes], self)  # all that it asks for is read()
        self._frames = zstandard.ZstdDecompressor().stream_reader(source, _RAW_BYTES, read_across_frames=True)
        self.is_whole = False

    def read(self, size: int) -> bytes:
        """Raw bytes for the decompressor."""
        raw = os.pread(self._fd, size, self._at)
        self._at += len(raw)
        return raw

    def more(self) -> bytes:
        """The next piece; b"" when nothing more is there."""
        try:
            piece = self._frames.read(_PIECE_BYTES)
        except self._error as error:
            raise Damaged(str(error)) from error
        self.is_whole = not piece
        return bytes(piece)
