"""What transformers and templates cost an event: rules, expressions, maps, routes, keys, names of topics."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.micro.notes import note
from tests.components.fakes import make_context
from tests.components.rows import configured, inserts
from wlf.components.transformers.aggregator import Aggregator
from wlf.components.transformers.binlog_filter import BinlogFilter, BinlogFilterConfig
from wlf.components.transformers.dedupe import Dedupe
from wlf.components.transformers.filter import Filter
from wlf.components.transformers.map import Map
from wlf.components.transformers.sample import Sample
from wlf.components.transformers.separator import Separator
from wlf.components.transformers.throttle import Throttle
from wlf.events import Kinds, RowDelete, RowInsert, RowUpdate
from wlf.events.log import FileLine
from wlf.events.template import Template

EVENTS, TABLES = 2_000, 20
ROWS: Kinds = frozenset((RowInsert, RowUpdate, RowDelete))
FILTERS: dict[str, tuple[int, dict[str, Any]]] = {
    "no rule": (EVENTS, {}),
    "10 rules, all pass": (EVENTS, {"rules": [{"exclude": {"database": f"x{n}"}} for n in range(10)]}),
    "10 rules, half pass": (
        EVENTS // 2,
        {"rules": [{"exclude": {"database": "d1", "table": f"t{n}"}} for n in range(10)]},
    ),
    "Maxwell, tables": (EVENTS // 2, {"filter": "exclude: *.*, include: d1./^t[0-9]$/"}),
    "Maxwell, a column's value": (EVENTS - 1, {"filter": "exclude: *.*.id = 7"}),
}
EXPRESSIONS: dict[str, tuple[int, str]] = {
    "database": (EVENTS, 'database == "d1"'),
    "table in a list": (EVENTS // 5, 'table in ["t1", "t2", "t3", "t4"]'),
    "a column": (1, 'data.text == "row 7"'),
    "a column's size": (EVENTS // 2, "data.id >= 1000"),
    "both": (EVENTS // 20 - 50, 'table == "t3" and data.id >= 1000'),
    "startswith": (EVENTS // 20 * 11, 'startswith(table, "t1")'),
    "matches": (EVENTS // 2, r'matches(table, r"^t\d$")'),
    "arithmetic": (EVENTS // 10, "data.id % 10 == 0"),
}
OTHERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Aggregator by table": (
        Aggregator,
        {"by": ["/table"], "max_events": 100, "merge": [{"field": "/data/id", "strategy": "sum"}]},
    ),
    "Map, a column set": (Map, {"set": {"data.total": "data.id * 2"}}),
    "Map, a column removed": (Map, {"remove": ["data.text"]}),
    "Sample": (Sample, {"percent": 10}),
    "Sample by key": (Sample, {"percent": 10, "key": "data.id"}),
    "Throttle by key": (Throttle, {"max_events": 10, "key": "table"}),
    "Dedupe": (Dedupe, {"key": "data.text", "window_ms": 1}),
}
TEMPLATES = {
    "constant": "changes",
    "table": "changes.%{/database}.%{/table}",
    "column": "changes.%{/table}.%{/data/id}",
}


@pytest.mark.parametrize("case", FILTERS)
def test_filter(benchmark: Any, case: str) -> None:
    """Rows of 20 tables in turn."""
    benchmark.group = "filter"
    left, options = FILTERS[case]
    transformer = BinlogFilter(configured(BinlogFilterConfig, destination="out", **options), make_context())
    events = inserts(EVENTS, tables=TABLES)
    assert len(benchmark(transformer.transform, events)) == left
    note(benchmark, EVENTS)


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_expression(benchmark: Any, case: str) -> None:
    """A Filter with an expression."""
    benchmark.group = "expression"
    left, where = EXPRESSIONS[case]
    transformer = _made(Filter, where=where)
    events = inserts(EVENTS, tables=TABLES)
    assert len(benchmark(transformer.transform, events)) == left
    note(benchmark, EVENTS)


@pytest.mark.parametrize("match", ["first", "all"])
def test_separator(benchmark: Any, match: str) -> None:
    """Four routes, and the rest."""
    benchmark.group = "separator"
    routes = [{"when": f'table == "t{n}"', "destination": f"d{n}"} for n in range(4)]
    router = _made(Separator, routes=routes, unmatched="rest", match=match)
    events = inserts(EVENTS, tables=TABLES)
    assert len(benchmark(router.route, events)["rest"]) == EVENTS * 4 // 5
    note(benchmark, EVENTS)


@pytest.mark.parametrize("case", OTHERS)
def test_transformer(benchmark: Any, case: str) -> None:
    """What each of the others costs."""
    benchmark.group = "transformer"
    component, options = OTHERS[case]
    transformer = _made(component, **options)
    events = inserts(EVENTS, tables=TABLES)
    benchmark(transformer.transform, events)
    note(benchmark, EVENTS)


def test_map_of_lines(benchmark: Any) -> None:
    """A field read out of the line."""
    benchmark.group = "transformer"
    lines = frozenset((FileLine,))
    options = {"set": {"level": r'capture(message, r"^\S+ (\w+)")'}}
    transformer = _made(Map, kinds=lines, **options)
    events = [FileLine("f", 1.0, f"2026-11-28T09:00:00Z INFO request {n}", file="/a", host="h") for n in range(EVENTS)]
    assert benchmark(transformer.transform, events)[0].m9 == "INFO"
    note(benchmark, EVENTS)


def _made(component: Any, kinds: Kinds = ROWS, **options: Any) -> Any:
    edges = {} if component is Separator else {"destination": "out"}
    return component(configured(component.Config, **edges, **options), replace(make_context(), incoming=kinds))


@pytest.mark.parametrize("case", TEMPLATES)
def test_template(benchmark: Any, case: str) -> None:
    """The text of each of the rows."""
    benchmark.group = "template"
    template = Template(TEMPLATES[case])
    events = inserts(EVENTS, tables=TABLES)
    texts = benchmark(lambda: list(map(template.render, events)))
    assert texts[1].startswith("changes")
    note(benchmark, EVENTS)
