"""Events to bytes: every output format, encoded by msgspec in C, one call a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from wlf.events.base import Event

EncodeAll: TypeAlias = Callable[[Sequence[Event]], list[bytes]]

_json = msgspec.json.Encoder(decimal_format="number")
_msgpack = msgspec.msgpack.Encoder(decimal_format="string")


def encode_json(events: Sequence[Event]) -> list[bytes]:
    """One JSON object per event, UTF-8, without a line end."""
    if not events:
        return []
    # One C call for the whole list and one C split beat a call per event; JSON text holds no raw newline.
    lines = _json.encode_lines(events).split(b"\n")
    lines.pop()
    return lines


def encode_msgpack(events: Sequence[Event]) -> list[bytes]:
    """One MessagePack map per event."""
    return list(map(_msgpack.encode, events))


FORMATS: dict[str, EncodeAll] = {"json": encode_json, "wlf": encode_json, "msgpack": encode_msgpack}
"""Output formats by the name a config gives them."""
