"""From items to a plan: segments, edges, push-down, spellings, the original configuration."""

from __future__ import annotations

import msgspec
import pytest

from tests.graph.fakes import ROWS, Sink, SinkConfig, registry
from wlf.components.registry import Registry
from wlf.errors import ConfigError, SetupError
from wlf.events import DeadLetter, RowInsert
from wlf.graph.compile import compile_text
from wlf.graph.plan import Plan, Segment, Step

DIAMOND = """
collectors:
  - {id: one, type: Rows, destination: split}
  - {id: two, type: Rows, destination: late}
transformers:
  - {id: late, type: Keep, destination: b, tables: [d.t, d.u]}
  - {id: right, type: Keep, destination: join, tables: [d.t]}
  - {id: left, type: Keep, destination: join, tables: [d.u, d.v]}
  - {id: join, type: Split, destinations: [late, a]}
  - {id: split, type: Split, destinations: [left, right]}
dispatchers:
  - {id: a, type: Sink, dead_letter: inserts_of_dead}
  - {id: b, type: Sink}
  - {id: dead, type: Sink}
"""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    low: int = 0
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"expected low <= high, got {self.low}")


class PickyConfig(SinkConfig, frozen=True, kw_only=True):
    range: Range = Range()


class Picky(Sink):
    type_name = "Picky"
    Config = PickyConfig


def compiled(text: str) -> Plan:
    return compile_text(text, registry=registry(), env={})


def diamond() -> Plan:
    return compiled(DIAMOND.replace(", dead_letter: inserts_of_dead", ", dead_letter: dead"))


def test_a_segment_holds_all_between_collector_and_dispatchers_in_topological_order() -> None:
    one, two = diamond().segments
    assert (one.collector, one.entry, one.dispatchers) == ("one", "split", ("a", "b"))
    order = [step.node for step in one.steps]
    assert set(order) == {"split", "left", "right", "join", "late"}
    for step in one.steps:
        for target in step.targets:
            assert target in one.dispatchers or order.index(target) > order.index(step.node)
    assert two == Segment("two", "late", (Step("late", ("b",)),), ("b",))


def test_a_collector_may_send_straight_to_a_dispatcher() -> None:
    plan = compiled("collectors: [{id: r, type: Rows, destination: s}]\ndispatchers: [{id: s, type: Sink}]\n")
    assert plan.segments == (Segment("r", "s", (), ("s",)),)


def test_dead_letters_are_edges_and_segments_of_their_own() -> None:
    plan = compiled(
        """
        collectors: [{id: r, type: Rows, destination: keep}]
        transformers:
          - {id: keep, type: Keep, destination: s, dead_letter: copies}
          - {id: copies, type: Split, destinations: [d, e]}
        dispatchers:
          - {id: s, type: Sink, dead_letter: d}
          - {id: d, type: Sink, topic: "dead.%{/node}"}
          - {id: e, type: Sink}
        """
    )
    assert plan.segments == (Segment("r", "keep", (Step("keep", ("s",)),), ("s",)),)
    assert plan.error_segments == (
        Segment("keep", "copies", (Step("copies", ("d", "e")),), ("d", "e")),
        Segment("s", "d", (), ("d",)),
    )
    kinds = {(e.source, e.target): (e.kind, e.events) for e in plan.edges}
    assert kinds["keep", "copies"] == ("error", frozenset((DeadLetter,)))
    assert kinds["copies", "e"] == ("event", frozenset((DeadLetter,)))
    assert kinds["keep", "s"] == ("event", ROWS)


def test_edges_carry_what_their_source_emits() -> None:
    plan = compiled(
        "collectors: [{id: r, type: Rows, destination: i, ddl: true}]\n"
        "transformers: [{id: i, type: Inserts, destination: s}]\ndispatchers: [{id: s, type: Sink}]\n"
    )
    assert plan.edges[1].events == {RowInsert}


@pytest.mark.parametrize(
    ("collector", "table", "wanted"),
    [
        ("one", "t", True),  # through right, join, late or a
        ("one", "u", True),
        ("one", "v", True),  # late refuses it, a takes it
        ("one", "w", False),  # neither left nor right
        ("two", "u", True),
        ("two", "v", False),
    ],
)
def test_a_table_is_wanted_when_some_path_wants_it_at_every_step(collector: str, table: str, wanted: bool) -> None:
    assert diamond().wants(collector, "d", table) is wanted


def test_a_router_is_asked_for_each_destination() -> None:
    plan = compiled(
        """
        collectors: [{id: r, type: Rows, destination: by}]
        transformers:
          - {id: by, type: ByTable, rules: [{table: d.t, to: keep}, {table: d.u, to: s}]}
          - {id: keep, type: Keep, destination: s, tables: [d.u]}
        dispatchers: [{id: s, type: Sink}]
        """
    )
    assert [plan.wants("r", "d", table) for table in "tuv"] == [False, True, False]
    assert plan.segments[0].steps[0].targets == ("keep", "s")


def test_settings_have_defaults_and_the_name_is_the_files_stem() -> None:
    text = "collectors: [{id: r, type: Rows, destination: s}]\ndispatchers: [{id: s, type: Sink}]\n"
    plan = compile_text(text, "some/my orders.v2.yaml", registry())
    assert plan.options == (("my_orders.v2", None, 41_943_040, 1_000, 10_000))
    plan = compile_text("name: x\nhttp: ':80'\nshutdown_timeout_ms: 5\n" + text, registry=registry())
    assert plan.options == ("x", ":80", 41_943_040, 1_000, 5)


def test_a_missing_library_is_a_diagnostic_with_the_command_that_installs_it() -> None:
    class Bare(Registry):
        def resolve(self, kind, type_name):  # type: ignore[no-untyped-def]
            if type_name == "Kafka":
                raise SetupError("Kafka needs the library aiokafka", hint='pip install "wlf[kafka]"')
            return registry().resolve(kind, type_name)

    text = "collectors: [{id: r, type: Rows, destination: k}]\ndispatchers: [{id: k, type: Kafka, topic: x}]\n"
    with pytest.raises(ConfigError) as caught:
        compile_text(text, registry=Bare())
    assert str(caught.value) == (
        "pipeline.yaml:2:29: E107 dispatchers[0].type: Kafka needs the library aiokafka\n"
        '  hint: pip install "wlf[kafka]"'
    )


def test_a_check_across_options_is_reported_at_the_struct() -> None:
    known = Registry({"collector": {"Rows": registry().resolve("collector", "Rows")}, "dispatcher": {"Picky": Picky}})
    text = "collectors: [{id: r, type: Rows, destination: p}]\ndispatchers: [{id: p, type: Picky, range: {low: 10}}]\n"
    with pytest.raises(ConfigError, match=r"2:43: E105 dispatchers\[0\]\.range: expected low <= high, got 10"):
        compile_text(text, registry=known)


def test_both_spellings_of_a_type_name_the_same_component() -> None:
    text = "collectors: [{id: r, type: %s, destination: s}]\ndispatchers: [{id: s, type: %s}]\n"
    assert compiled(text % ("Rows", "Sink")) == compiled(text % ("RowsCollector", "SinkDispatcher"))
