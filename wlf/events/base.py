"""What every event is: a frozen msgspec struct, shared by reference between all branches of the graph."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False):
    """The root of all event types.

    `gc=False` keeps the cyclic collector from walking millions of events, so an event must never hold anything that
    could lead back to it: no exception, traceback, component, or object that lists its own rows.
    """


Kinds: TypeAlias = frozenset[type[Event]]
"""The event types that may travel along an edge."""


def kind_names(kinds: Kinds) -> str:
    """`RowDelete | RowInsert | RowUpdate`: for messages and drawings, always in the same order."""
    return " | ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
