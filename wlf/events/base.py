"""What every event is: a frozen msgspec struct, shared by reference between all branches of the graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False):
    """The root of all event types.

    `gc=False` keeps the cyclic collector from walking millions of events, so an event must never hold anything that
    could lead back to it: no exception, traceback, component, or object that lists its own rows.
    """


Kinds: TypeAlias = frozenset[type[Event]]
"""The event types that may travel along an edge."""


def known_types(kinds: Iterable[type[Event]]) -> set[type[Event]]:
    """The kinds with all their subtypes: a type stands for its subtypes too.

    Those that a Map makes of them (`__derived__`) stand for themselves alone: they are there only where one arrives.
    """
    found: set[type[Event]] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting += (below for below in kind.__subclasses__() if "__derived__" not in vars(below))
    return found


def kind_names(kinds: Kinds) -> str:
    """`RowDelete | RowInsert | RowUpdate`: for messages and drawings, always in the same order."""
    return " | ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
