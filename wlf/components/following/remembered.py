"""Files that are gone: they may come back under another name, or a copy of them may."""

from __future__ import annotations

from wlf.components.following.follow import Followed
from wlf.components.following.names import stem_of

_STEM = "stem:"


def names_of(followed: Followed) -> tuple[str, ...]:
    """What it is looked up by: the names that it had, and their stem."""
    return tuple({name for name in (followed.now, followed.path, _STEM + stem_of(followed.path)) if name})


class Remembered:
    """In the order in which they went, and by the names that they had."""

    def __init__(self) -> None:
        self._files: dict[str, Followed] = {}
        self._names: dict[str, dict[str, Followed]] = {}
        self._names_of: dict[str, tuple[str, ...]] = {}

    def add(self, followed: Followed, now: float) -> None:
        """It is gone since `now`, if it was not before."""
        if followed.id in self._files:
            return
        followed.gone_at = now
        self._files[followed.id] = followed
        names = names_of(followed)
        self._names_of[followed.id] = names
        for name in names:
            self._names.setdefault(name, {})[followed.id] = followed

    def of_stem(self, stem: str) -> list[Followed]:
        """Those whose names have that stem, the last one first."""
        return self.at(_STEM + stem)

    def remove(self, followed: Followed) -> None:
        """It is there again, or forgotten."""
        if self._files.pop(followed.id, None) is None:
            return
        followed.gone_at = None
        for name in self._names_of.pop(followed.id):
            del self._names[name][followed.id]
            if not self._names[name]:
                del self._names[name]

    def at(self, path: str) -> list[Followed]:
        """Those that had this name, the last one first."""
        return list(self._names.get(path, {}).values())[::-1]

    def due(self, since: float) -> list[Followed]:
        """Those that went at `since` or before."""
        due = []
        for followed in self._files.values():
            if followed.gone_at is None or followed.gone_at > since:
                break
            due.append(followed)
        return due

    def first_at(self) -> float | None:
        """When the first of them went."""
        first = next(iter(self._files.values()), None)
        return None if first is None else first.gone_at
