"""Events, tickets and configs that the tests of the runtime share."""

from __future__ import annotations

from typing import Any

from wlf.components.config import BatchConfig, RouterConfig
from wlf.runtime.batch import Batch
from wlf.runtime.batcher import Batcher
from wlf.runtime.mailbox import Budget, Mailbox
from wlf.testing import (
    CopyRouter,
    Record,
    RecordingConfig,
    RecordingDispatcher,
    ScriptedCollector,
    ScriptedConfig,
    lines,
)


class CountingTicket:
    """Counts what is settled."""

    def __init__(self) -> None:
        self.settled = 0

    def settle(self, count: int) -> None:
        self.settled += count


def batch_of(count: int, first: int = 0, width: int = 10) -> Batch:
    return Batch(tuple(lines(*(f"{n:0{width}d}" for n in range(first, first + count)))))


def make_mailbox(limit_bytes: int = 10**9, of: int = 1, **batch: Any) -> Mailbox:
    return Mailbox(Budget(limit_bytes, of), Batcher(BatchConfig(**{"max_delay_ms": 0, **batch}), "json"))


def source(script: list[Any], destination: str = "sink", id: str = "source") -> Any:
    return ScriptedCollector, ScriptedConfig(id=id, destination=destination, script=script)


def sink(record: Record, id: str = "sink", **options: Any) -> Any:
    return RecordingDispatcher, RecordingConfig(id=id, record=record, **options)


def copies(*ids: str) -> Any:
    return CopyRouter, RouterConfig(id="copies", destinations=list(ids))
