"""Logs in which something waits for what may belong to it: when to deliver it all the same."""

from __future__ import annotations

from collections.abc import Sequence

from wlf.components.containers.logs import ContainerLog
from wlf.components.containers.streams import Kept


class Waiting:
    """In the order in which they are due; all wait equally long, from when they grew last.

    Args:
        seconds: how long nothing must have come.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[ContainerLog, tuple[float, Sequence[Kept | None]]] = {}

    def note(self, log: ContainerLog, now: float, kept: Sequence[Kept | None]) -> None:
        """Something was read of it; `kept` tells what waits in each stream, None in one where nothing does."""
        known = self._due.get(log)
        if known is not None and known[1] == kept:
            return
        self._due.pop(log, None)
        if any(kept):
            self._due[log] = (now + self._seconds, kept)

    def due(self, now: float) -> list[ContainerLog]:
        """Those that waited long enough; they wait no more."""
        found = []
        for log, (at, _) in self._due.items():
            if at > now:
                break
            found.append(log)
        for log in found:
            del self._due[log]
        return found

    def due_at(self) -> float:
        """When the first one is due."""
        first = next(iter(self._due.values()), None)
        return float("inf") if first is None else first[0]
