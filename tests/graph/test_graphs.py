"""Random graphs: a plan or a ConfigError, nothing else; and a plan's steps are in topological order."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.fakes import registry
from wlf.errors import ConfigError
from wlf.graph.compile import compile_text
from wlf.graph.plan import Plan

IDS = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(max_size=3), below, max_size=2),
    max_leaves=4,
)
TYPES = st.sampled_from(["Rows", "Logs", "Keep", "Inserts", "Split", "ByTable", "Sink", "RowSink", "Nope"])


def wild_nodes() -> st.SearchStrategy[Any]:
    options = {
        "destination": IDS | ANYTHING,
        "destinations": st.lists(IDS, max_size=3) | ANYTHING,
        "dead_letter": IDS,
        "rules": ANYTHING,
        "topic": st.text(alphabet="%{}/ab", max_size=8),
        "batch": ANYTHING,
    }
    node = st.fixed_dictionaries({}, optional={"id": IDS | ANYTHING, "type": TYPES, **options})
    return st.lists(node, max_size=5) | ANYTHING


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries({k: wild_nodes() for k in ("collectors", "transformers", "dispatchers")}))
def test_any_graph_is_a_plan_or_a_config_error(config: dict[str, Any]) -> None:
    # JSON is YAML, except for control characters, NaN and lone surrogates, which test_config.py throws at it.
    text = msgspec.json.encode(config).decode()
    try:
        plan = compile_text(text, registry=registry(), env={})
    except ConfigError:
        return
    check_order(plan)


@st.composite
def sound_graphs(draw: st.DrawFn) -> dict[str, Any]:
    """A DAG of routers and filters: edges go from lower to higher numbers, and the last takes what is left over."""
    count = draw(st.integers(1, 8))
    sinks = draw(st.integers(1, 3))
    names = [*(f"t{i}" for i in range(count)), *(f"s{i}" for i in range(sinks))]
    routers = []
    for i in range(count):
        targets = draw(st.lists(st.sampled_from(names[i + 1 :]), min_size=1, max_size=3, unique=True))
        routers.append({"id": f"t{i}", "type": "Split", "destinations": targets})
    shuffled = draw(st.permutations(routers))
    missing = [n for n in names if all(n not in r["destinations"] for r in routers)]
    root = {"id": "root", "type": "Split", "destinations": missing}
    collectors = [{"id": f"c{i}", "type": "Rows", "destination": "root"} for i in range(draw(st.integers(1, 2)))]
    dispatchers = [{"id": f"s{i}", "type": "Sink"} for i in range(sinks)]
    return {"collectors": collectors, "transformers": [*shuffled, root], "dispatchers": dispatchers}


@settings(max_examples=100, deadline=None)
@given(sound_graphs())
def test_a_sound_graph_compiles_and_its_steps_are_in_topological_order(config: dict[str, Any]) -> None:
    plan = compile_text(msgspec.json.encode(config).decode(), registry=registry(), env={})
    assert len(plan.segments[0].steps) == len(config["transformers"])
    check_order(plan)


def check_order(plan: Plan) -> None:
    for segment in (*plan.segments, *plan.error_segments):
        order = [step.node for step in segment.steps]
        assert len(set(order)) == len(order)
        for step in segment.steps:
            for target in step.targets:
                assert target in segment.dispatchers or order.index(target) > order.index(step.node)
