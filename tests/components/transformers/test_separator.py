"""Separator: each event gets to exactly the destinations that its conditions promise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.rows import configured, insert
from tests.components.transformers.expressions import make, problems
from wlf.components.transformers.separator import Separator, SeparatorConfig
from wlf.errors import ConfigError
from wlf.graph.compile import compile_text
from wlf.graph.render import render

ROUTES = [
    {"when": 'table == "t1"', "destination": "a"},
    {"when": "data.id >= 5", "destination": "b"},
    {"when": "data.id < 2", "destination": "a"},
]


def ids(routed: Any) -> dict[str, list[int]]:
    return {name: [event.data.f0 for event in events] for name, events in routed.items()}


def separate(match: str, unmatched: str, routes: Any = ROUTES) -> dict[str, list[int]]:
    events = [insert(f"t{n % 3}", id=n) for n in range(8)]
    return ids(make(Separator, routes=routes, match=match, unmatched=unmatched).route(events))


def test_with_first_an_event_takes_the_first_route_that_matches() -> None:
    assert separate("first", "rest") == {"a": [0, 1, 4, 7], "b": [5, 6], "rest": [2, 3]}


def test_with_all_it_takes_each_of_them_and_comes_once_to_a_destination() -> None:
    assert separate("all", "rest") == {"a": [0, 1, 4, 7], "b": [5, 6, 7], "rest": [2, 3]}


def test_what_matches_nothing_is_dropped_where_that_is_said() -> None:
    assert separate("first", "drop") == {"a": [0, 1, 4, 7], "b": [5, 6]}


@pytest.mark.parametrize("match", ["first", "all"])
def test_what_matches_nothing_may_go_where_a_route_goes(match: str) -> None:
    assert separate(match, "b") == {"a": [0, 1, 4, 7], "b": [2, 3, 5, 6] + ([7] if match == "all" else [])}


def test_a_destination_of_all_events_gets_the_very_sequence() -> None:
    events = (insert(id=1), insert(id=2))
    routed = make(Separator, routes=[{"when": "true", "destination": "a"}], unmatched="drop").route(events)
    assert routed == {"a": events}
    assert routed["a"] is events


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("abc")), min_size=1, max_size=5),
    st.sampled_from(("first", "all")),
    st.sampled_from(("a", "rest", "drop")),
    st.lists(st.integers(0, 9), max_size=12),
)
def test_each_event_comes_to_exactly_the_promised_destinations(
    bounds: list[tuple[int, int, str]], match: str, unmatched: str, numbers: list[int]
) -> None:
    routes = [{"when": f"{low} <= data.id <= {high}", "destination": to} for low, high, to in bounds]
    separator = make(Separator, routes=routes, match=match, unmatched=unmatched)
    events = [insert(id=n) for n in numbers]
    routed = separator.route(events)
    promised: dict[str, list[int]] = {}
    for event, number in zip(events, numbers, strict=True):
        hits = [to for low, high, to in bounds if low <= number <= high]
        hits = hits[:1] if match == "first" else hits
        for to in dict.fromkeys(hits or ([] if unmatched == "drop" else [unmatched])):
            promised.setdefault(to, []).append(id(event))
    assert {to: list(map(id, found)) for to, found in routed.items()} == promised
    assert set(routed) <= set(separator.destinations(separator.config))


def test_only_tables_that_can_get_to_a_destination_are_wanted() -> None:
    routes = [
        {"when": 'database == "shop"', "destination": "a"},
        {"when": 'table == "t" and data.id > 1', "destination": "b"},
    ]

    def wants(destination: str, database: str, table: str, match: str = "first") -> bool:
        config = configured(SeparatorConfig, routes=routes, unmatched="c", match=match)
        return Separator.wants(config, database, table, destination)

    assert [wants(to, "shop", "t") for to in "abc"] == [True, False, False]
    assert [wants(to, "other", "t") for to in "abc"] == [False, True, True]
    assert [wants(to, "other", "u") for to in "abc"] == [False, False, True]
    assert [wants(to, "shop", "t", "all") for to in "abc"] == [True, True, False]


def test_mistakes_are_found_at_their_route() -> None:
    found = problems(Separator, routes=[ROUTES[0], {"when": "ts", "destination": "a"}], unmatched="drop")
    assert [(p.option, p.at) for p in found] == [("routes[1].when", 0)]


YAML = """
collectors: [{id: rows, type: Binlog, destination: separate, files: [none.000001]}]
transformers:
  - id: separate
    type: Separator
    routes:
      - {when: 'table == "orders"', destination: orders}
      - {when: 'startswith(table, "log_")', destination: logs, name: logs of all sorts}
      - {when: 'database == "a_database_with_a_very_long_name"', destination: long}
    unmatched: rest
dispatchers:
  - {id: orders, type: Stdout}
  - {id: logs, type: Stdout}
  - {id: long, type: Stdout}
  - {id: rest, type: Stdout}
"""


@pytest.mark.parametrize("format", ["text", "svg", "dot", "mmd"])
def test_drawings_have_the_conditions_at_the_edges(format: str) -> None:
    drawing = render(compile_text(YAML), format, True, width=200)
    assert isinstance(drawing, str)
    plain = drawing.replace("&quot;", '"').replace("#34;", '"').replace('\\"', '"')
    for label in ("logs of all sorts", "all else", 'table == "orders"', 'database == "a_database_with_a_very_lon…'):
        assert label in plain


def test_a_destination_that_does_not_exist_is_named_at_its_route() -> None:
    with pytest.raises(ConfigError) as caught:
        compile_text(YAML.replace("destination: logs", "destination: lgos"))
    assert "pipeline.yaml:8:58: E120 transformers[0].routes[1].destination: no node 'lgos'" in str(caught.value)
