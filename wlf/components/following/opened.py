"""Which files are open: no more at once than may be, and of those too many the longest unused is closed."""

from __future__ import annotations

from collections import OrderedDict

from wlf.components.following.follow import Followed

_STEP = 8
"""So many fewer may be open when the system gives no more."""


class Opened:
    """The open files, the longest unused first.

    Args:
        limit: how many there may be.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._files: OrderedDict[str, Followed] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    @property
    def has_room(self) -> bool:
        """May one more be open?"""
        return len(self._files) < self.limit

    def add(self, followed: Followed) -> None:
        """It is open, under this id."""
        self._files[followed.id] = followed

    def used(self, followed: Followed) -> None:
        """It is read just now."""
        self._files.move_to_end(followed.id)

    def remove(self, id: str) -> None:
        """It is open no more, or under another id."""
        self._files.pop(id, None)

    def surplus(self) -> Followed | None:
        """Which one is to be closed, never the one that was opened or read last. Of one that is gone nothing else is
        left, so it comes behind those that have a name, and behind those that are read to their end."""
        if len(self._files) <= self.limit:
            return None
        newest = next(reversed(self._files.values()))
        there = (each for each in self._files.values() if each.now is not None and each is not newest)
        read = (each for each in self._files.values() if each.is_ended and each is not newest)
        return next(there, None) or next(read, None) or next(iter(self._files.values()))

    def lower(self) -> None:
        """The system lets no more be open than there are."""
        self.limit = max(1, len(self._files) - _STEP)

    def close(self) -> None:
        """Close them all."""
        for followed in self._files.values():
            followed.close()
        self._files.clear()
