"""Transactions over `hold_max_bytes`: streamed without xid, or kept in a file until their end is known."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.binlog.build import Raw, Reading, binlog, gtid, query, read, transaction, xid
from tests.binlog.test_walk import MAP, inserted
from wlf.binlog import Statement
from wlf.errors import Retryable

SPILLS: dict[str, Any] = {"hold_max_bytes": 1000, "make_file": BytesIO, "spills": True}


def ids(reading: Reading) -> list[int]:
    return [row["id"] for row in reading.rows]


def many(count: int, per_event: int = 50) -> list[Raw]:
    return [inserted(*range(at, at + per_event)) for at in range(0, count, per_event)]


def test_a_spilled_transaction_has_its_xid_on_every_row() -> None:
    content = binlog(*transaction(MAP, *many(3000)), *transaction(MAP, inserted(9000), number=2))
    whole = Reading().file(content)
    spilled = Reading(**SPILLS, batch_rows=200).file(content)
    assert ids(spilled) == ids(whole)
    assert {event.xid for event in spilled.events()} == {7}
    assert spilled.largest <= 250
    lines = [(event.xoffset, event.commit, event.xid, event.place) for event in spilled.events()]
    assert lines == [(event.xoffset, event.commit, event.xid, event.place) for event in whole.events()]
    assert all(found.held for found in spilled.transactions)
    assert spilled.decoder.boundary == whole.decoder.boundary


@pytest.mark.parametrize("batch", [50, 100, 150])
def test_only_the_last_row_commits_wherever_the_parts_end(batch: int) -> None:
    # 61 events: the last one is still in memory, the others lie in the file.
    content = binlog(*transaction(MAP, *many(3050)))
    reading = Reading(**SPILLS, batch_rows=batch).file(content)
    assert [event.commit is True for event in reading.events()] == [False] * 3049 + [True]
    assert [found.commit for found in reading.transactions].count(True) == 1


def test_what_is_no_row_at_the_end_does_not_cost_the_commit() -> None:
    tail = [Raw(29, b"\0DELETE FROM unwanted"), query("SAVEPOINT s")]
    undone = [*many(300), query("ROLLBACK TO s")]
    for options in ({}, SPILLS):
        for end in ([], undone):
            events = [gtid(1), query("BEGIN"), MAP, *many(100), *tail, *end, xid()]
            reading = Reading(**options, details=True, batch_rows=50).file(binlog(*events))
            assert ids(reading) == list(range(100))
            assert [found.commit for found in reading.transactions].count(True) == 1
            assert not reading.decoder.in_transaction


def test_a_spilled_transaction_comes_in_parts_and_shares_its_last_call_with_no_other() -> None:
    content = binlog(*transaction(MAP, *many(300)), *transaction(MAP, inserted(9000), number=2))
    reading = Reading(**SPILLS, batch_rows=100)
    reading.decoder.open_file("f", content)
    calls = [reading.decoder.feed(content[4:])]
    while reading.decoder.pending:
        calls.append(reading.decoder.feed(b""))
    commits = [[item.commit for item in items] for items in calls if items]
    assert commits == [[False], [False], [True], [True]]


def test_the_file_is_made_for_large_ones_only_and_closed() -> None:
    files: list[BytesIO] = []

    def make_file() -> BytesIO:
        files.append(BytesIO())
        return files[-1]

    options = {**SPILLS, "make_file": make_file}
    Reading(**options).file(binlog(*transaction(MAP, inserted(1))))
    assert files == []
    Reading(**options).file(binlog(*transaction(MAP, *many(500)), *transaction(MAP, *many(500), number=2)))
    assert len(files) == 2
    assert all(file.closed for file in files)


def test_cuts_anywhere_make_no_difference_to_a_spilled_transaction() -> None:
    content = binlog(*transaction(MAP, *many(300, 10)))
    whole = Reading(**SPILLS).file(content)
    assert Reading(**SPILLS).file(content, range(len(content))).items == whole.items


def test_a_transaction_that_a_crash_cut_off_in_its_file_is_dropped() -> None:
    cut = [gtid(1), query("BEGIN"), MAP, *many(500)]
    restarted = Raw(15, b"\4\0" + b"9.7.4".ljust(50, b"\0") + b"\1\0\0\0\x13" + bytes(18) + b"\x08" + bytes(23) + b"\0")
    reading = Reading(**SPILLS).file(binlog(*cut, restarted, *transaction(MAP, inserted(1), number=1)))
    assert ids(reading) == [1]
    assert reading.decoder.counts.discarded_events == 10


@pytest.mark.parametrize("step", ["make", "write"])
def test_a_full_disk_is_worth_another_try_and_says_what_to_do(step: str) -> None:
    class Full(BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    def refuse() -> BytesIO:
        raise OSError(30, "Read-only file system")

    options = {**SPILLS, "make_file": Full if step == "write" else refuse}
    with pytest.raises(Retryable, match=rf"cannot {step} the temporary file of a large transaction: ") as caught:
        Reading(**options).file(binlog(*transaction(MAP, *many(500))))
    assert "hold_max_bytes" in caught.value.hint


RSS = """
import resource, sys, tempfile
from tests.binlog.build import Reading, binlog, gtid, query, xid, encode
from tests.binlog.test_walk import MAP, inserted
from wlf.binlog import Transaction

