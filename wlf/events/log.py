"""One line of a log, from a file, a container or a pod."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from wlf.events.base import Event


class LogLine(Event, frozen=True, gc=False):
    """A log line and where it was read.

    Args:
        type: always `log`.
        ts: when the line was written as far as the source tells, else when it was read; Unix seconds with a fraction.
        source: the id of the collector.
        message: the line without its line end.
        attributes: what the source knows about it (path, container, labels ...).
    """

    source: str
    ts: float
    message: str
    type: str = "log"
    attributes: dict[str, Any] | UnsetType = UNSET
