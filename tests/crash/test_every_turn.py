"""wlf dies at every turn of its event loop in one scenario; the next run makes up for it."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any

from tests.runtime.sample import copies, sink, source
from wlf.components.base import Partial
from wlf.components.config import BatchConfig
from wlf.errors import Retryable
from wlf.testing import PAUSE, Crashed, FakeTimeLoop, MemoryStore, Part, Record, lines, run_graph

MESSAGES = [f"m{n:02}" for n in range(24)]


def scenario(records: dict[str, Record], store: MemoryStore, loop: FakeTimeLoop) -> int:
    script: list[Any] = [lines(*MESSAGES[0:4]), PAUSE, Part(lines(*MESSAGES[4:9])), lines(*MESSAGES[9:12])]
    script += [Retryable("gone"), lines(*MESSAGES[12:15]), PAUSE, *(lines(m) for m in MESSAGES[15:])]
    batch = BatchConfig(max_events=3, max_delay_ms=1)
    report = run_graph(
        source(script, "copies"),
        copies("a", "b"),
        sink(records["a"], "a", batch=batch, dead_letter="dead"),
        sink(records["b"], "b", batch=batch),
        sink(records["dead"], "dead", batch=batch),
        store=store,
        loop=loop,
        checkpoint_interval_ms=20,
    )
    return report.exit_code


def new_records() -> dict[str, Record]:
    return {"a": Record([None, Partial(rejected={1: "no"})]), "b": Record([Retryable("down"), None]), "dead": Record()}


def test_a_crash_at_any_turn_loses_nothing_and_repeats_little() -> None:
    logging.getLogger("wlf").setLevel(logging.CRITICAL)
    crashes = 0
    for turn in count(1):
        records, store = new_records(), MemoryStore()
        try:
            assert scenario(records, store, FakeTimeLoop(crash_after=turn)) == 0
        except Crashed:
            crashes += 1
        else:
            break
        dispatched = {id: len(record.events) for id, record in records.items()}
        # What a sink had not flushed is gone with the crash.
        for record in records.values():
            del record.events[record.durable :]
        assert scenario(records, store, FakeTimeLoop()) == 0
        assert all(record.durable == len(record.events) for record in records.values()), turn
        everywhere = records["a"].messages + records["dead"].messages
        assert set(everywhere) == set(MESSAGES), turn
        assert list(dict.fromkeys(records["b"].messages)) == MESSAGES, turn
        # At most all that was dispatched before comes twice, and the transaction that was cut in two.
        assert len(records["b"].messages) <= len(MESSAGES) + dispatched["b"] + 5, turn
    assert crashes > 50
    logging.getLogger("wlf").setLevel(logging.NOTSET)
