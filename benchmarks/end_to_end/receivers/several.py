"""Several systems at once, each of which must hold all events."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.contender import SeveralSinks
from benchmarks.end_to_end.expected import Expected, Tally
from benchmarks.end_to_end.receivers.base import Receiver

_ASK_S = 0.1


class SeveralReceivers(Receiver):
    """The slowest of them ends the job."""

    def __init__(self, receivers: Sequence[Receiver]) -> None:
        self.title = " + ".join(receiver.title for receiver in receivers)
        self._receivers = receivers
        self._has_begun = False
        self._asked = 0.0
        self._least = 0

    def place(self, folder: Path, expected: Expected) -> SeveralSinks:
        self._has_begun, self._asked, self._least = False, 0.0, 0
        return SeveralSinks(tuple(receiver.place(folder, expected) for receiver in self._receivers))  # type: ignore[arg-type]

    def count(self) -> int:
        """As many as all have; 1 as soon as the first of them has any.

        That one alone is asked until then: what the program has used up at its first event is to be the same as in a
        run with that system alone, and a slow answer of another one would hide it.
        """
        if not self._has_begun:
            self._has_begun = self._receivers[0].count() > 0
            return int(self._has_begun)
        if time.monotonic() - self._asked > _ASK_S:
            self._least = min(receiver.count() for receiver in self._receivers)
            self._asked = time.monotonic()
        return max(1, self._least)

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
