"""Whole runs under random failures and crashes: at least once, first occurrences in order."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.sample import copies, sink, source
from wlf.components.base import Partial
from wlf.components.config import BatchConfig
from wlf.errors import Retryable
from wlf.testing import CRASH, PAUSE, STUCK, Crashed, MemoryStore, Part, Record, lines, run_graph

SINKS = ("a", "b", "c")


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Any:
    logging.getLogger("wlf").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("wlf").setLevel(logging.NOTSET)


indices = st.sets(st.integers(0, 6), max_size=4)
failures = st.lists(
    st.one_of(
        st.none(),
        st.builds(lambda: Retryable("down")),
        st.builds(lambda: OSError("reset")),
        st.just(STUCK),
        st.builds(lambda chosen: Partial(retry=dict.fromkeys(chosen, "busy")), indices),
    ),
    max_size=8,
)
steps = st.lists(
    st.one_of(
        st.integers(1, 5),
        st.integers(-4, -1),
        st.sampled_from([PAUSE, CRASH, "lost"]),
    ),
    max_size=15,
)


def make_script(drawn: Any) -> tuple[list[Any], list[str]]:
    """Positive: a list of events; negative: one that ends in mid-transaction."""
    script: list[Any] = []
    messages: list[str] = []
    for step in drawn:
        if isinstance(step, int):
            brought = [f"m{len(messages) + n:03}" for n in range(abs(step))]
            messages += brought
            script.append(lines(*brought) if step > 0 else Part(lines(*brought)))
        else:
            script.append(Retryable("gone") if step == "lost" else step)
    return script, messages


def run_until_done(nodes: list[Any], store: MemoryStore, limit: int = 40, **options: Any) -> None:
    for _ in range(limit):
        try:
            report = run_graph(*nodes, store=store, **options)
        except Crashed:
            continue
        assert report.problems == ()
        return
    pytest.fail("it never came to its end")


@settings(max_examples=150, deadline=None)
@given(steps, st.fixed_dictionaries(dict.fromkeys(SINKS, failures)), st.integers(1, 9), st.integers(1_000, 50_000))
def test_every_dispatcher_gets_every_event_and_first_occurrences_are_in_order(
    drawn: Any, scripts: Any, max_events: int, memory: int
) -> None:
    script, messages = make_script(drawn)
    records = {id: Record(scripts[id]) for id in SINKS}
    batch = BatchConfig(max_events=max_events, max_delay_ms=1)
    nodes = [
        source(script, "copies"),
        copies(*SINKS),
        *(sink(record, id, batch=batch, timeout_ms=300) for id, record in records.items()),
    ]
    store = MemoryStore()
    run_until_done(nodes, store, memory_limit_bytes=memory, checkpoint_interval_ms=7)
    partial = {id for id in SINKS if any(isinstance(step, Partial) for step in scripts[id])}
    for id, record in records.items():
        assert set(record.messages) == set(messages)
        assert record.durable == len(record.events)
        if id not in partial:
            assert list(dict.fromkeys(record.messages)) == messages
    ends = {(cursor["script"].position if cursor else None) for cursor in store.lanes.values()}
    assert len(ends) == 1


@settings(max_examples=100, deadline=None)
@given(steps, st.sets(st.integers(0, 30)), failures)
def test_refused_events_are_in_the_dead_letters_and_nothing_is_nowhere(drawn: Any, refused: Any, failing: Any) -> None:
    script, messages = make_script(drawn)
    reject = {f"m{n:03}" for n in refused}

    class Picky(Record):
        """Refuses some messages whatever happens."""

    record, dead = Picky(), Record(failing)
    component, config = sink(record, dead_letter="dead", batch=BatchConfig(max_events=4, max_delay_ms=1))

    class PickyDispatcher(component):  # type: ignore[misc,valid-type]
        async def dispatch(self, batch: Any) -> Any:
            bad = {i: "picky" for i, event in enumerate(batch.events) if event.message in reject}
            record.script = [Partial(rejected=bad)]
            return await super().dispatch(batch)

    nodes = [source(script), (PickyDispatcher, config), sink(dead, "dead", timeout_ms=300)]
    run_until_done(nodes, MemoryStore(), checkpoint_interval_ms=7)
    assert set(record.messages) == set(messages) - reject
    assert set(dead.messages) == set(messages) & reject
