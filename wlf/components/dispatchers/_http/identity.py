"""The `Idempotency-Key` of a request: made of where its events come from, so that the same events give the same key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from wlf.events import DeadLetter, Event, LogLine, SchemaChange
from wlf.events.formats.lines import encode_one
from wlf.events.rows import row_index


def key_of(events: Sequence[Event]) -> str | None:
    """64 hexadecimal digits; None where one of them has no position, as two events could share the key."""
    names = []
    for event in events:
        name = _name(event)
        if name is None:
            return None
        names.append(name)
    return hashlib.sha256(encode_one(names)).hexdigest()


def _name(event: Any) -> list[Any] | None:
    if isinstance(event, DeadLetter):
        inner = _name(event.event)
        return None if inner is None else ["dead", event.node, *inner]
    place = getattr(event, "place", None)
    if place is not None:
        # The table, for those of a snapshot: on a quiet server all of them have one place.
        where = [place.server, place.file, place.offset, place.ts, row_index(event)]
        return [event.type, event.database, event.table, *where]
    if isinstance(event, SchemaChange) and event.position is not UNSET:
        return ["ddl", event.server_id or None, event.ts, event.position]
    if isinstance(event, LogLine) and getattr(event, "offset", UNSET) is not UNSET:
        # A path is used again after a rotation: the time tells the files apart.
        return ["line", event.source, getattr(event, "file", ""), getattr(event, "offset", 0), event.ts, event.message]
    return None
