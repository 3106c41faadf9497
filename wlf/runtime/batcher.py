"""Cuts and merges what waits for one dispatcher into batches of the size it wants, in order."""

from __future__ import annotations

from collections import deque

from wlf.components.config import BatchConfig
from wlf.runtime.batch import Batch, OutgoingBatch, Slice, Ticket


class Batcher:
    """A queue of slices. A batch goes out when `max_events` or `max_bytes` is reached, or its oldest event is due.

    It is due `max_delay_ms` after its arrival or after the batch before was taken, whichever was first: so after a
    pause an event goes out at once, and under load batches have that long to grow.
    """

    def __init__(self, config: BatchConfig, format: str) -> None:
        self._max_events = config.max_events
        self._max_bytes = config.max_bytes
        self._delay = config.max_delay_ms / 1000
        self.format = format
        self._waiting: deque[tuple[Slice, float]] = deque()
        self.events = 0
        self.encoded_bytes = 0
        self._taken_at = float("-inf")
        self.draining = False
        """True at shutdown: nothing waits for company any more."""

    def add(self, batch: Batch, ticket: Ticket, now: float) -> None:
        """Queue a whole batch. An empty one is never queued: its ticket expects nothing."""
        if not batch.events:
            return
        self._waiting.append((Slice(batch, 0, len(batch), ticket), now))
        self.events += len(batch)
        self.encoded_bytes += batch.encoded_bytes(self.format)

    def due_at(self) -> float | None:
        """When `take` will give something without further arrivals; None while nothing waits."""
        return min(self._waiting[0][1], self._taken_at) + self._delay if self._waiting else None

    def take(self, now: float) -> OutgoingBatch | None:
        """The next batch, or None while it may still grow."""
        if not self._waiting:
            return None
        full = self.draining or self.events >= self._max_events or self.encoded_bytes >= self._max_bytes
        if not full and now < min(self._waiting[0][1], self._taken_at) + self._delay:
            return None
        self._taken_at = now
        return OutgoingBatch(self._cut(), self.format)

    def _is_left_whole(self, part: Slice, size: int, events: int, room: int) -> bool:
        """Is it kept for the next batch, this one being half full? What goes out uncut is never split and joined."""
        fits = part.length == len(part.batch) <= self._max_events and size <= self._max_bytes
        return fits and (2 * events <= self._max_events or 2 * room <= self._max_bytes)

    def _cut(self) -> list[Slice]:
        """Slices up to the limits, one event at least; one that does not fit is cut in two, or left for the next."""
        slices: list[Slice] = []
        events, room = self._max_events, self._max_bytes
        while self._waiting and events > 0:
            part, since = self._waiting[0]
            size = part.batch.encoded_of(part.start, part.stop, self.format)
            count = part.length
            if size > room:
                count = count * room // size or (0 if slices else 1)
            count = min(count, events)
            if not count or (count < part.length and self._is_left_whole(part, size, events, room)):
                break
            self._waiting.popleft()
            if count < part.length:
                rest = part._replace(start=part.start + count)
                part = part._replace(stop=part.start + count)
                self._waiting.appendleft((rest, since))
                size = part.batch.encoded_of(part.start, part.stop, self.format)
            slices.append(part)
            events -= count
            room -= size
            self.events -= count
            self.encoded_bytes -= size
            if room <= 0:
                break
        return slices
