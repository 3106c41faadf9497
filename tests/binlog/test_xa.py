"""XA: rows wait between XA PREPARE and XA COMMIT, over other transactions, files and restarts."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.binlog.build import (
    XA,
    Raw,
    Reading,
    as_dict,
    binlog,
    ended,
    gtid,
    mariadb_gtid,
    payload,
    prepared,
    query,
    read,
    stream,
    transaction,
    xa_prepare,
    xid,
    xid_bytes,
)
from tests.binlog.test_walk import MAP, SERVER, inserted
from wlf.binlog import Prepared, Statement
from wlf.binlog.prepared import xid_of_statement
from wlf.errors import DecodeError, Retryable
from wlf.events.rows import row_index

OTHER = "X'74776f',X'',1"


def ids(reading: Reading) -> list[int]:
    return [row["id"] for row in reading.rows]


def test_rows_become_visible_at_xa_commit_with_its_gtid_and_place() -> None:
    before = [*prepared(MAP, inserted(1, 2), inserted(3), number=1), *transaction(MAP, inserted(9), number=2)]
    content = binlog(*before, *ended("COMMIT", 3))
    reading = Reading().file(content)
    between, found = reading.transactions
    assert [row["id"] for row in reading.rows] == [9, 1, 2, 3]
    assert (between.gtid, found.gtid) == (f"{SERVER}:2", f"{SERVER}:3")
    assert (found.xid, found.commit, found.held, found.first_xoffset) == (None, True, True, 0)
    assert {change.end_position for change in found.changes} == {found.end_position} == {len(content)}
    events = reading.events()[1:]
    assert [row_index(event) for event in events] == [0, 1, 2]
    assert [event.commit is True for event in events] == [False, False, True]
    assert reading.decoder.prepared == ()
    assert str(reading.decoder.gtids) == f"{SERVER}:1-3"


def test_what_is_prepared_is_named_with_the_place_where_its_group_begins() -> None:
    head = transaction(MAP, inserted(9), number=1)
    group = prepared(MAP, inserted(1), number=2)
    reading = read(*head, *group)
    begin = len(binlog(*head))
    assert reading.decoder.prepared == (Prepared(XA, "binlog.000001", begin, f"{SERVER}:2"),)
    assert reading.decoder.boundary.position == len(binlog(*head, *group))


def test_one_phase_is_an_ordinary_commit() -> None:
    reading = read(*prepared(MAP, inserted(1), inserted(2), number=1, one_phase=True))
    (found,) = reading.transactions
    assert (len(found.changes), found.commit, found.gtid) == (2, True, f"{SERVER}:1")
    assert reading.decoder.prepared == ()


def test_rolled_back_rows_never_come_and_are_counted() -> None:
    reading = read(
        *prepared(MAP, inserted(1), inserted(2), number=1), *ended("ROLLBACK", 2), *ended("COMMIT", 3, OTHER)
    )
    assert ids(reading) == []
    assert reading.decoder.counts.discarded_events == 2
    (unknown,) = [item for item in reading.items if isinstance(item, Statement)]
    assert unknown.kind == "xa-unknown"
    assert str(reading.decoder.gtids) == f"{SERVER}:1-3"


def test_several_are_prepared_at_once() -> None:
    reading = read(
        *prepared(MAP, inserted(1), number=1),
        *prepared(MAP, inserted(2), number=2, xid=OTHER),
        *ended("COMMIT", 3, OTHER),
        *prepared(MAP, inserted(3), number=4, xid=OTHER),
        *ended("COMMIT", 5),
        *ended("ROLLBACK", 6, OTHER),
    )
    assert ids(reading) == [2, 1]


def test_a_transaction_without_wanted_rows_pins_no_place() -> None:
    reading = Reading(wanted=False).file(binlog(*prepared(MAP, inserted(1), number=1)))
    assert reading.decoder.prepared == ()
    empty = Reading().file(binlog(*prepared(number=1), *ended("COMMIT", 2)))
    assert empty.items == []


def test_mariadb_names_it_in_the_gtid_event() -> None:
    first = [
        mariadb_gtid(1, 64, xid_bytes()), MAP, inserted(1), query(f"XA END {XA}"), xa_prepare(),
        mariadb_gtid(2), MAP, inserted(9), xid(),
    ]  # fmt: skip
    second = [mariadb_gtid(3, 128 | 1, xid_bytes()), query(f"XA COMMIT {XA}")]
    reading = read(*first, *second, mariadb=True)
    assert ids(reading) == [9, 1]
    assert [found.gtid for found in reading.transactions] == ["0-1-2", "0-1-3"]
    assert read(*first, mariadb=True).decoder.prepared == (Prepared(XA, "binlog.000001", 275 - 19, "0-1-1"),)


def test_prepared_inside_a_payload() -> None:
    group = payload(query(f"XA START {XA}"), MAP, inserted(1), inserted(2), query(f"XA END {XA}"), xa_prepare())
    assert ids(read(gtid(1), group, *transaction(MAP, inserted(9), number=2), *ended("COMMIT", 3))) == [9, 1, 2]


def test_what_is_over_the_cap_waits_in_a_file() -> None:
    files: list[io.BytesIO] = []

    def make_file() -> io.BytesIO:
        files.append(io.BytesIO())
        return files[-1]

    rows = [inserted(*range(at, at + 50)) for at in range(0, 2000, 50)]
    content = binlog(
        *prepared(MAP, *rows, number=1),
        *prepared(MAP, inserted(5000), number=2, xid=OTHER),
        *ended("COMMIT", 3),
        *ended("COMMIT", 4, OTHER),
    )
    reading = Reading(hold_max_bytes=1000, make_file=make_file, batch_rows=100).file(content)
    assert ids(reading) == [*range(2000), 5000]
    assert len(files) == 1
    assert reading.largest <= 150
    assert all(file.closed for file in files)
    events = reading.events()[:2000]
    assert [row_index(event) for event in events] == list(range(2000))
    assert [event.commit is True for event in events] == [False] * 1999 + [True]


def test_small_ones_go_to_files_when_they_are_too_many() -> None:
    files: list[io.BytesIO] = []

    def make_file() -> io.BytesIO:
        files.append(io.BytesIO())
        return files[-1]

    names = [f"X'{number:02x}',X'',1" for number in range(20)]
    groups = [prepared(MAP, inserted(n), number=n + 1, xid=name) for n, name in enumerate(names)]
    ends = [ended("COMMIT" if n % 2 else "ROLLBACK", 50 + n, name) for n, name in enumerate(names)]
    events = [event for group in (*groups, *ends) for event in group]
    reading = Reading(hold_max_bytes=1000, make_file=make_file).file(binlog(*events))
    assert ids(reading) == list(range(1, 20, 2))
    assert 10 < len(files) < 20
    assert all(file.closed for file in files)


def test_a_full_disk_is_worth_another_try() -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    content = binlog(*prepared(MAP, *(inserted(*range(90)) for _ in range(9)), number=1))
    with pytest.raises(Retryable, match=r"cannot write the temporary file .*: No space left on device"):
        Reading(hold_max_bytes=1000, make_file=Full).file(content)


def test_statements_of_xa_are_read_in_the_servers_words() -> None:
    assert xid_of_statement("XA COMMIT X'6F6e65',X'62',7") == XA
    assert xid_of_statement("XA COMMIT X'',X'',1") == "X'',X'',1"
    with pytest.raises(DecodeError, match="expected an xid"):
        read(gtid(1), query("XA COMMIT 'one'"))


@pytest.mark.parametrize("tail", [b"\0\7\0\0\0", b"\0\7\0\0\0\xff\xff\xff\x7f\1\0\0\0g", b""])
def test_a_damaged_prepare_is_a_decode_error(tail: bytes) -> None:
    with pytest.raises(DecodeError, match=r"binlog.000001:\d+: "):
        read(gtid(1), query(f"XA START {XA}"), MAP, inserted(1), Raw(38, tail))


# Restarts: a reading ends anywhere, and the next begins at its boundary, or at what was prepared there.


def resume(content: bytes, first: Reading, **options: Any) -> Reading:
    """What a collector does with a stored position."""
    boundary, waiting = first.decoder.boundary, first.decoder.prepared
    begin = min((boundary.position, *(found.offset for found in waiting)))
    quiet = ("binlog.000001", boundary.position) if waiting else None
    second = Reading(quiet_until=quiet, **options)
    return second.file(content, position=begin)


def cut(content: bytes, at: int, **options: Any) -> Reading:
    """A reading that is killed after so many bytes."""
    reading = Reading(**options)
    reading.decoder.open_file("binlog.000001", content[:1024])
    return reading.chunks([content[4:at]] if at > 4 else [])


def event_edges(content: bytes) -> list[int]:
    edges, at = [], 4
    while at < len(content):
        edges.append(at)
        at += int.from_bytes(content[at + 9 : at + 13], "little")
    return [*edges, len(content)]


def assert_every_kill_point_resumes(content: bytes, **options: Any) -> None:
    """Nothing is lost and nothing of a finished transaction comes twice."""
    whole = ids(Reading(**options).file(content))
    for at in event_edges(content):
        first = cut(content, at, **options)
        # Only what the boundary covers was stored: rows of a transaction still open come again.
        done = [r["id"] for t in whole_transactions(first) for r in t]
        second = resume(content, first, **options)
        assert done + ids(second) == whole, at
        assert second.decoder.boundary.position == len(content)


def whole_transactions(reading: Reading) -> list[list[dict[str, Any]]]:
    done, rows = [], []
    for found in reading.transactions:
        rows += [as_dict(row) for change in found.changes for row in change.rows]
        if found.commit:
            done.append(rows)
            rows = []
    return done


def test_every_kill_point_resumes_without_loss() -> None:
    content = binlog(
        *transaction(MAP, inserted(1), number=1),
        *prepared(MAP, inserted(2), inserted(3), number=2),
        *transaction(MAP, inserted(4), number=3),
        *prepared(MAP, inserted(5), number=4, xid=OTHER),
        *ended("COMMIT", 5),
        *transaction(MAP, *(inserted(n) for n in range(10, 20)), number=6),
        gtid(7), payload(query("BEGIN"), MAP, inserted(30), inserted(31), xid()),
        *ended("ROLLBACK", 8, OTHER),
        *transaction(MAP, inserted(6), number=9),
    )  # fmt: skip
    assert_every_kill_point_resumes(content)


VERBS = ["plain", "payload", "prepare", "commit", "rollback"]
steps = st.lists(
    st.tuples(
        st.sampled_from(["plain", "payload", "prepare", "commit", "rollback"]), st.integers(0, 3), st.integers(1, 4)
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps, st.sampled_from([200, 1 << 20]))
def test_any_course_of_transactions_survives_any_kill(course: list[tuple[str, int, int]], hold: int) -> None:
    events: list[Raw] = []
    expected: list[int] = []
    open_: dict[int, list[int]] = {}
    row = 0
    for number, (verb, which, count) in enumerate(course, 1):
        name = f"X'{which:02x}',X'',1"
        rows = list(range(row, row + count))
        if verb in ("plain", "payload") or (verb == "prepare" and which not in open_):
            row += count
        if verb == "plain":
            events += transaction(MAP, *map(inserted, rows), number=number)
            expected += rows
        elif verb == "payload":
            events += [gtid(number), payload(query("BEGIN"), MAP, *map(inserted, rows), xid())]
            expected += rows
        elif verb == "prepare" and which not in open_:
            events += prepared(MAP, *map(inserted, rows), number=number, xid=name)
            open_[which] = rows
        elif verb == "commit" and which in open_:
            events += ended("COMMIT", number, name)
            expected += open_.pop(which)
        elif verb == "rollback" and which in open_:
            events += ended("ROLLBACK", number, name)
            del open_[which]
    content = binlog(*events)
    for spills in (False, True):
        options = {"hold_max_bytes": hold, "make_file": io.BytesIO, "spills": spills}
        assert ids(Reading(**options).file(content)) == expected
        assert_every_kill_point_resumes(content, **options)


def test_quiet_reading_asks_for_no_schema_and_counts_nothing_twice() -> None:
    bare = Raw(19, bytes.fromhex("a4 00 00 00 00 00 01 00 01 74 00 02 75 74 00 02 03 03 00 02"))
    events = [*prepared(MAP, inserted(1), number=1), *transaction(bare, inserted(2), number=2), query("DROP TABLE x")]
    stored = len(binlog(*events))
    content = binlog(*events, *ended("COMMIT", 3), *transaction(MAP, inserted(4), number=4))
    reading = Reading(quiet_until=("binlog.000001", stored), mode="stream").chunks([stream(content)])
    assert [type(item).__name__ for item in reading.items if not hasattr(item, "xid")] == ["Rotate"]
    assert ids(reading) == [1, 4]
    assert reading.decoder.counts.filtered_events == 0
    assert reading.decoder.counts.discarded_events == 0


def test_the_boundary_stands_still_while_it_is_quiet() -> None:
    content = binlog(
        *prepared(MAP, inserted(1), number=1), *transaction(MAP, inserted(2), number=2),
        *transaction(MAP, inserted(3), number=3), *ended("COMMIT", 4),
    )  # fmt: skip
    edges = event_edges(content)
    stored = edges[-3]  # behind the third transaction
    reading = Reading(quiet_until=("binlog.000001", stored))
    reading.decoder.open_file("binlog.000001", content[:1024])
    at = 4
    for edge in edges[1:]:
        reading.keep(reading.decoder.feed(content[at:edge]))
        at = edge
        assert reading.decoder.boundary.position >= stored
    assert ids(reading) == [1]
    assert reading.decoder.boundary.position == len(content)


def test_prepared_over_a_change_of_files_and_the_servers_restart() -> None:
    first, second = binlog(*prepared(MAP, inserted(1), number=1)), binlog(*ended("COMMIT", 2))
    reading = Reading().file(first)
    reading.file(second, name="binlog.000002")
    (found,) = reading.transactions
    assert (found.file, ids(reading)) == ("binlog.000002", [1])
    again = Reading(quiet_until=("binlog.000002", 4)).file(first)
    again.file(second, name="binlog.000002")
    assert ids(again) == [1]


def test_cuts_make_no_difference() -> None:
    content = binlog(
        *prepared(MAP, inserted(1), number=1), *transaction(MAP, inserted(2), number=2), *ended("COMMIT", 3)
    )
    whole = Reading().file(content)
    draw = random.Random(4)
    for cuts in (range(len(content)), draw.sample(range(len(content)), 20)):
        assert Reading().file(content, list(cuts)).items == whole.items


def test_the_files_of_open_transactions_are_closed_with_the_decoder() -> None:
    files: list[io.BytesIO] = []

    def make_file() -> io.BytesIO:
        files.append(io.BytesIO())
        return files[-1]

    rows = [inserted(*range(at, at + 50)) for at in range(0, 500, 50)]
    events = [*prepared(MAP, *rows, number=1), gtid(2), query("BEGIN"), MAP, *rows]
    reading = Reading(hold_max_bytes=1000, make_file=make_file, spills=True).file(binlog(*events))
    assert [file.closed for file in files] == [False, False]
    reading.decoder.close()
    reading.decoder.close()
    assert [file.closed for file in files] == [True, True]
