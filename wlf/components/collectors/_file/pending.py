"""Files whose last line, or event, is not known to be complete: when to deliver it all the same."""

from __future__ import annotations

from wlf.components.following.follow import Followed


class Pending:
    """In the order in which they are due; all wait equally long.

    Args:
        seconds: how long nothing must have come.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[str, tuple[float, int, Followed]] = {}

    def note(self, followed: Followed, now: float) -> None:
        """Something stands behind its offset; the clock begins anew when it grew."""
        known = self._due.get(followed.id)
        if known is not None and known[1] == followed.size:
            return
        self._due.pop(followed.id, None)
        self._due[followed.id] = (now + self._seconds, followed.size, followed)

    def clear(self, followed: Followed) -> None:
        """Nothing stands there."""
        self._due.pop(followed.id, None)

    def due(self, now: float) -> list[Followed]:
        """Those that waited long enough; they wait no more."""
        found = []
        for at, _, followed in self._due.values():
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

    def __contains__(self, followed: Followed) -> bool:
        return followed.id in self._due
