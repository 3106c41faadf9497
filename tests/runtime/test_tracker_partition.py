"""A batch without positions says what it belongs to, where a collector has several partitions."""

from __future__ import annotations

from wlf.runtime.tracker import Cursor, Tracker


def at(binlog: int, number: int) -> dict[str, Cursor]:
    return {"binlog": Cursor(b"%03d" % binlog, number), "snapshot:t": Cursor(b"999", 1)}


def resumed() -> Tracker:
    """`ahead` got all up to 20 of the binlog, `behind` up to 10; both have the snapshot."""
    tracker = Tracker("c", ["ahead", "behind"], lambda cursor, position: cursor >= position)
    tracker.resume({"ahead": at(20, 20), "behind": at(10, 10)})
    return tracker


def test_the_middle_of_a_transaction_is_withheld_from_who_is_ahead_in_its_partition() -> None:
    opened = resumed().begin({}, partition="binlog")
    assert opened.expect("ahead", 1) is None
    assert opened.expect("behind", 1) is not None


def test_and_given_to_who_is_ahead_in_another_one_only() -> None:
    opened = resumed().begin({}, partition="snapshot:t")
    assert opened.expect("ahead", 1) is not None
    assert opened.expect("behind", 1) is not None


def test_the_end_of_that_transaction_is_withheld_too() -> None:
    tracker = resumed()
    tracker.begin({}, partition="binlog").done()
    opened = tracker.begin({"binlog": b"015"}, partition="binlog")
    assert opened.expect("ahead", 1) is None


def test_what_lies_behind_the_cursor_is_not_withheld() -> None:
    """A chunk may end elsewhere than it did, and another server may have transactions in another order."""
    tracker = resumed()
    tracker.begin({}, partition="binlog", until=b"020").done()
    within = tracker.begin({}, partition="binlog", until=b"020")
    assert within.expect("ahead", 1) is None
    beyond = tracker.begin({}, partition="binlog", until=b"021")
    assert beyond.expect("ahead", 1) is not None
    end = tracker.begin({"binlog": b"025"}, partition="binlog")
    assert end.expect("ahead", 1) is not None


def test_a_cursor_does_not_pass_what_was_given_beyond_it() -> None:
    tracker = resumed()
    part = tracker.begin({}, partition="binlog", until=b"021")
    part.expect("ahead", 1)
    part.done()
    tracker.begin({"binlog": b"025"}, partition="binlog").done()
    lane = tracker.lanes["ahead"]
    assert lane.cursors["binlog"].position == b"010"
