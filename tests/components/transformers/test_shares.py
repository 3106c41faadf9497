"""Sample, Throttle and Dedupe: how many go on is exact, by key, in bounded memory, and the rest is counted."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.components.fakes import SetClock
from tests.components.rows import configured, insert
from tests.components.transformers.expressions import ROWS, make, problems
from tests.runtime.sample import sink, source
from wlf.components.transformers.dedupe import Dedupe
from wlf.components.transformers.sample import Sample
from wlf.components.transformers.throttle import Throttle
from wlf.events import LogLine, RowInsert
from wlf.runtime.instances import Surroundings, make_components
from wlf.runtime.segment import SegmentRun
from wlf.testing import FakeClock, Record, build_plan, lines

LINES = frozenset((LogLine,))


def numbers(events: Any) -> list[int]:
    return [event.data.f0 for event in events]


# --- Sample ---


@settings(deadline=None)
@given(st.sampled_from([0.5, 1, 10, 25, 33.3, 50, 99, 100]), st.lists(st.integers(0, 300), min_size=1, max_size=8))
def test_a_sample_without_a_key_is_the_share_however_the_events_are_cut(percent: float, sizes: list[int]) -> None:
    step = make(Sample, percent=percent)
    kept = sum(len(step.transform([insert(id=n) for n in range(size)])) for size in sizes)
    assert abs(kept - sum(sizes) * percent / 100) <= 1


def test_a_sample_by_key_keeps_all_events_of_a_key_or_none_whoever_asks() -> None:
    events = [insert(id=n, customer=n % 500) for n in range(2000)]
    first, second = (make(Sample, percent=20, key="data.customer").transform(events) for _ in range(2))
    assert first == second
    counts = Counter(event.data.f1 for event in first)
    assert set(counts.values()) == {4}
    assert 50 < len(counts) < 150
    more = make(Sample, percent=40, key="data.customer").transform(events)
    assert {event.data.f1 for event in more} > set(counts)


def test_what_always_goes_on_takes_no_place_of_the_others() -> None:
    events = [insert(id=n, level="ERROR" if n % 2 else "INFO") for n in range(100)]
    kept = make(Sample, percent=10, always='data.level == "ERROR"').transform(events)
    assert Counter(event.data.f1 for event in kept) == {"ERROR": 50, "INFO": 5}
    by_key = make(Sample, percent=1, key="data.id", always="data.id < 50").transform(events)
    assert numbers(by_key)[:50] == list(range(50))


# --- Throttle ---


def test_a_throttle_lets_so_many_through_at_once_and_more_as_time_passes() -> None:
    clock = SetClock()
    step = make(Throttle, clock=clock, max_events=10, interval_ms=1000)
    events = [insert(id=n) for n in range(30)]
    assert numbers(step.transform(events)) == list(range(10))
    assert step.transform(events) == []
    clock.now += 0.5
    assert numbers(step.transform(events)) == list(range(5))
    clock.now += 60
    assert numbers(step.transform(events)) == list(range(10))


@settings(deadline=None)
@given(
    st.integers(1, 20),
    st.integers(1, 5000),
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 30)), min_size=1, max_size=20),
)
def test_in_no_interval_goes_more_through_than_twice_the_limit(
    limit: int, interval_ms: int, arrivals: list[tuple[float, int]]
) -> None:
    """What was saved up, and what came back meanwhile; over a long time it is the limit in each interval."""
    clock = SetClock(0.0)
    step = make(Throttle, clock=clock, max_events=limit, interval_ms=interval_ms)
    passed: list[float] = []
    for wait, count in arrivals:
        clock.now += wait
        passed += [clock.now] * len(step.transform([insert(id=n) for n in range(count)]))
    for begin in passed:
        assert sum(begin <= at < begin + interval_ms / 1000 for at in passed) <= 2 * limit
    assert len(passed) <= limit * (clock.now / (interval_ms / 1000) + 1) + 1


def test_keys_are_throttled_apart_and_forgotten_in_order() -> None:
    step = make(Throttle, max_events=1, key="data.k", max_keys=2)
    assert numbers(step.transform([insert(id=n, k=n % 3) for n in range(6)])) == [0, 1, 2]
    assert numbers(step.transform([insert(id=9, k=0), insert(id=8, k=2)])) == [9]
    assert step.context.metrics["wlf_forgotten_keys_total",] == 2


# --- Dedupe ---


def test_the_first_event_of_a_key_goes_on() -> None:
    step = make(Dedupe, key="[table, data.id]")
    assert numbers(step.transform([insert("a", id=1), insert("b", id=1), insert("a", id=1), insert("a", id=2)])) == [
        1,
        1,
        2,
    ]
    assert step.transform([insert("b", id=1)]) == []


def test_an_event_whose_key_is_null_is_no_duplicate() -> None:
    events = (insert(id=1), insert(id=2))
    assert make(Dedupe, key="data.nope").transform(events) is events


def test_a_key_is_new_again_behind_its_window() -> None:
    clock = SetClock()
    step = make(Dedupe, clock=clock, key="data.id", window_ms=1000)
    row = insert(id=1)
    assert step.transform([row, row]) == [row]
    clock.now += 0.9
    assert step.transform([row]) == []
    clock.now += 0.1
    assert step.transform([row]) == [row]


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=200), st.integers(1, 40))
def test_no_event_is_left_out_whose_key_was_not_there_before(found: list[int], most: int) -> None:
    step = make(Dedupe, key="data.id", max_keys=most)
    events = [insert(id=n) for n in found]
    kept = {id(event) for event in step.transform(events)}
    assert len(step._since) <= most
    for index, event in enumerate(events):
        if id(event) not in kept:
            assert found[index] in found[:index]
    if most > 30:
        assert len(kept) == len(set(found))


@pytest.mark.parametrize("length", [1, 64, 65, 10_000])
def test_keys_are_small_whatever_they_are_made_of(length: int) -> None:
    step = make(Dedupe, key="data.text")
    step.transform([insert(id=1, text="x" * length)])
    (key,) = step._since
    assert len(key) == (length if length <= 64 else 16)


# --- all ---


@pytest.mark.parametrize(
    ("component", "options", "left", "reason"),
    [
        (Sample, {"percent": 50}, 2, "sampled"),
        (Throttle, {"max_events": 3}, 3, "throttled"),
        (Dedupe, {"key": "length(message)"}, 1, "duplicate"),
    ],
)
def test_what_is_left_out_is_counted_with_its_reason(component: Any, options: Any, left: int, reason: str) -> None:
    config = configured(component.Config, destination="sink", **{**options, "id": "t"})
    plan = build_plan(source([], "t"), (component, config), sink(Record()))
    around = Surroundings(FakeClock(), lambda: 0.5, logging.getLogger("wlf.test"))
    components = make_components(plan, around, until_end=True)
    run = SegmentRun(plan.segments[0], components, {"t": around.metrics("t")}, around.clock)
    assert len(run.run(tuple(lines("1", "2", "3", "4"))).outputs["sink"]) == left
    counted = f'wlf_dropped_events_total{{node="t",reason="{reason}"}} {4 - left}'
    assert counted in around.registry.exposition()


@pytest.mark.parametrize(
    ("component", "options"), [(Sample, {"percent": 1}), (Throttle, {"max_events": 1}), (Dedupe, {"key": "database"})]
)
def test_commit_goes_to_the_last_row_that_is_left(component: Any, options: Any) -> None:
    step = make(component, **options)
    if component is Sample:
        step._owed = 99.0
    rows = [RowInsert("d", "t", "insert", 1, commit=True if n == 2 else UNSET, data={"n": n}) for n in range(3)]
    assert [(row.data["n"], row.commit) for row in step.transform(rows)] == [(0, True)]


@pytest.mark.parametrize(
    ("component", "options"), [(Sample, {"percent": 1}), (Throttle, {"max_events": 1}), (Dedupe, {})]
)
def test_mistakes_in_keys_are_found(component: Any, options: Any) -> None:
    assert [(p.option, p.fault) for p in problems(component, ROWS, key="tabel", **options)] == [("key", "field")]
