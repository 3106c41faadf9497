"""Containers that hold back the beginning of an event: when to deliver it all the same."""

from __future__ import annotations

from wlf.components.collectors._docker.container import Followed


class Waiting:
    """In the order in which they are due; all wait equally long.

    Args:
        seconds: how long nothing must have come.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[str, tuple[float, Followed]] = {}

    def note(self, followed: Followed, now: float) -> None:
        """Something came just now; the clock begins anew."""
        self._due.pop(followed.id, None)
        self._due[followed.id] = (now + self._seconds, followed)

    def clear(self, followed: Followed) -> None:
        """It holds nothing."""
        self._due.pop(followed.id, None)

    def due(self, now: float) -> list[Followed]:
        """Those that waited long enough; they wait no more."""
        found = []
        for at, followed in self._due.values():
            if at > now:
                break
            found.append(followed)
        for followed in found:
            del self._due[followed.id]
        return found

    def due_at(self) -> float:
        """When the first one is due."""
        first = next(iter(self._due.values()), None)
        return float("inf") if first is None else first[0]
