"""Where an event came from, in words that hold nothing of its contents."""

from __future__ import annotations

from msgspec import UNSET

from wlf.events import DeadLetter, Encrypted, Event, LogLine, RowChange, SchemaChange
from wlf.events.log import FileLine
from wlf.events.rows import row_index


def place_of(event: Event) -> str:
    """`binlog.000042:1337 row 3 (insert of shop.orders)`, or as much of it as is known."""
    if isinstance(event, DeadLetter):
        return place_of(event.event) if isinstance(event.event, Event) else f"a dead letter of {event.node}"
    if isinstance(event, RowChange):
        table = f"{event.type} of {event.database}.{event.table}"
        # The slot is empty in events that no binlog brought.
        place = getattr(event, "place", None)
        if place is None:
            return table
        return f"{place.file}:{place.offset} row {row_index(event)} ({table})"
    if isinstance(event, SchemaChange):
        return f"{event.type} in {event.database}, timestamp {event.ts}"
    if isinstance(event, FileLine):
        where = event.file if event.offset is UNSET else f"{event.file}:{event.offset}"
        return f"{where} (a line read by {event.source})"
    if isinstance(event, LogLine):
        return f"a log line of {event.source}, timestamp {event.ts}"
    if isinstance(event, Encrypted):
        return "an encrypted event"
    return f"a {type(event).__name__}"
