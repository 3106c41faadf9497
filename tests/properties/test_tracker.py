"""The tracker against a model that knows every event."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wlf.runtime.tracker import Cursor, Tracker

LANES = ("a", "b", "c")


def number(value: int) -> bytes:
    return b"%06d" % value


def covers(cursor: bytes, position: bytes) -> bool:
    return cursor >= position


def new_tracker(compare: Any = covers) -> Tracker:
    return Tracker("source", LANES, compare)


batches = st.lists(
    st.tuples(
        st.fixed_dictionaries({lane: st.integers(0, 3) for lane in LANES}),
        st.booleans(),  # ends between two transactions
        st.sampled_from(["p", "q"]),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(batches, st.randoms(use_true_random=False), st.floats(0, 1))
def test_a_cursor_stands_exactly_at_the_end_of_the_settled_prefix(plan: Any, order: Any, part: float) -> None:
    tracker = new_tracker()
    owed: list[tuple[int, str, Any]] = []
    for index, (counts, ends, partition) in enumerate(plan):
        opened = tracker.begin({partition: number(index)} if ends else {})
        for lane, count in counts.items():
            owed += [(index, lane, opened.expect(lane, count))] * count
        opened.done()
    order.shuffle(owed)
    open_batches = {lane: [index for index, owner, _ in owed if owner == lane] for lane in LANES}
    for index, lane, ticket in owed[: int(len(owed) * part)]:
        ticket.settle(1)
        open_batches[lane].remove(index)
        for name in LANES:
            end = min(open_batches[name], default=len(plan))
            expected = {p: number(i) for i, (_, ends, p) in enumerate(plan[:end]) if ends}
            assert {p: cursor.position for p, cursor in tracker.lanes[name].cursors.items()} == expected
            assert tracker.lanes[name].is_settled == (not open_batches[name])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=3, max_size=3),
    st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=12),
)
def test_after_a_restart_each_lane_gets_all_that_its_cursor_lacks_and_no_whole_batch_twice(
    cursors: list[int], cuts: Any
) -> None:
    """Transactions 1, 2, 3 ... are read again in batches cut differently, some of them in the middle."""
    stored = {lane: {"p": Cursor(number(at), at)} for lane, at in zip(LANES, cursors, strict=True)}
    tracker = new_tracker()
    start = min(cursors)
    assert tracker.resume(stored) == {"p": number(start)}
    got: dict[str, list[int]] = {lane: [] for lane in LANES}
    at = start
    for length, streams in cuts:
        parts = [({}, [at + 1])] if streams else []
        transactions = list(range(at + 1, at + 1 + length))
        at += length
        for positions, brought in [*parts, ({"p": number(at)}, transactions)]:
            opened = tracker.begin(positions)
            for lane in LANES:
                ticket = opened.expect(lane, len(brought))
                if ticket is None:
                    assert max(brought) <= cursors[LANES.index(lane)]
                    continue
                got[lane] += brought
                # A batch that lies behind the cursor entirely is never delivered again.
                if positions:
                    assert at > cursors[LANES.index(lane)]
                ticket.settle(len(brought))
            opened.done()
    for lane, had in zip(LANES, cursors, strict=True):
        assert set(range(had + 1, at + 1)) <= set(got[lane])
        assert sorted(set(got[lane])) == list(dict.fromkeys(got[lane]))
        cursor = tracker.lanes[lane].cursors.get("p") or tracker.lanes[lane].ahead["p"]
        assert cursor.position == number(max(had, at))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_number_of_restarts_loses_nothing_even_where_positions_cannot_be_compared(data: Any) -> None:
    compare = data.draw(st.sampled_from([covers, lambda cursor, position: cursor == position]))
    stored: dict[str, dict[str, Cursor]] = {lane: {} for lane in LANES}
    settled: dict[str, set[int]] = {lane: set() for lane in LANES}
    for _ in range(data.draw(st.integers(1, 5))):
        tracker = new_tracker(compare)
        at = int(tracker.resume(stored).get("p", number(0)))
        for lane in LANES:
            stored[lane] = {**tracker.lanes[lane].cursors, **tracker.lanes[lane].ahead}
            kept = stored[lane].get("p")
            assert set(range(1, int((kept.position if kept else None) or b"0") + 1)) <= settled[lane]
        tickets: dict[str, list[Any]] = {lane: [] for lane in LANES}
        for _ in range(data.draw(st.integers(0, 6))):
            first, at = at + 1, at + data.draw(st.integers(1, 3))
            opened = tracker.begin({"p": number(at)})
            for lane in LANES:
                ticket = opened.expect(lane, 1)
                if ticket is not None:
                    tickets[lane].append((ticket, range(first, at + 1)))
                else:
                    assert set(range(first, at + 1)) <= settled[lane]
            opened.done()
        for lane in LANES:
            for ticket, brought in tickets[lane][: data.draw(st.integers(0, 6))]:
                ticket.settle(1)
                settled[lane] |= set(brought)
            stored[lane] |= tracker.lanes[lane].cursors
        low = tracker.lowest({lane: tracker.lanes[lane].cursors for lane in LANES}).get("p")
        if low is not None:
            assert all(set(range(1, int(low) + 1)) <= settled[lane] for lane in LANES)


def test_what_is_announced_is_every_lanes_cursor_at_once() -> None:
    tracker = new_tracker()
    held = tracker.begin({"p": number(1)})
    held.expect("a", 1)
    held.done()
    tracker.begin({"q": number(7)}, is_empty=True).done()
    assert tracker.lanes["a"].cursors["q"].position == number(7)
    assert "p" not in tracker.lanes["a"].cursors


def test_a_partition_born_again_waits_for_the_events_of_its_earlier_life() -> None:
    tracker = new_tracker()
    tracker.begin({"p": number(1)}, is_empty=True).done()
    held = tracker.begin({"p": number(5)})
    ticket = held.expect("a", 1)
    held.done()
    tracker.begin({"p": None}).done()
    tracker.begin({"p": number(0)}, is_empty=True).done()
    assert tracker.lanes["a"].cursors["p"].position == number(1)
    assert tracker.lanes["b"].cursors["p"].position == number(0)
    assert ticket is not None
    ticket.settle(1)
    assert tracker.lanes["a"].cursors["p"].position == number(0)


def test_what_waits_behind_one_event_is_kept_in_bounded_memory() -> None:
    tracker = new_tracker()
    opened = tracker.begin({"p": number(0)})
    opened.expect("a", 1)
    opened.done()
    for n in range(1, 1000):
        opened = tracker.begin({"p": number(n)})
        ticket = opened.expect("a", 1)
        opened.done()
        assert ticket is not None
        ticket.settle(1)
    entry, length = tracker.lanes["a"]._last, 0
    while entry is not None:
        entry, length = entry.before, length + 1
    assert length == 1


def test_a_partition_that_all_have_forgotten_leaves_no_trace() -> None:
    tracker = new_tracker()
    tracker.begin({"p": number(1)}).done()
    tracker.begin({"p": None}).done()
    durable = {name: dict(lane.cursors) for name, lane in tracker.lanes.items()}
    assert tracker.drop_forgotten(durable) == ["p"]
    assert all(not lane.cursors for lane in tracker.lanes.values())
    assert tracker.positions() == {}


def test_a_partition_that_one_has_forgotten_is_read_on_for_the_others() -> None:
    stored = {
        "a": {"p": Cursor(None, 9)},
        "b": {"p": Cursor(number(4), 4)},
        "c": {"p": Cursor(number(6), 6)},
    }
    assert new_tracker().resume(stored) == {"p": number(4)}


def test_a_partition_that_a_known_lane_never_settled_is_read_from_its_beginning() -> None:
    tracker = new_tracker()
    assert tracker.resume({"a": {"p": Cursor(number(4), 4)}, "b": {}}) == {}
    assert tracker.lanes["a"].cursors == {}
    assert tracker.number == 4
