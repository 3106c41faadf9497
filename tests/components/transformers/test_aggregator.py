"""Aggregator: which events become one, when, and what of them is kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.components.fakes import make_context
from tests.components.rows import configured, insert
from wlf.components.transformers.aggregator import Aggregator, AggregatorConfig
from wlf.errors import ConfigError
from wlf.events.aggregate import Aggregate
from wlf.events.log import FileLine
from wlf.graph.compile import compile_text
from wlf.testing import FakeClock


def line(message: str, file: str = "a", ts: float = 1.0) -> FileLine:
    return FileLine("files", ts, message, file=file)


def aggregator(clock: FakeClock | None = None, **options: Any) -> Aggregator:
    context = make_context("agg")
    if clock is not None:
        from dataclasses import replace

        context = replace(context, clock=clock)
    options.setdefault("merge", [{"field": "/message", "strategy": "concat"}])
    return Aggregator(configured(AggregatorConfig, destination="next", **options), context)


def texts(made: Any) -> list[str]:
    return [event.fields["message"] for event in made]


def test_a_group_ends_with_its_last_event_by_count() -> None:
    node = aggregator(by=["/file"], max_events=2)
    made = node.transform([line("1", "a", 1), line("2", "b"), line("3", "a", 5), line("4", "a")])
    assert made == [Aggregate("agg", 1.0, 5.0, 2, "count", {"file": "a"}, {"message": "1\n3"})]
    assert texts(node.flush(None)) == ["2", "4"]


def test_an_event_that_begins_or_ends_a_group() -> None:
    begin = aggregator(begin={"field": "/message", "matches": "^BEGIN"})
    made = begin.transform([line("x"), line("BEGIN 1"), line("y"), line("BEGIN 2")])
    assert texts(made) == ["x", "BEGIN 1\ny"]
    assert [event.reason for event in made] == ["begin", "begin"]
    end = aggregator(end={"field": "/message", "matches": "END$"})
    assert texts(end.transform([line("a"), line("the END"), line("b")])) == ["a\nthe END"]


def test_a_group_ends_so_long_after_its_first_or_last_event() -> None:
    clock = FakeClock()
    node = aggregator(clock, by=["/file"], max_delay_ms=10_000, idle_ms=3_000)
    start = clock.monotonic()
    node.transform([line("1", "a"), line("2", "b")])
    assert node.due_at() == start + 3
    for _ in range(3):
        clock.now += 2
        node.transform([line("more", "a")])
    assert [event.key["file"] for event in node.flush(clock.monotonic())] == ["b"]
    clock.now += 2
    node.transform([line("more", "a")])
    assert node.due_at() == start + 10
    clock.now += 2
    (made,) = node.flush(clock.monotonic())
    assert (made.reason, made.count) == ("time", 5)
    assert node.due_at() is None


def test_each_strategy() -> None:
    merge = [
        {"field": f"/data/{name}", "strategy": strategy, "separator": ","}
        for name, strategy in zip("abcdefg", ("first", "last", "sum", "min", "max", "list", "concat"), strict=True)
    ]
    node = aggregator(merge=merge, max_events=3)
    rows = [dict.fromkeys("abcdefg", value) for value in (2, 1, 3)]
    (made,) = node.transform([insert(**row) for row in rows])
    assert made.fields == {"a": 2, "b": 3, "c": 6, "d": 1, "e": 3, "f": [2, 1, 3], "g": "2,1,3"}


def test_sums_keep_decimals_and_mix_with_floats() -> None:
    node = aggregator(merge=[{"field": "/data/a", "strategy": "sum"}], max_events=2)
    first, second = node.transform([insert(a=Decimal("0.10")), insert(a=2), insert(a=Decimal("1.5")), insert(a=0.25)])
    assert first.fields == {"a": Decimal("2.10")}
    assert second.fields == {"a": 1.75}


def test_what_an_event_lacks_is_left_out_and_what_does_not_fit_is_counted() -> None:
    node = aggregator(
        merge=[{"field": "/data/a", "strategy": "sum"}, {"field": "/data/b", "strategy": "max"}], max_events=3
    )
    (made,) = node.transform([insert(a=1, b=None), insert(a="x", b="y"), insert(a=2, b=3)])
    assert made.fields == {"a": 3, "b": "y"}
    assert node.context.metrics.found[("wlf_aggregator_skipped_values_total",)].value == 2  # type: ignore[attr-defined]


def test_of_too_many_groups_or_bytes_the_oldest_ends() -> None:
    node = aggregator(by=["/file"], max_events=10, max_groups=2)
    made = node.transform([line("1", "a"), line("2", "b"), line("3", "c")])
    assert [(event.key, event.reason) for event in made] == [({"file": "a"}, "memory")]
    node = aggregator(by=["/file"], max_events=10, max_held_bytes=2_000)
    assert [event.key for event in node.transform([line("x" * 900, "a"), line("y" * 900, "b")])] == [{"file": "a"}]


def test_the_oldest_batch_of_which_something_is_kept() -> None:
    node = aggregator(by=["/file"], max_events=2)
    assert node.held_since() is None
    node.take([line("1", "a")], 1)
    node.take([line("1", "b")], 2)
    node.take([line("2", "a")], 3)
    assert node.held_since() == 2
    node.take([line("2", "b"), line("1", "c")], 4)
    assert node.held_since() == 4


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            "max_delay_ms: null",
            "expected at least one of max_events, max_delay_ms, idle_ms, begin, end: what ends a group",
        ),
        ("max_events: 1, by: [file]", "expected a JSON pointer such as /database, got 'file'"),
        ("max_events: 1, by: [/a/x, /b/x]", "by: expected names that differ, got 'x' twice"),
        ("end: {field: /message, matches: '('}", "matches: expected a regular expression, got '('"),
    ],
)
def test_wrong_options_are_errors(options: str, expected: str) -> None:
    text = (
        "collectors: [{id: f, type: File, destination: agg, include: ['/x']}]\n"
        f"transformers: [{{id: agg, type: Aggregator, destination: out, {options}}}]\n"
        "dispatchers: [{id: out, type: Stdout}]\n"
    )
    with pytest.raises(ConfigError) as caught:
        compile_text(text)
    assert expected in str(caught.value)
