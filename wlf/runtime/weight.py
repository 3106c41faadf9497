"""How much memory a list of events holds, estimated from a few of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sys import getrefcount, getsizeof
from typing import Any, NamedTuple

from msgspec import UNSET, Struct
from msgspec.structs import astuple

from wlf.events import Event
from wlf.events.log import FileLine

_POINTER_BYTES = 8
_PAYLOAD_OVERHEAD_BYTES = 41
"""A `bytes` object's header and its pointer in the payload column."""
_ENVELOPE_BYTES = 24
"""Punctuation and the like around an event's fields in an encoded event."""
_LINE_BYTES = 96
"""Names and punctuation around the fields of an encoded line."""
_NUMBER_BYTES = 32
_MAX_SAMPLE = 16
_MIN_SAMPLE = 4
_DEPTH = 6
_OWN_REFERENCES = 3
"""What `getrefcount` sees of the measuring itself: the tuple, the loop's variable, and the argument."""
_SHORT = (int, float, bool, type(None))


class Weight(NamedTuple):
    """What a list of events costs, in bytes."""

    heap: int
    """The objects themselves, without what they share with many others."""
    encoded: int
    """The text of all events, once encoded, with its Python objects."""

    @property
    def total(self) -> int:
        """What the list may come to hold while it waits."""
        return self.heap + self.encoded


class PayloadSizes:
    """How large the payloads of each format are, beside the estimate for JSON: learnt from what was encoded.

    Formats that repeat what is known (Debezium's schemas) hold many times the row, and how many depends on the tables.
    """

    _FIRST: Mapping[str, float] = {"debezium": 3.0, "debezium_schema": 12.0, "canal": 3.0}
    """What is assumed until something was encoded; all others are as large as JSON."""
    _SHARE = 0.25
    """How much the newest batch counts."""

    def __init__(self) -> None:
        self._ratios = dict(self._FIRST)

    def estimate(self, format: str, encoded: int) -> int:
        """Payload bytes of a list of events whose estimate for JSON is `encoded`."""
        return int(encoded * self._ratios[format]) if format in self._ratios else encoded

    def note(self, format: str, encoded: int, count: int, size: int) -> None:
        """`count` events whose estimate for JSON is `encoded` have payloads of `size` bytes in all."""
        if format in self._ratios and encoded:
            found = (size + _PAYLOAD_OVERHEAD_BYTES * count) / encoded
            self._ratios[format] += (found - self._ratios[format]) * self._SHARE


def weigh(events: Sequence[Event], turn: int = 0) -> Weight:
    """Estimate from 4 to 16 events evenly spread, so that interleaved tables count by their share.

    `turn` moves the sample along from batch to batch: rows that are rare and large are then seen as often as they
    occur, and the sum over many batches comes out right.
    """
    count = len(events)
    if not count:
        return Weight(0, 0)
    step = max(1, count // min(_MAX_SAMPLE, max(_MIN_SAMPLE, count // 16)))
    first = turn % step
    heap = encoded = seen = 0
    for index in range(first, count, step):
        own, text = _measure(events[index])
        heap += own
        encoded += text
        seen += 1
    return Weight(
        (heap * count) // seen + _POINTER_BYTES * count,
        (encoded * count) // seen + _PAYLOAD_OVERHEAD_BYTES * count,
    )


def _measure(event: Event) -> tuple[int, int]:
    """(heap, text) of one event: its struct, its fields, and what hangs below them."""
    if type(event) is FileLine and event.attributes is UNSET:
        return _measure_line(event)
    values = astuple(event)
    heap, text = _add_up(values, _DEPTH)
    names = sum(len(name) for name, value in zip(event.__struct_fields__, values, strict=True) if value is not UNSET)
    return heap + getsizeof(event), text + _ENVELOPE_BYTES + names


def _measure_line(line: FileLine) -> tuple[int, int]:
    """A line of a file has its text to itself, and all else in common with the others."""
    shared = len(line.source) + len(line.file) + (len(line.host) if line.host is not UNSET else 0)
    own = getsizeof(line) + getsizeof(line.message)
    return own + (0 if line.offset is UNSET else _NUMBER_BYTES), len(line.message) + shared + _LINE_BYTES


def _add_up(items: tuple[Any, ...], depth: int) -> tuple[int, int]:
    """(heap, text) of the values. What many events share counts as its part in each of them, a constant as nothing."""
    heap = text = 0
    for item in items:
        kind = type(item)
        own = getsizeof(item)
        holders = getrefcount(item) - _OWN_REFERENCES
        if holders > 1:
            own //= holders
        heap += own
        if kind is str:
            text += len(item) + 6
        elif kind in _SHORT:
            text += 12
        elif item is not UNSET and depth:
            inner, length = _look_inside(item, kind, depth - 1)
            heap += inner // max(1, holders)
            text += length + 4
    return heap, text


def _look_inside(value: Any, kind: type, depth: int) -> tuple[int, int]:
    """A row, a list or a mapping with all that it holds; anything else is a leaf."""
    if isinstance(value, Struct):
        heap, text = _add_up(astuple(value), depth)
        return heap, text + sum(map(len, value.__struct_encode_fields__))
    if kind is dict:
        heap, text = _add_up(tuple(value.values()), depth)
        return heap, text + sum(map(len, map(str, value)))
    if isinstance(value, list | tuple):
        return _add_up(tuple(value), depth)
    return 0, len(value) * 4 // 3 if kind is bytes else 8
