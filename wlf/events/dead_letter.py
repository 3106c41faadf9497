"""What a node sends along its `dead_letter` edge: an event that it, or the system behind it, would not take."""

from __future__ import annotations

from typing import Any

from wlf.events.base import Event


class DeadLetter(Event, frozen=True, gc=False):
    """A refused event with the reason.

    Args:
        type: always `dead-letter`.
        node: the id of the node that refused it.
        error: the reason, as text; never an exception, which would keep its frames alive.
        attempts: how often it was tried.
        ts: when it was given up, Unix seconds with a fraction.
        event: the refused event itself.
    """

    node: str
    error: str
    attempts: int
    ts: float
    event: Any
    type: str = "dead-letter"
