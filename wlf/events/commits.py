"""The mark of a transaction's last row, handed to the last row that is left of it.

Rows that are left out by table never leave the collector, which marks the last of the others. A rule about values comes
too late for that: without this, who waits for `commit` would wait for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from wlf.events import RowChange
from wlf.events.rows import put_place


def rest_of(events: Sequence[Any], kept: list[Any]) -> Sequence[Any]:
    """What is kept of `events`, marks included; the very sequence that came in where nothing was left out."""
    if len(kept) == len(events):
        return events
    return keep_commits(events, kept) if kept and any(isinstance(event, RowChange) for event in kept) else kept


def keep_commits(events: Sequence[Any], kept: list[Any]) -> list[Any]:
    """What is kept of `events`, with `commit` on the last row of each transaction that ends in them.

    The row keeps its `xoffset`, which tells it from the others of its rows event. A row of an earlier batch is gone and
    stays as it was.
    """
    made: list[Any] = []
    waiting = iter(kept)
    following = next(waiting, None)
    last = -1
    for event in events:
        ends = getattr(event, "commit", UNSET) is True
        if event is following:
            last = len(made) if isinstance(event, RowChange) and not ends else -1
            made.append(event)
            following = next(waiting, None)
        elif ends and last >= 0:
            made[last] = _marked(made[last])
        if ends:
            last = -1
    return made


def _marked(event: RowChange) -> RowChange:
    marked = msgspec.structs.replace(event, commit=True)
    place = getattr(event, "place", None)
    if place is not None:
        put_place((marked,), place)
    return marked
