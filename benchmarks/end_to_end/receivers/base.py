"""What all receivers have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from benchmarks.contender import Sink
from benchmarks.end_to_end.expected import Expected, Tally, tally


class Receiver(ABC):
    """One system, with one place at a time: a topic, a key, an index, a file."""

    title: ClassVar[str] | str
    """For the tables."""
    poll_s: ClassVar[float] = 0.02
    """Time between two questions how many are there."""
    row_marks: tuple[bytes, ...] = (b"\n",)
    """What stands once for each row in the files of the program that comes next: see `Contender`."""

    @abstractmethod
    def place(self, folder: Path, expected: Expected) -> Sink:
        """Make a new, empty place; `folder` is for what the receiver itself keeps."""

    @abstractmethod
    def count(self) -> int:
        """Events in the place; a question that costs the system next to nothing."""

    @abstractmethod
    def messages(self) -> Iterator[bytes]:
        """All that is in the place."""

    def span_s(self) -> float | None:
        """Seconds between the first and the last event by the system's own clock, where it keeps the times."""
        return None

    def wanted(self, expected: Expected) -> int:
        """The count with which all is there."""
        return len(expected)

    def audit(self, expected: Expected) -> Tally:
        """What is lost and what is there more than once."""
        return tally(expected.identities, map(expected.identify, self.messages()))

    @abstractmethod
    def clear(self) -> None:
        """Give up the place and the space that it takes."""
