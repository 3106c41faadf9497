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


class FileLine(LogLine, frozen=True, gc=False):
    """A line of a file.

    Args:
        file: the path under which the file was found first: a rotation does not change it.
        host: the name of the machine.
        offset: where the line begins in the file, in bytes (with `offset: true`).
        flags: what is special: `truncated` (longer than allowed, the rest is left out), `partial` (its end is not
            written yet), `continued` (the rest of a partial line), `multiline` (made of several lines).
    """

    file: str = ""
    host: str | UnsetType = UNSET
    offset: int | UnsetType = UNSET
    flags: tuple[str, ...] | UnsetType = UNSET
