"""How much memory a list of events holds, estimated from a few of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from wlf.events import Event

_POINTER_BYTES = 8
_PAYLOAD_OVERHEAD_BYTES = 41
"""A `bytes` object's header and its pointer in the payload column."""
_ENVELOPE_BYTES = 24
"""Punctuation and the like around an event's fields in an encoded event."""
_MAX_SAMPLE = 32
_MIN_SAMPLE = 4
_DEPTH = 6
_OWN_REFERENCES = 3
"""What `sys.getrefcount` sees of the measuring itself: a loop's variable, and the arguments of two calls."""


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


def weigh(events: Sequence[Event], turn: int = 0) -> Weight:
    """Estimate from 4 to 32 events evenly spread, so that interleaved tables count by their share.

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
    heap, text = sys.getsizeof(event), _ENVELOPE_BYTES
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if value is UNSET:
            continue
        own, length = _inspect(value, sys.getrefcount(value) - _OWN_REFERENCES, _DEPTH)
        heap += own
        text += length + len(name) + 4
    return heap, text


def _inspect(value: Any, holders: int, depth: int) -> tuple[int, int]:
    """(heap, text) of a value. What `holders` share counts as its part in each of them, a constant as nothing."""
    kind = type(value)
    own = sys.getsizeof(value) // holders if holders > 1 else sys.getsizeof(value)
    if kind is str:
        return own, len(value) + 2
    if kind is bytes:
        return own, len(value) * 4 // 3
    if kind is int or kind is float or value is None or kind is bool or not depth:
        return own, 8
    return _inspect_inner(value, own, max(1, holders), depth - 1)


def _inspect_inner(value: Any, heap: int, holders: int, depth: int) -> tuple[int, int]:
    """A row, a list or a mapping with all that it holds; anything else is a leaf."""
    names = getattr(value, "__struct_fields__", None)
    if names is not None:
        text = 2 + sum(map(len, getattr(value, "__struct_encode_fields__", names))) + 4 * len(names)
        inner: Iterator[Any] = (getattr(value, name) for name in names)
    elif isinstance(value, dict):
        text = 2 + 4 * len(value) + sum(len(key) for key in value if isinstance(key, str))
        inner = iter(value.values())
    elif isinstance(value, list | tuple):
        text, inner = 2 + len(value), iter(value)
    else:
        return heap, 12
    for item in inner:
        own, length = _inspect(item, sys.getrefcount(item) - _OWN_REFERENCES, depth)
        heap += own // holders
        text += length
    return heap, text
