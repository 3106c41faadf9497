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
