"""Events to bytes: every output format, encoded by msgspec in C, one call a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from wlf.events.base import Event
from wlf.events.ddl import SchemaChange
from wlf.events.dead_letter import DeadLetter
from wlf.events.formats.canal import encode_canal
from wlf.events.formats.debezium import encode_debezium, encode_debezium_schema
from wlf.events.formats.lines import EncodeAll, NoForm, encode_lines, encode_text, split_text
from wlf.events.formats.maxwell import encode_maxwell
from wlf.events.plain import plain_text
from wlf.events.rows import RowChange

__all__ = [
    "FORMATS",
    "TEXTS",
    "EncodeAll",
    "NoForm",
    "encode_json",
    "encode_msgpack",
    "has_form",
    "is_json",
    "join_payloads",
    "split_text",
]

_msgpack = msgspec.msgpack.Encoder(decimal_format="string", enc_hook=plain_text)


def encode_json(events: Sequence[Event]) -> list[bytes]:
    """One JSON object per event, UTF-8, without a line end."""
    return encode_lines(events)


def encode_msgpack(events: Sequence[Event]) -> list[bytes]:
    """One MessagePack map per event."""
    return list(map(_msgpack.encode, events))


FORMATS: dict[str, EncodeAll] = {
    "json": encode_json,
    "wlf": encode_json,
    "msgpack": encode_msgpack,
    "maxwell": encode_maxwell,
    "debezium": encode_debezium,
    "debezium_schema": encode_debezium_schema,
    "canal": encode_canal,
}
"""Output formats by the name a config gives them."""

TEXTS: dict[str, Callable[[Sequence[Event]], bytes]] = {"json": encode_text, "wlf": encode_text}
"""Formats that can be had in one piece, a line for each event, without single payloads being made."""

_OF_CHANGES = (RowChange, SchemaChange, DeadLetter)
"""What the messages of other tools can tell; a dead letter is always wlf's own JSON."""


def has_form(format: str, kind: type[Event]) -> bool:
    """Can events of this type be written in the format at all? Single ones may still have none (NoForm)."""
    return format in ("json", "wlf", "msgpack") or kind is Event or issubclass(kind, _OF_CHANGES)


def is_json(format: str) -> bool:
    """Are its payloads JSON texts, which hold no line end?"""
    return format != "msgpack"


def join_payloads(format: str, payloads: Sequence[bytes]) -> bytes:
    """Payloads one behind the other, with a line end behind each where they are texts."""
    return b"\n".join((*payloads, b"")) if is_json(format) else b"".join(payloads)
