"""What a collector of container logs tells the reading of their files."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from wlf.components.following.follow import Followed
from wlf.components.following.multiline import Grouping
from wlf.events import Event


class Verdict(enum.Enum):
    """What is to be done with a file that has its turn."""

    READ = enum.auto()
    LATER = enum.auto()
    """It is not known yet; the file is the buffer."""
    SKIP = enum.auto()
    """Nobody wants it: what it holds is passed over, and counted."""


class Entries(NamedTuple):
    """Events to be made, index by index.

    Args:
        times: as the engine wrote them; "" of what is no record.
        seconds: the same as numbers; the present time of what is no record.
        flags: None where none has any.
        offsets: where each begins in its file; None where nobody asked.
    """

    times: Sequence[str]
    seconds: Sequence[float]
    streams: Sequence[str]
    texts: Sequence[str]
    flags: Sequence[tuple[str, ...]] | None = None
    offsets: Sequence[int] | None = None


class Source(Protocol):
    """Knows whose log a file is."""

    def log_of(self, path: str) -> tuple[str, tuple[int, str]]:
        """Which log the file at `path` is a part of, and how old a part: the least is the oldest.

        The first number of the age is above 0 for the file that is written to, and for no other.
        """
        ...

    def verdict(self, followed: Followed) -> Verdict:
        """Is the file to be read now? Asked before each chunk."""
        ...

    def due_at(self) -> float:
        """When a verdict may change without any news; infinity where none is awaited."""
        ...

    def grouping(self, followed: Followed) -> Grouping | None:
        """Which lines of the file's log are one event. Asked for each chunk: the same answer must be equal."""
        ...

    def events(self, followed: Followed, entries: Entries) -> list[Event]:
        """The events."""
        ...
