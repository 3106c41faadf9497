"""What filters and templates cost an event: rules, Maxwell's grammar, rules on column values, names of topics."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.micro.notes import note
from tests.components.fakes import make_context
from tests.components.rows import configured, inserts
from wlf.components.transformers.binlog_filter import BinlogFilter, BinlogFilterConfig
from wlf.events.template import Template

EVENTS, TABLES = 2_000, 20
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


@pytest.mark.parametrize("case", TEMPLATES)
def test_template(benchmark: Any, case: str) -> None:
    """The text of each of the rows."""
    benchmark.group = "template"
    template = Template(TEMPLATES[case])
    events = inserts(EVENTS, tables=TABLES)
    texts = benchmark(lambda: list(map(template.render, events)))
    assert texts[1].startswith("changes")
    note(benchmark, EVENTS)
