"""What stands in an output file: lines, or compressed members, and how much of it survived a crash."""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from typing import Any, Protocol

from wlf.errors import SetupError

_CHUNK = 65_536
_VERIFIED = 64
"""Members at the end that are decompressed on opening: those that may not have been synced when the power went."""


class Foreign(Exception):
    """The file was not written by wlf: nothing of it is cut or added to."""


class Form(Protocol):
    """How the lines of one batch become bytes of a file."""

    suffix: str
    """What the names of such files usually end in, such as `.gz`."""
    buffered: bool
    """Do small batches wait for `flush()`, so that they are packed together?"""

    def pack(self, lines: bytes) -> bytes:
        """The bytes to append."""
        ...

    def intact(self, fd: int, size: int) -> int:
        """How many bytes from the start are whole lines or members. Raises Foreign."""
        ...


class Lines:
    """JSON lines as they are. A line is whole when its line end is there: JSON text holds no raw newline."""

    suffix = ""
    buffered = False

    def pack(self, lines: bytes) -> bytes:
        """The same."""
        return lines

    def intact(self, fd: int, size: int) -> int:
        """Up to the last line end. A file that does not begin like a JSON object is foreign."""
        if size and os.pread(fd, 1, 0) != b"{":
            raise Foreign("it does not begin with a JSON object")
        end = size
        while end > 0:
            start = max(0, end - _CHUNK)
            found = os.pread(fd, end - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0


class _Members:
    """Members that carry their own length in front, so that a reopened file is walked without decompressing it."""

    buffered = True
    _magic: bytes
    _header: struct.Struct

    def intact(self, fd: int, size: int) -> int:
        """Up to the last member that is all there; the last ones are decompressed to be sure."""
        last: deque[tuple[int, int]] = deque(maxlen=_VERIFIED)
        end = 0
        while end < size:
            head = os.pread(fd, self._header.size, end)
            if not head.startswith(self._magic[: len(head)]) and end == 0:
                raise Foreign("it does not begin with a member that wlf wrote")
            if len(head) < self._header.size or not head.startswith(self._magic):
                break
            length = self._header.unpack(head)[1]
            if length <= len(head) or end + length > size:
                break
            last.append((end, length))
            end += length
        for start, length in last:
            if not self._whole(os.pread(fd, length, start)):
                return start
        return end

    def _whole(self, member: bytes) -> bool:
        raise AssertionError("each form says how its members are checked")

    def _with_length(self, body: bytes) -> bytes:
        return self._header.pack(self._magic, self._header.size + len(body)) + body


class GzipMembers(_Members):
    """gzip members (RFC 1952) whose extra field `WL` holds the member's length; every gzip tool reads them."""

    suffix = ".gz"
    # Magic, deflate, FEXTRA, no time, no level, unknown system, 8 bytes of extra fields: "WL" with 4 bytes.
    _magic = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x08\0WL\x04\0"
    _header = struct.Struct(f"<{len(_magic)}sI")

    def pack(self, lines: bytes) -> bytes:
        """One member."""
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        trailer = struct.pack("<II", zlib.crc32(lines), len(lines) & 0xFFFFFFFF)
        return self._with_length(packer.compress(lines) + packer.flush() + trailer)

    def _whole(self, member: bytes) -> bool:
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            unpacker.decompress(member)
        except zlib.error:
            return False
        return unpacker.eof and not unpacker.unused_data


class ZstdMembers(_Members):
    """zstd frames (RFC 8878), each behind a skippable frame with the length of both; every zstd tool reads them."""

    suffix = ".zst"
    _magic = b"\x57\x2a\x4d\x18\x04\0\0\0"
    _header = struct.Struct(f"<{len(_magic)}sI")

    def __init__(self) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise SetupError("compression zstd needs the library zstandard", hint='pip install "wlf[zstd]"') from error
        self._packer: Any = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self._unpacker: Any = zstandard.ZstdDecompressor()
        self._error: type[Exception] = zstandard.ZstdError

    def pack(self, lines: bytes) -> bytes:
        """One skippable frame and one frame with a checksum."""
        return self._with_length(self._packer.compress(lines))

    def _whole(self, member: bytes) -> bool:
        unpacker = self._unpacker.decompressobj()
        try:
            unpacker.decompress(member[self._header.size :])
        except self._error:
            return False
        return bool(unpacker.eof) and not unpacker.unused_data


FORMS: dict[str, type[Lines] | type[GzipMembers] | type[ZstdMembers]] = {
    "none": Lines,
    "gzip": GzipMembers,
    "zstd": ZstdMembers,
}
"""Forms by the name of the `compression` option."""
