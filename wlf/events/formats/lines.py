"""Many objects to JSON in one C call, and what an event without a form in a format is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, TypeAlias

import msgspec

from wlf.events.plain import plain_number

EncodeAll: TypeAlias = Callable[[Sequence[Any]], list[bytes]]
"""Events to payloads, one each, in order. Raises NoForm; whatever else it raises says that an event is broken."""

_json = msgspec.json.Encoder(decimal_format="number", enc_hook=plain_number)

encode_one = _json.encode
"""One object as JSON, UTF-8."""


class NoForm(Exception):
    """The format has no message for such an event, which is no fault of the event: it is left out, and counted."""


def encode_lines(objects: Sequence[Any]) -> list[bytes]:
    """One JSON text per object, UTF-8, without a line end: one call for the whole list, and one that splits it."""
    return split_text(encode_text(objects))


def encode_text(objects: Sequence[Any]) -> bytes:
    """The same in one piece, with a line end behind each."""
    return _json.encode_lines(objects)


def split_text(text: bytes) -> list[bytes]:
    """The lines of what `encode_text` made."""
    # JSON text holds no raw newline, and reading lines finds them several times faster than `split` does.
    return [line[:-1] for line in BytesIO(text).readlines()]
