"""Batchers and mailboxes under arbitrary traffic."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.sample import CountingTicket, batch_of
from wlf.components.config import BatchConfig
from wlf.events import Event
from wlf.runtime.batch import Batch
from wlf.runtime.batcher import Batcher
from wlf.runtime.mailbox import Budget, Mailbox

sizes = st.lists(st.integers(0, 40), max_size=15)


@settings(max_examples=300, deadline=None)
@given(sizes, st.integers(1, 30), st.integers(1024, 6000), st.booleans())
def test_a_batcher_loses_nothing_keeps_the_order_and_its_limits(
    counts: list[int], max_events: int, max_bytes: int, draining: bool
) -> None:
    batcher = Batcher(BatchConfig(max_events=max_events, max_bytes=max_bytes, max_delay_ms=10), "json")
    batcher.draining = draining
    added: list[Event] = []
    tickets = []
    for count in counts:
        batch, ticket = batch_of(count, len(added)), CountingTicket()
        added += batch.events
        tickets.append((ticket, count))
        batcher.add(batch, ticket, now=5.0)
    taken: list[Event] = []
    now = 5.0
    while batcher.events:
        out = batcher.take(now)
        if out is None:
            # Neither limit is reached, so it waits for company until its oldest event is due.
            assert not draining
            assert batcher.events < max_events
            assert batcher.encoded_bytes < max_bytes
            due = batcher.due_at()
            assert due == 5.01
            now = due
            continue
        assert 0 < len(out) <= max_events
        assert (
            len(out) == 1
            or sum(part.batch.encoded_of(part.start, part.stop, "json") for part in out.slices) <= max_bytes + 1
        )
        taken += out.events
        for part in out.slices:
            part.ticket.settle(part.length)
    assert taken == added
    assert all(ticket.settled == count for ticket, count in tickets)
    assert batcher.encoded_bytes == 0
    assert batcher.take(1e9) is None


@settings(max_examples=200, deadline=None)
@given(
    st.integers(2_000, 60_000),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(1, 30))), max_size=80),
)
def test_mailboxes_stay_in_the_budget_and_an_empty_one_always_admits(
    limit: int, count: int, moves: Sequence[tuple[int, int | None]]
) -> None:
    budget = Budget(limit, count)
    boxes = [Mailbox(budget, Batcher(BatchConfig(max_events=7, max_delay_ms=0), "json")) for _ in range(count)]
    largest = [0] * count
    for which, length in moves:
        index = which % count
        box = boxes[index]
        if length is None:
            out = box.take(1.0)
            for part in out.slices if out else ():
                box.settle(part)
        else:
            batch = batch_of(length)
            if box.admits(batch.weight_bytes("json")):
                largest[index] = (
                    max(largest[index], batch.weight_bytes("json")) if box.events else batch.weight_bytes("json")
                )
                box.put(batch, CountingTicket(), 0.0)
            else:
                assert box.events
        # Only a single batch in an otherwise empty mailbox may stand above the budget.
        over = sum(max(0, size - budget.reserve_bytes) for size in largest)
        assert sum(b.weight_bytes for b in boxes) <= limit + over
        assert budget.common_used_bytes == sum(budget.beyond(b.weight_bytes) for b in boxes)
    for box in boxes:
        while (out := box.take(1.0)) is not None:
            for part in out.slices:
                box.settle(part)
        assert (box.events, box.weight_bytes) == (0, 0)
    assert budget.common_used_bytes == 0


def test_a_full_mailbox_leaves_the_reserve_of_the_others_alone() -> None:
    one = batch_of(10)
    budget = Budget(8 * one.weight_bytes("json"), 2)
    dead, live = (Mailbox(budget, Batcher(BatchConfig(), "json")) for _ in range(2))
    while dead.admits(one.weight_bytes("json")):
        dead.put(Batch(one.events), CountingTicket(), 0.0)
    assert dead.weight_bytes == 6 * one.weight_bytes("json")
    for _ in range(2):
        assert live.admits(one.weight_bytes("json"))
        live.put(Batch(one.events), CountingTicket(), 0.0)
    assert not live.admits(one.weight_bytes("json"))


def test_a_closed_mailbox_keeps_nobody_waiting_and_settles_nothing() -> None:
    box, ticket = Mailbox(Budget(100, 1), Batcher(BatchConfig(), "json")), CountingTicket()
    box.put(batch_of(5), ticket, 0.0)
    box.close()
    assert box.admits(10**9)
    box.put(batch_of(3), ticket, 0.0)
    assert (box.events, box.undelivered, ticket.settled) == (5, 3, 0)
