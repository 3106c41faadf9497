"""Records of the files that Docker's log drivers write: json-file, or local where a file begins with a length."""

from __future__ import annotations

from collections.abc import Callable

from wlf.components.collectors._docker.frames import PART_BYTES
from wlf.components.collectors._docker.local import Entry, ends_of, entry_of
from wlf.components.containers.records import Columns, LineRecords
from wlf.components.containers.times import seconds_of

_LONG = b"\0"
"""How a length of less than 16 MiB begins."""


class DriverRecords(LineRecords):
    """The driver of a file is seen by its first byte.

    Args:
        on_replaced: is told how many lines had bytes that are no UTF-8.
    """

    def __init__(self, on_replaced: Callable[[int], None]) -> None:
        super().__init__()
        self._on_replaced = on_replaced

    def last_end(self, chunk: bytes) -> int:
        """See LineRecords. Raises Damaged."""
        if not chunk.startswith(_LONG):
            return super().last_end(chunk)
        last = 0
        for end in ends_of(chunk):
            last = end
        return last

    def offsets(self, body: bytes, first: int) -> list[int]:
        """See LineRecords."""
        if not body.startswith(_LONG):
            return super().offsets(body, first)
        return [first, *(first + end for end in ends_of(body))][:-1]

    def parse(self, body: bytes) -> Columns:
        """See LineRecords. Raises Damaged."""
        return self._parse_local(body) if body.startswith(_LONG) else self._parse_json(body)

    def _parse_json(self, body: bytes) -> Columns:
        """The last line of a container that ended has no line end, and nothing goes on there."""
        columns = super().parse(body)
        if columns.parts is None:
            return columns
        parts = [
            is_part and len(text.encode("utf-8", "surrogateescape")) >= PART_BYTES
            for is_part, text in zip(columns.parts, columns.texts, strict=True)
        ]
        return columns._replace(parts=parts if True in parts else None)

    def _parse_local(self, body: bytes) -> Columns:
        entries: list[Entry] = []
        at = 0
        for end in ends_of(body):
            entries.append(entry_of(body[at:end]))
            at = end
        times = [entry.time for entry in entries]
        parts = [entry.is_part for entry in entries]
        return Columns(
            times,
            [seconds_of(time) for time in times],
            [entry.stream for entry in entries],
            self._texts(entries),
            parts if True in parts else None,
        )

    def _texts(self, entries: list[Entry]) -> list[str]:
        texts: list[str] = []
        begun: dict[str, bytes] = {}
        """Of a character that lies in two parts, its beginning by stream."""
        for stream, _, line, is_part in entries:
            line = begun.pop(stream, b"") + line
            if is_part:
                whole = _whole_characters(line)
                begun[stream], line = line[whole:], line[:whole]
            try:
                text = line.decode()
            except UnicodeDecodeError:
                self._on_replaced(1)
                text = line.decode(errors="replace")
            texts.append(text if is_part else text.removesuffix("\r"))
        return texts


def _whole_characters(line: bytes) -> int:
    """Up to where a text that may be cut off holds whole characters of UTF-8."""
    for back in range(1, min(4, len(line)) + 1):
        byte = line[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(line) - back if length > back else len(line)
    return len(line)
