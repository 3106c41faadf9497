"""A transformer whose calls take long runs in a thread: in order, one call at a time, while the loop goes on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from wlf.components.base import Transformer
from wlf.components.config import TransformerConfig
from wlf.errors import SetupError
from wlf.events import Event
from wlf.runtime.report import RunReport
from wlf.testing import (
    EOF,
    Record,
    RecordingConfig,
    RecordingDispatcher,
    ScriptedCollector,
    ScriptedConfig,
    lines,
    run_graph,
)


class LongConfig(TransformerConfig, frozen=True, kw_only=True):
    seen: Any = None
    refuses: bool = False


class Long(Transformer):
    """Takes long from two events on; writes down in which threads it was called."""

    type_name = "Long"
    Config = LongConfig
    _inside = 0

    async def open(self) -> None:
        if self.config.refuses:
            raise SetupError("no such file", hint="make it")

    def runs_long(self, count: int) -> bool:
        return count > 1

    def transform(self, events: Sequence[Event]) -> Sequence[Event]:
        self._inside += 1
        assert self._inside == 1, "called twice at the same time"
        self.config.seen.append((len(events), threading.current_thread() is threading.main_thread()))
        if len(events) > 1:
            threading.Event().wait(0.01)  # so that the other source could come in between
        self._inside -= 1
        return events


def _run(record: Record, *scripts: list[Any], **options: Any) -> tuple[RunReport, list[tuple[int, bool]]]:
    seen: list[tuple[int, bool]] = []
    sources = [
        (ScriptedCollector, ScriptedConfig(id=f"source{n}", destination="long", script=[*script, EOF]))
        for n, script in enumerate(scripts)
    ]
    long = (Long, LongConfig(id="long", destination="sink", seen=seen, **options))
    return run_graph(*sources, long, (RecordingDispatcher, RecordingConfig(id="sink", record=record))), seen


def test_long_calls_run_in_a_thread_and_short_ones_in_the_loop() -> None:
    record = Record()
    report, seen = _run(record, [lines("a"), lines("b", "c"), lines("d")])
    assert report.exit_code == 0, report.problems
    assert record.messages == ["a", "b", "c", "d"]
    assert seen == [(1, True), (2, False), (1, True)]


def test_sources_that_share_a_node_take_turns_and_each_keeps_its_order() -> None:
    record = Record()
    scripts = [[lines(*(f"{name}{n}.{i}" for i in range(2))) for n in range(9)] for name in "xy"]
    report, seen = _run(record, *scripts)
    assert report.exit_code == 0, report.problems
    for name, script in zip("xy", scripts, strict=True):
        sent = [event.message for batch in script for event in batch]
        assert [message for message in record.messages if message[0] == name] == sent
    assert len(seen) == 18


def test_what_a_transformer_cannot_open_ends_the_run_and_names_the_node() -> None:
    record = Record()
    report, seen = _run(record, [lines("a")], refuses=True)
    assert report.exit_code == 1
    assert report.problems == ("long: no such file\n  hint: make it",)
    assert (seen, record.messages) == ([], [])