reading = Reading(hold_max_bytes=1 << 20, make_file=tempfile.TemporaryFile, spills=True, batch_rows=1000)
decoder = reading.decoder
head = binlog(gtid(1), query("BEGIN"), MAP)
decoder.open_file("f", head)
decoder.feed(head[4:])
at, rows, xids = len(head), 0, set()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number in range(4000):
    event = encode(inserted(*range(number * 100, number * 100 + 100)), at, checksum=False)
    at += len(event)
    assert decoder.feed(event) == []
items = decoder.feed(encode(xid(), at, checksum=False))
while True:
    for item in items:
        rows += sum(len(change.rows) for change in item.changes)
        xids.add(item.xid)
    del items
    if not decoder.pending:
        break
    items = decoder.feed(b"")
print(rows, xids, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_stays_flat_over_400_000_rows() -> None:
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", RSS], cwd=root, capture_output=True, text=True, check=True)
    rows, xids, grown = run.stdout.split()
    assert (rows, xids) == ("400000", "{7}")
    assert int(grown) < 16  # MiB; held whole they are 400 000 rows of 100 bytes and more


# What is undone inside a transaction.


@pytest.mark.parametrize("options", [{}, SPILLS])
def test_a_savepoint_before_the_first_change_is_unknown_and_undoes_all(options: dict[str, Any]) -> None:
    events = [
        gtid(1),
        query("BEGIN"),
        MAP,
        *many(300),
        query("SAVEPOINT b"),
        query("ROLLBACK TO a"),
        inserted(7),
        xid(),
    ]
    assert ids(read(*events, **options)) == [7]


def test_rows_behind_a_savepoint_that_was_rolled_back_do_not_come() -> None:
    for options in ({}, SPILLS):
        events = [
            gtid(1), query("BEGIN"), MAP, *many(100), query("SAVEPOINT `a``b`"), *many(300), query("SAVEPOINT `x`"),
            inserted(2), query("ROLLBACK TO `a``b`"), inserted(7000), query("ROLLBACK TO SAVEPOINT `A``B`"),
            inserted(8000), query("RELEASE SAVEPOINT x"), xid(),
        ]  # fmt: skip
        reading = Reading(**options).file(binlog(*events))
        assert ids(reading) == [*range(100), 8000]
        assert reading.decoder.counts.discarded_events == 6 + 1 + 1
        assert [event.commit for event in reading.events()][-1] is True


def test_a_rolled_back_transaction_does_not_come() -> None:
    for options in ({}, SPILLS):
        events = [gtid(1), query("BEGIN"), MAP, *many(500), query("ROLLBACK")]
        reading = Reading(**options).file(binlog(*events, *transaction(MAP, inserted(1), number=2)))
        assert ids(reading) == [1]
        assert reading.decoder.counts.discarded_events == 10
        assert [item.kind for item in reading.items if isinstance(item, Statement)] == ["rollback"]


def test_rows_that_were_streamed_before_a_rollback_are_counted_as_escaped() -> None:
    events = [
        gtid(1),
        query("BEGIN"),
        MAP,
        query("SAVEPOINT s"),
        *many(500),
        query("ROLLBACK TO s"),
        inserted(7),
        xid(),
    ]
    reading = Reading(hold_max_bytes=1000).file(binlog(*events))
    assert ids(reading)[-1] == 7
    assert reading.decoder.counts.escaped_events == 1
    whole = Reading(hold_max_bytes=1000).file(binlog(gtid(1), query("BEGIN"), MAP, *many(500), query("ROLLBACK")))
    assert whole.decoder.counts.escaped_events == 1
    assert whole.transactions[-1].commit
    assert not whole.decoder.in_transaction


def test_create_table_select_is_one_transaction_behind_its_statement() -> None:
    events = [gtid(1), query("BEGIN"), query("CREATE TABLE `ut` (id int) START TRANSACTION"), MAP, inserted(1), xid()]
    reading = read(*events, *transaction(MAP, inserted(2), number=2))
    statement, first, second = reading.items
    assert isinstance(statement, Statement)
    assert (statement.kind, statement.objects) == ("table-create", (("t", "ut"),))
    assert (first.gtid, second.gtid) == (statement.gtid, second.gtid)  # type: ignore[union-attr]
    assert ids(reading) == [1, 2]
