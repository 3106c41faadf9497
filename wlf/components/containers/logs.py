"""The log of one container: the files that it was rotated into, and what of its two streams is not complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from operator import attrgetter

from wlf.components.containers.streams import LogStream
from wlf.components.following.follow import Followed
from wlf.components.following.multiline import Grouping
from wlf.components.following.position import WHOLE, Held

Place = tuple[str, int]
"""The id of a file, and the offset of a record in it."""
Age = tuple[int, str]
"""As `Source.log_of` tells it: the first number is above 0 for the file that is written to, and for no other."""


@dataclass(slots=True)
class _Member:
    """A file with the last name that it had, which tells its age.

    Args:
        was_written_to: had it the name of the file that is written to when it was found?
    """

    followed: Followed
    name: str
    age: Age
    was_written_to: bool


class ContainerLog:
    """Files in the order in which they were written; a stream goes on from each one into the next.

    Args:
        key: what all of its files have in common.
        age_of: how old a file is by its path; the least is the oldest, of two that are equal the one that came first.
    """

    def __init__(self, key: str, age_of: Callable[[str], Age]) -> None:
        self.key = key
        self._age_of = age_of
        self.grouping: Grouping | None = None
        """Which of its lines are one event."""
        self._files: list[_Member] = []
        self.streams: dict[str, LogStream] = {}
        self.latest: Followed | None = None
        """The file that was read last."""

    def add(self, followed: Followed) -> None:
        """A file of it."""
        name = followed.now or followed.path
        was_written_to = self._age_of(followed.path)[0] > 0
        self._files.append(_Member(followed, name, self._age_of(name), was_written_to))

    def remove(self, followed: Followed) -> None:
        """It is not followed any more."""
        self._files = [member for member in self._files if member.followed is not followed]

    def __len__(self) -> int:
        return len(self._files)

    def files(self) -> Iterator[Followed]:
        """From the oldest to the one that is written to."""
        if len(self._files) == 1:
            return iter((self._files[0].followed,))
        for member in self._files:
            now = member.followed.now
            if now is not None and now != member.name:
                member.name, member.age = now, self._age_of(now)
        self._date_lost()
        return (member.followed for member in sorted(self._files, key=attrgetter("age")))

    def _date_lost(self) -> None:
        """One that went before its rotated name was seen is older than what was written to after it."""
        bound: Age | None = None
        for member in reversed(self._files):
            if not member.was_written_to:
                continue
            if bound is not None and member.followed.now is None:
                member.age = min(member.age, bound)
            bound = member.age if bound is None else min(bound, member.age)

    def older_than(self, followed: Followed) -> Iterator[Followed]:
        """Its files that were written before this one."""
        return takewhile(lambda file: file is not followed, self.files())

    @property
    def is_plain(self) -> bool:
        """Does each whole record make an event by itself just now?"""
        return self.grouping is None and all(stream.is_plain for stream in self.streams.values())

    def held(self) -> dict[str, Held]:
        """By file: which streams are delivered less far than the file is read."""
        if self.is_plain:
            return {}
        held: dict[str, Held] = {}
        files = list(self.files())
        for name, stream in self.streams.items():
            place: Place | None = stream.held()
            if place is None and stream.within == WHOLE:
                continue
            if place is None:
                assert self.latest is not None, "something was read"
                place = (self.latest.id, self.latest.offset)
            is_behind = all(file.id != place[0] for file in files)  # then its file is gone
            for file in files:
                if file.id == place[0]:
                    held[file.id] = (*held.get(file.id, ()), (name, place[1], stream.within))
                    is_behind = True
                elif is_behind and file.offset:
                    # A stream is delivered in order: of the files behind, nothing of it is.
                    held[file.id] = (*held.get(file.id, ()), (name, 0, WHOLE))
        return held
