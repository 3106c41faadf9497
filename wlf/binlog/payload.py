"""TRANSACTION_PAYLOAD events of MySQL: the events of a transaction, compressed as one.

Layout: MySQL's documentation of Transaction_payload_event (libs/mysql/binlog/event): fields of type, length and value,
then the payload. With zstd that is a frame as RFC 8878 has it; its size in plain is only what the server says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wlf.binlog.control import HEADER_BYTES
from wlf.binlog.framing import MAX_EVENT_BYTES
from wlf.binlog.wire import lenenc, lenenc_bytes, take
from wlf.errors import DecodeError, SetupError

if TYPE_CHECKING:
    from zstandard import ZstdDecompressor

PIECE_BYTES = 256 << 10
"""What is decompressed at a time: of a large payload never more lies in memory than this and the open event."""

_SIZE, _COMPRESSION, _PLAIN_SIZE = 1, 2, 3
_ZSTD, _NONE = 0, 255
_MAX_WINDOW_BYTES = 128 << 20
_MAX_PLAIN_BYTES = MAX_EVENT_BYTES
_FOREIGN = frozenset((4, 15, 27, 33, 34, 35, 40, 41, 42))
"""Events that stand outside a payload: ROTATE, FORMAT_DESCRIPTION, GTIDs, heartbeats, another payload."""


class Payload:
    """The events inside one event, as far as they have been walked over.

    Args:
        body: the event without header and checksum.
        position: where it begins in the binlog.
        size: of the whole event.
        zstd: see `decompressor`; it can do one payload at a time.

    Raises:
        DecodeError: its fields do not fit.
    """

    def __init__(self, body: bytes, position: int, size: int, zstd: ZstdDecompressor) -> None:
        self.position = position
        self.size = size
        self.end = position + size
        self.at = 0
        """Where the next event begins in the piece."""
        fields, start = _fields(body)
        compression = fields.get(_COMPRESSION, _ZSTD)
        packed = take(body, start, fields.get(_SIZE, len(body) - start))
        self._left = max(fields.get(_PLAIN_SIZE, 0), _MAX_PLAIN_BYTES)
        self._reader: Any = None
        self._buf = b""
        if compression == _ZSTD:
            self._reader = zstd.stream_reader(packed, read_across_frames=True)
        elif compression == _NONE:
            self._buf = packed
        else:
            raise DecodeError(f"expected a payload compressed with zstd, got algorithm {compression}")
        self._missing = 0 if self._buf else HEADER_BYTES

    def piece(self) -> tuple[bytes, int] | None:
        """Bytes with at least one whole event in them, and where it begins; None: that was all.

        Raises:
            DecodeError: the payload ends inside an event, or is no zstd frame.
        """
        if self._missing:
            rest = self._buf[self.at :]
            parts, have = [rest], len(rest)
            while have < self._missing or (self._missing == HEADER_BYTES and not have):
                part = self._read(max(self._missing - have, PIECE_BYTES))
                if not part:
                    break
                parts.append(part)
                have += len(part)
            self._buf, self.at = b"".join(parts), 0
            if not self._buf:
                return None
            if have < self._missing:
                raise DecodeError(f"expected {self._missing} bytes of an event in a payload, got {have}")
        return self._buf, self.at

    def event_size(self, buf: bytes, at: int) -> int:
        """The size of the event at `at`, 0 where it is not whole: then the next `piece` has it.

        Raises:
            DecodeError: it cannot be the size of an event.
        """
        left = len(buf) - at
        self._missing = HEADER_BYTES
        if left < HEADER_BYTES:
            return 0
        size = int.from_bytes(buf[at + 9 : at + 13], "little")
        if not HEADER_BYTES <= size <= MAX_EVENT_BYTES:
            raise DecodeError(f"expected an event of {HEADER_BYTES} bytes to 1 GiB in a payload, got {size}")
        if size > left:
            self._missing = size
            return 0
        self._missing = 0
        return size

    def check_kind(self, kind: int) -> None:
        """Raises DecodeError for an event that cannot stand in a payload."""
        if kind in _FOREIGN:
            raise DecodeError(f"expected the events of a transaction in a payload, got type {kind}")

    def _read(self, size: int) -> bytes:
        if self._reader is None:
            return b""
        import zstandard

        try:
            part: bytes = self._reader.read(size)
        except zstandard.ZstdError as error:
            raise DecodeError(f"expected a payload compressed with zstd: {error}") from error
        self._left -= len(part)
        if self._left < 0:
            raise DecodeError(f"expected a payload of at most {_MAX_PLAIN_BYTES} bytes in plain, got more")
        return part


def _fields(body: bytes) -> tuple[dict[int, int], int]:
    """The numbers by type, and where the payload begins."""
    fields: dict[int, int] = {}
    kind, at = lenenc(body, 0)
    while kind:
        value, at = lenenc_bytes(body, at)
        fields[kind] = lenenc(value, 0)[0] if value and kind <= _PLAIN_SIZE else 0
        kind, at = lenenc(body, at)
    return fields, at


def decompressor() -> ZstdDecompressor:
    """What decompresses payloads.

    Raises:
        SetupError: the library zstandard is not installed.
    """
    try:
        import zstandard
    except ImportError as error:
        raise SetupError(
            "compressed transactions (binlog_transaction_compression) need the library zstandard",
            hint='pip install "wlf[zstd]"',
        ) from error
    return zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
