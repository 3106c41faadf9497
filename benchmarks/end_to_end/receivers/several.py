"""Several systems at once, each of which must hold all events."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.contender import SeveralSinks
from benchmarks.end_to_end.expected import Expected, Tally
from benchmarks.end_to_end.receivers.base import Receiver


class SeveralReceivers(Receiver):
    """The slowest of them ends the job."""

    poll_s = 0.05

    def __init__(self, receivers: Sequence[Receiver]) -> None:
        self.title = " + ".join(receiver.title for receiver in receivers)
        self._receivers = receivers

    def place(self, folder: Path, expected: Expected) -> SeveralSinks:
        return SeveralSinks(tuple(receiver.place(folder, expected) for receiver in self._receivers))  # type: ignore[arg-type]

    def count(self) -> int:
        """As many as all have; 1 as soon as one of them has any."""
        counts = [receiver.count() for receiver in self._receivers]
        return min(counts) or min(1, max(counts))

    def messages(self) -> Iterator[bytes]:
        return itertools.chain.from_iterable(receiver.messages() for receiver in self._receivers)

    def audit(self, expected: Expected) -> Tally:
        told = Tally()
        for receiver in self._receivers:
            told = told.plus(receiver.audit(expected))
        return told

    def clear(self) -> None:
        for receiver in self._receivers:
            receiver.clear()
