from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.runtime.sample import sink, source
from wlf.components.base import Router
from wlf.components.config import RouterConfig, TransformerConfig
from wlf.errors import ComponentError, TransformFailed
from wlf.events import Event, RowInsert
from wlf.events.rows import Place, put_place
from wlf.graph.plan import Plan
from wlf.runtime.instances import Surroundings, make_components
from wlf.runtime.segment import SegmentRun
from wlf.testing import CallConfig, CallTransformer, CopyRouter, FakeClock, PassTransformer, Record, build_plan, lines


class SplitRouter(Router):
    """Even messages to the first destination, odd ones to the second."""

    type_name = "Split"
    Config = RouterConfig

    def route(self, events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
        first, second = self.config.destinations
        return {
            first: [e for e in events if int(e.message) % 3 == 0],
            second: [e for e in events if int(e.message) % 3 == 1],
        }


def build(plan: Plan, clock: FakeClock | None = None) -> tuple[SegmentRun, Surroundings]:
    around = Surroundings(clock or FakeClock(), lambda: 0.5, logging.getLogger("wlf.test"))
    components = make_components(plan, around, until_end=False)
    metrics = {node.id: around.metrics(node.id) for node in plan.nodes}
    return SegmentRun(plan.segments[0], components, metrics, around.clock), around


def called(call: Any, id: str = "t", to: str = "sink", **options: Any) -> Any:
    return CallTransformer, CallConfig(id=id, destination=to, call=call, **options)


def test_a_list_that_nobody_touches_is_the_same_object_for_all_dispatchers() -> None:
    run, _ = build(
        build_plan(
            source([], "pass"),
            (PassTransformer, TransformerConfig(id="pass", destination="copies")),
            (CopyRouter, RouterConfig(id="copies", destinations=["a", "b", "c"])),
            *(sink(Record(), id) for id in "abc"),
        )
    )
    events = tuple(lines("1", "2"))
    outputs = run.run(events).outputs
    assert [outputs[id] is events for id in "abc"] == [True] * 3


def test_a_filtered_list_is_one_object_below_a_replicator() -> None:
    run, around = build(
        build_plan(
            source([], "t"),
            called(lambda events: [e for e in events if e.message != "2"], to="copies"),
            (CopyRouter, RouterConfig(id="copies", destinations=["a", "b"])),
            *(sink(Record(), id) for id in "ab"),
        )
    )
    events = tuple(lines("1", "2", "3"))
    outputs = run.run(events).outputs
    assert outputs["a"] is outputs["b"]
    assert outputs["a"] == (events[0], events[2])
    assert outputs["a"][0] is events[0]
    assert 'wlf_dropped_events_total{node="t",reason="filtered"} 1' in around.registry.exposition()


def test_events_that_a_router_sends_nowhere_are_counted() -> None:
    run, around = build(
        build_plan(
            source([], "split"),
            (SplitRouter, RouterConfig(id="split", destinations=["a", "b"])),
            *(sink(Record(), id) for id in "ab"),
        )
    )
    outputs = run.run(tuple(lines(*map(str, range(9))))).outputs
    assert [e.message for e in outputs["a"]] == ["0", "3", "6"]
    assert 'wlf_dropped_events_total{node="split",reason="filtered"} 3' in around.registry.exposition()


def test_ways_that_meet_again_keep_the_order_of_collection() -> None:
    run, _ = build(
        build_plan(
            source([], "split"),
            (SplitRouter, RouterConfig(id="split", destinations=["a", "b"])),
            called(list, "a", "sink"),
            called(list, "b", "sink"),
            sink(Record()),
        )
    )
    outputs = run.run(tuple(lines("1", "0", "4", "3", "2"))).outputs
    assert [e.message for e in outputs["sink"]] == ["1", "0", "4", "3"]


def test_events_that_are_made_anew_on_one_way_keep_their_place_where_the_ways_meet() -> None:
    def anew(events: Sequence[Event]) -> Sequence[Event]:
        return lines(*(e.message for e in events))

    run, _ = build(
        build_plan(
            source([], "split"),
            (SplitRouter, RouterConfig(id="split", destinations=["a", "b"])),
            called(anew, "a", "a2"),
            called(anew, "a2", "sink"),
            called(list, "b", "sink"),
            sink(Record()),
        )
    )
    outputs = run.run(tuple(lines("1", "0", "4", "3", "2", "7", "6"))).outputs
    assert [e.message for e in outputs["sink"]] == ["1", "0", "4", "3", "7", "6"]


def test_an_event_that_failed_on_one_way_keeps_its_place_too() -> None:
    def upper(events: Sequence[Event]) -> Sequence[Event]:
        made = [e if e.message == "3" else lines(e.message)[0] for e in events]
        raise TransformFailed(made, {n: "three" for n, e in enumerate(events) if e.message == "3"})

    for on_error, left in (("pass", ["1", "0", "4", "3", "6"]), ("drop", ["1", "0", "4", "6"])):
        run, _ = build(
            build_plan(
                source([], "split"),
                (SplitRouter, RouterConfig(id="split", destinations=["a", "b"])),
                called(upper, "a", "sink", on_error=on_error),
                called(list, "b", "sink"),
                sink(Record()),
            )
        )
        outputs = run.run(tuple(lines("1", "0", "4", "3", "6"))).outputs
        assert [e.message for e in outputs["sink"]] == left


def _poison(events: Sequence[Event]) -> list[Event]:
    if any(e.table == "bad" for e in events):
        raise KeyError("secret payload")
    return list(events)


def _rows(*tables: str) -> tuple[RowInsert, ...]:
    rows = tuple(RowInsert("shop", table, "insert", 1, xoffset=n, data=None) for n, table in enumerate(tables))
    put_place(rows, Place("uuid", "binlog.000042", 1337, 1, None, 0, len(rows)))
    return rows


def test_an_exception_names_the_node_and_the_place_and_not_the_payload() -> None:
    run, _ = build(build_plan(source([], "t"), called(_poison), sink(Record())))
    with pytest.raises(ComponentError) as caught:
        run.run(_rows("good", "bad"))
    text = str(caught.value)
    assert text.startswith("t: KeyError at binlog.000042:1337 row 1 (insert of shop.bad)")
    assert "secret" not in text


def test_with_a_dead_letter_edge_a_poison_event_takes_no_neighbour_along() -> None:
    plan = build_plan(source([], "t"), called(_poison, dead_letter="dead"), sink(Record()), sink(Record(), "dead"))
    run, _ = build(plan)
    rows = _rows("good", "bad", "good")
    outcome = run.run(rows)
    assert outcome.outputs["sink"] == (rows[0], rows[2])
    assert [refused.events for refused in outcome.refused] == [(rows[1],)]


def _upper(events: Sequence[Event]) -> list[Event]:
    """Makes every line anew; lines that are no letters fail."""
    made = [e if not e.message.isalpha() else lines(e.message.upper())[0] for e in events]
    reasons = {n: f"no letters at {n}" for n, e in enumerate(events) if not e.message.isalpha()}
    if reasons:
        raise TransformFailed(made, reasons)
    return made


def _outcome(on_error: str, *messages: str, call: Any = _upper) -> tuple[Any, Any, str]:
    dead = {"dead_letter": "dead"} if on_error == "dead_letter" else {}
    plan = build_plan(
        source([], "t"),
        called(call, on_error=on_error, **dead),
        sink(Record()),
        *([sink(Record(), "dead")] if dead else []),
    )
    run, around = build(plan)
    outcome = run.run(tuple(lines(*messages)))
    return outcome, [e.message for e in outcome.outputs.get("sink", ())], around.registry.exposition()


@pytest.mark.parametrize(
    ("on_error", "left"), [("pass", ["A", "2", "C", "4"]), ("drop", ["A", "C"]), ("dead_letter", ["A", "C"])]
)
def test_on_error_decides_about_events_that_fail_and_the_others_go_on_in_order(on_error: str, left: list[str]) -> None:
    outcome, messages, numbers = _outcome(on_error, "a", "2", "c", "4")
    assert messages == left
    assert f'wlf_failed_events_total{{node="t",on_error="{on_error}"}} 2' in numbers
    assert ('reason="failed"} 2' in numbers) == (on_error == "drop")
    assert 'reason="filtered"} 1' not in numbers
    refused = [(e.message, reason) for r in outcome.refused for e, reason in zip(r.events, r.reasons, strict=True)]
    assert refused == ([("2", "no letters at 1"), ("4", "no letters at 3")] if on_error == "dead_letter" else [])


def test_on_error_stop_names_the_place_and_the_reason_of_the_first_event_that_failed() -> None:
    with pytest.raises(ComponentError) as caught:
        _outcome("stop", "a", "2", "c", "4")
    assert str(caught.value).startswith("t: no letters at 1 at a log line of ")


@pytest.mark.parametrize(("on_error", "left"), [("pass", ["a", "bad", "c"]), ("drop", ["a", "c"])])
def test_any_exception_is_the_events_own_unless_on_error_is_stop(on_error: str, left: list[str]) -> None:
    def poison(events: Sequence[Event]) -> Sequence[Event]:
        if any(e.message == "bad" for e in events):
            raise KeyError("bad")
        return events

    _, messages, numbers = _outcome(on_error, "a", "bad", "c", call=poison)
    assert messages == left
    assert f'wlf_failed_events_total{{node="t",on_error="{on_error}"}} 1' in numbers


def test_an_index_that_no_event_has_is_an_error_of_the_component() -> None:
    def wrong(events: Sequence[Event]) -> Sequence[Event]:
        raise TransformFailed(events, {5: "no such event"})

    with pytest.raises(ComponentError, match="expected indices from 0 to 1 in TransformFailed"):
        _outcome("drop", "a", "b", call=wrong)


def test_a_call_over_100_ms_counts_as_stall_of_its_node() -> None:
    clock = FakeClock()

    def slow(events: Sequence[Event]) -> Sequence[Event]:
        clock.advance(0.25 if len(events) > 1 else 0.05)
        return events

    run, around = build(build_plan(source([], "t"), called(slow), sink(Record())), clock)
    run.run(tuple(lines("1", "2")))
    run.run(tuple(lines("1")))
    assert 'wlf_stall_seconds_total{node="t"} 0.25' in around.registry.exposition()


def test_the_text_of_an_exception_goes_to_the_dead_letters_and_not_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    plan = build_plan(source([], "t"), called(_poison, dead_letter="dead"), sink(Record()), sink(Record(), "dead"))
    run, _ = build(plan)
    with caplog.at_level("WARNING"):
        outcome = run.run(_rows("good", "bad", "good"))
        run.run(_rows("good", "bad", "good"))
    assert outcome.refused[0].reasons == ("KeyError: 'secret payload'",)
    assert [record.getMessage() for record in caplog.records] == [
        "cannot transform binlog.000042:1337 row 1 (insert of shop.bad): KeyError (on_error: dead_letter; all such are "
        "counted)"
    ]


def test_a_failure_without_reasons_is_none() -> None:
    def odd(events: Sequence[Event]) -> Sequence[Event]:
        raise TransformFailed(events, {})

    _, messages, _ = _outcome("stop", "a", "b", call=odd)
    assert messages == ["a", "b"]
