"""What the runtime would hand to a component: a context that keeps its counters, and batches made from a list."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from wlf.components.base import Context
from wlf.events import Event
from wlf.events.codec import FORMATS, join_payloads


@dataclass
class Number:
    value: float = 0

    def add(self, amount: float = 1) -> None:
        self.value += amount

    def set(self, value: float) -> None:
        self.value = value


@dataclass
class Numbers:
    """Counters by name and label values: `numbers["wlf_dropped_events_total", "filtered"]`."""

    found: dict[tuple[str, ...], Number] = field(default_factory=dict)

    def counter(self, name: str, help: str, **labels: str) -> Number:
        assert help
        return self.found.setdefault((name, *labels.values()), Number())

    gauge = counter

    def __getitem__(self, key: tuple[str, ...]) -> float:
        return self.found[key].value


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()


class SetClock:
    """Stands still until told otherwise."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


def make_context(node: str = "node", clock: SystemClock | SetClock | None = None) -> Context:
    return Context(node=node, logger=logging.getLogger(f"wlf.{node}"), metrics=Numbers(), clock=clock or SystemClock())


class Batch:
    """An `Outgoing` over a list of events."""

    def __init__(self, events: Sequence[Event], format: str = "json") -> None:
        self.events = events
        self.format = format

    def payloads(self) -> list[bytes]:
        return FORMATS[self.format](self.events)

    def text(self) -> bytes:
        return join_payloads(self.format, self.payloads())

    def __len__(self) -> int:
        return len(self.events)
