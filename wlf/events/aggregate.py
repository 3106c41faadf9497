"""What an Aggregator makes of several events."""

from __future__ import annotations

from typing import Any

from wlf.events.base import Event


class Aggregate(Event, frozen=True, gc=False):
    """Several events with something in common, as one.

    Args:
        type: always `aggregate`.
        source: the id of the node that made it.
        ts: of the first event; Unix seconds.
        last_ts: of the last one.
        count: how many there were.
        reason: what ended it: `count`, `time`, `idle`, `begin` (of the next one), `end`, `memory` or `input`.
        key: what they have in common, by the last name of each pointer.
        fields: what was merged, by the last name of each pointer.
    """

    source: str
    ts: float
    last_ts: float
    count: int
    reason: str
    key: dict[str, Any]
    fields: dict[str, Any]
    type: str = "aggregate"
