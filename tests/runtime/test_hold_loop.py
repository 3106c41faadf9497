"""What a stateful transformer keeps is never passed by a cursor."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any

import pytest

from tests.components.rows import configured
from tests.runtime.sample import copies, sink, source
from wlf.components.config import BatchConfig
from wlf.components.transformers.aggregator import Aggregator, AggregatorConfig
from wlf.errors import Retryable, TransformFailed
from wlf.events import LogLine
from wlf.events.aggregate import Aggregate
from wlf.testing import PAUSE, CallConfig, CallTransformer, Crashed, FakeTimeLoop, MemoryStore, Record, lines, run_graph


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="wlf")


def groups(destination: str = "sink", id: str = "groups", field: str = "/message", **options: Any) -> Any:
    merge = [{"field": field, "strategy": "list"}]
    options.setdefault("max_events", 3)
    return Aggregator, configured(AggregatorConfig, id=id, destination=destination, merge=merge, **options)


def merged(record: Record) -> list[list[str]]:
    return [event.fields["message"] for event in record.events if isinstance(event, Aggregate)]


def position(store: MemoryStore, dispatcher: str = "sink") -> int:
    return int(store.lanes["source", dispatcher]["script"].position or b"-1")


def test_what_is_kept_leaves_at_the_end_of_input() -> None:
    record, store = Record(), MemoryStore()
    report = run_graph(source([lines("a", "b"), lines("c", "d")], "groups"), groups(), sink(record), store=store)
    assert report.exit_code == 0
    assert merged(record) == [["a", "b", "c"], ["d"]]
    assert position(store) == 2


def test_what_is_due_leaves_while_nothing_comes() -> None:
    record = Record()
    script = [lines("a"), PAUSE, lines("b"), PAUSE, PAUSE, PAUSE, lines("c")]
    run_graph(source(script, "groups"), groups(max_events=10, idle_ms=1), sink(record))
    assert merged(record) == [["a"], ["b"], ["c"]]


def test_the_position_stays_before_what_is_kept_when_the_run_is_stopped() -> None:
    record, store = Record(), MemoryStore()
    script = [lines("a", "b", "c"), lines("d"), RuntimeError("broken")]
    report = run_graph(source(script, "groups"), groups(), sink(record), store=store)
    assert report.exit_code == 1
    assert merged(record) == [["a", "b", "c"]]
    assert position(store) == 1


def test_several_in_a_row_and_behind_a_branch() -> None:
    a, b, store = Record(), Record(), MemoryStore()
    script = [lines(*"abcd"), lines(*"ef")]
    report = run_graph(
        source(script, "copies"),
        copies("first", "b"),
        groups("second", "first", max_events=2),
        groups("a", "second", field="/fields/message", max_events=2),
        sink(a, "a"),
        sink(b, "b"),
        store=store,
    )
    assert report.exit_code == 0
    assert [event.fields["message"] for event in a.events] == [["['a', 'b']", "['c', 'd']"], ["['e', 'f']"]]  # type: ignore[union-attr]
    assert b.messages == list("abcdef")
    assert position(store, "a") == position(store, "b") == 2


def test_an_error_without_a_dead_letter_edge_ends_the_run_and_names_the_node() -> None:
    class Broken(Aggregator):
        type_name = "Broken"

        def take(self, events: Any, number: int) -> Any:
            raise ValueError("secret")

    broken = (Broken, groups()[1])
    report = run_graph(source([lines("a")], "groups"), broken, sink(Record()))
    assert report.exit_code == 1
    assert "groups" in report.problems[0]


MESSAGES = [f"m{n:02}" for n in range(20)]


@pytest.mark.parametrize(
    ("on_error", "passed", "buried"), [("drop", "", ""), ("pass", "x", ""), ("dead_letter", "", "x")]
)
@pytest.mark.parametrize("names_them", [True, False])
def test_events_that_it_cannot_take_are_settled_by_on_error(
    on_error: str, passed: str, buried: str, names_them: bool
) -> None:
    class Choosy(Aggregator):
        """Takes no x."""

        def take(self, events: Any, number: int) -> Any:
            bad = {index: "an x" for index, event in enumerate(events) if event.message == "x"}
            if not bad:
                return super().take(events, number)
            if not names_them:
                raise ValueError("x")
            made = super().take([event for event in events if event.message != "x"], number)
            raise TransformFailed([*made, *(events[index] for index in bad)], bad)

    record, dead, store = Record(), Record(), MemoryStore()
    dead_letter = "dead" if on_error == "dead_letter" else None
    _, config = groups(on_error=on_error, dead_letter=dead_letter)
    script = [lines("a", "x", "b"), lines("c")]
    report = run_graph(
        source(script, "groups"), (Choosy, config), sink(record, dead_letter="dead"), sink(dead, "dead"), store=store
    )
    assert report.exit_code == 0
    assert merged(record) == [["a", "b", "c"]]
    assert [event.message for event in record.events if isinstance(event, LogLine)] == [*passed]
    assert dead.messages == [*buried]
    assert position(store) == 2


def scenario(records: dict[str, Record], store: MemoryStore, loop: FakeTimeLoop) -> int:
    script: list[Any] = [lines(*MESSAGES[0:4]), PAUSE, lines(*MESSAGES[4:9]), Retryable("gone"), lines(*MESSAGES[9:12])]
    script += [PAUSE, *(lines(message) for message in MESSAGES[12:])]
    batch = BatchConfig(max_events=2, max_delay_ms=1)
    report = run_graph(
        source(script, "groups"),
        groups("copies", max_events=3, max_delay_ms=50),
        copies("a", "short"),
        (CallTransformer, CallConfig(id="short", destination="b", call=lambda events: events)),
        sink(records["a"], "a", batch=batch),
        sink(records["b"], "b", batch=batch),
        store=store,
        loop=loop,
        checkpoint_interval_ms=20,
    )
    return report.exit_code


def test_a_crash_at_any_turn_loses_nothing_that_was_kept_or_under_way() -> None:
    crashes = 0
    for turn in count(1):
        records = {"a": Record(), "b": Record([None, Retryable("down"), Retryable("down"), None])}
        store = MemoryStore()
        try:
            assert scenario(records, store, FakeTimeLoop(crash_after=turn)) == 0
        except Crashed:
            crashes += 1
        else:
            break
        for record in records.values():
            del record.events[record.durable :]  # what was not flushed is gone with the crash
        assert scenario(records, store, FakeTimeLoop()) == 0
        for record in records.values():
            assert {message for group in merged(record) for message in group} == set(MESSAGES), turn
    assert crashes > 50
