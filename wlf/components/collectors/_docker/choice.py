"""Which containers are meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate

from msgspec import UNSET

from wlf.components.collectors._docker.options import Selection
from wlf.events.log import Container


class Choice:
    """Answers for one container at a time.

    Args:
        include: one of each kind that is given must match.
        exclude: none may match.
        own: the name of this machine; where that is a container whose name Docker chose, it is wlf's own, and reading
            what one writes oneself has no end.
    """

    def __init__(self, include: Selection, exclude: Selection, own: str = "") -> None:
        self._own = own if re.fullmatch("[0-9a-f]{12}", own) else None
        self._include = _Patterns(include)
        self._exclude = _Patterns(exclude)

    def means(self, container: Container) -> bool:
        """Is it to be read?"""
        if self._own is not None and container.id.startswith(self._own):
            return False
        return all(self._include.answers(container)) and not any(self._exclude.answers(container))


class _Patterns:
    """The globs of a selection, compiled."""

    def __init__(self, selection: Selection) -> None:
        self._names = _any_of(selection.names)
        self._images = _any_of(selection.images)
        self._labels = _any_of(selection.labels)

    def answers(self, container: Container) -> list[bool]:
        """For each kind that is given: does it match?"""
        found = []
        if self._names is not None:
            found.append(self._names.match(container.name) is not None)
        if self._images is not None:
            found.append(container.image is not UNSET and self._images.match(container.image) is not None)
        if self._labels is not None:
            found.append(container.labels is not UNSET and _has_label(self._labels, container.labels))
        return found


def _any_of(globs: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(translate(glob) for glob in globs)) if globs else None


def _has_label(pattern: re.Pattern[str], labels: Mapping[str, str]) -> bool:
    return any(pattern.match(key) or pattern.match(f"{key}={value}") for key, value in labels.items())
