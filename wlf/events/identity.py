"""What an event is called by where it comes from: the same after a replay, and never the same for two events."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from wlf.events.ddl import SchemaChange
from wlf.events.dead_letter import DeadLetter
from wlf.events.log import LogLine
from wlf.events.rows import row_index


def identity_of(event: Any) -> list[Any] | None:
    """Texts and numbers; None where nothing tells the event from another one."""
    if isinstance(event, DeadLetter):
        inner = identity_of(event.event)
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
