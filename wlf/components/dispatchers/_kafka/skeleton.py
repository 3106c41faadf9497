"""What is told of a dead letter that is itself too large for the brokers: the same, with the row's primary key alone.

An event that was refused for its size would be refused again inside of its dead letter, and the run would end over it.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from wlf.events import DeadLetter, RowChange
from wlf.events.table import TableVersion


def skeleton_of(letter: DeadLetter) -> DeadLetter:
    """The dead letter without the values of its event; those of the primary key stay."""
    event = letter.event
    if not isinstance(event, RowChange):
        return msgspec.structs.replace(letter, event={"type": getattr(event, "type", type(event).__name__)})
    version: TableVersion | None = getattr(event.data, "__table__", None)
    row = UNSET if version is None else _key_of(event.data, version)
    left = {"data": row, "query": UNSET} | ({"old": UNSET} if "old" in event.__struct_fields__ else {})
    return msgspec.structs.replace(letter, event=msgspec.structs.replace(event, **left))


def _key_of(row: object, version: TableVersion) -> object:
    width = range(len(version.columns))
    return version.row(*(getattr(row, f"f{index}") if index in version.primary_key else UNSET for index in width))
