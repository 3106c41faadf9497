"""What events tell beside rows: statements, partitions, sessions, the time of the commit."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given

from tests.binlog.build import (
    Raw,
    Reading,
    binlog,
    captured,
    gtid,
    mariadb_gtid,
    payload,
    prepared,
    query,
    read,
    stream,
    transaction,
    xid,
    xid_bytes,
)
from tests.binlog.test_captures import JSON, rows_only
from tests.binlog.test_damage import attempt, damaged, damages, quick
from tests.binlog.test_walk import MAP, inserted
from wlf.binlog.details import mariadb_thread_id
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.components.collectors._binlog.options import OutputOptions
from wlf.events.codec import encode_json
from wlf.events.rows import Origin

FIRST, SECOND = Raw(29, b"\0INSERT INTO ut VALUES (1)", 0x80), Raw(29, b"\xffINSERT 'b\xc3\xa4'", 0x80)


def detailed(*events: Raw, **options: Any) -> Reading:
    return read(*events, details=True, **options)


def queries(reading: Reading) -> list[str | None]:
    return [change.query for found in reading.transactions for change in found.changes]


def test_each_change_has_the_statement_in_front_of_it() -> None:
    events = transaction(FIRST, MAP, inserted(1), inserted(2), SECOND, MAP, inserted(3))
    reading = detailed(*events, *transaction(MAP, inserted(4), number=2))
    assert queries(reading) == ["INSERT INTO ut VALUES (1)"] * 2 + ["INSERT 'bä'", None]
    assert queries(read(*events)) == [None] * 3
    assert [event.commit for event in reading.events()] == [event.commit for event in read(*events).events()] + [True]


def test_statements_survive_spilling_streaming_parts_and_xa() -> None:
    rows = [event for n in range(40) for event in (Raw(29, b"\0Q%d" % n), MAP, inserted(n))]
    content = binlog(*transaction(*rows))
    expected = [f"Q{n}" for n in range(40)]
    ways: list[dict[str, Any]] = [{}, {"batch_rows": 3}, {"hold_max_bytes": 500}]
    ways.append({"hold_max_bytes": 500, "make_file": BytesIO, "spills": True})
    for options in ways:
        reading = Reading(details=True, **options).file(content)
        assert queries(reading) == expected
        assert [event.commit is True for event in reading.events()] == [False] * 39 + [True]
    grouped = binlog(*prepared(*rows, number=1), gtid(2), query("XA COMMIT X'6f6e65',X'62',7"))
    assert queries(Reading(details=True).file(grouped)) == expected


def test_annotations_of_mariadb_have_no_byte_in_front() -> None:
    events = [mariadb_gtid(1), Raw(160, b"INSERT 1"), MAP, inserted(1), xid()]
    assert queries(detailed(*events, mariadb=True)) == ["INSERT 1"]


def test_a_statement_whose_rows_are_not_wanted_says_nothing_of_the_next() -> None:
    reading = detailed(*transaction(FIRST), *transaction(MAP, inserted(2), number=2))
    assert queries(reading) == [None]


def test_partitions_of_rows_and_of_rows_that_moved() -> None:
    reading = detailed(*transaction(*rows_only(captured(JSON, "partition"))))
    assert [(change.kind, change.partitions) for change in reading.transactions[0].changes] == [
        ("insert", (0,)),
        ("insert", (1,)),
        ("update", (1, 0)),
        ("update", (1, 1)),
        ("delete", (1,)),
    ]
    assert detailed(*transaction(MAP, inserted(1))).transactions[0].changes[0].partitions == ()


def test_session_and_time_of_the_commit() -> None:
    events = captured(JSON, "rows query + gtid")
    begin, text = events[1], events[2]
    (found,) = detailed(events[0], begin, text, MAP, inserted(1), events[-1]).transactions
    assert found.thread_id == 0x65
    assert found.commit_us == 0x660F4376E2F6B
    (plain,) = read(events[0], begin, text, MAP, inserted(1), events[-1]).transactions
    assert (plain.thread_id, plain.commit_us) == (None, None)
    (tagged,) = captured(JSON, "tagged")
    (found,) = detailed(tagged, begin, MAP, inserted(1), xid()).transactions
    assert found.commit_us == 0x660F4376E45A7
    assert (found.gtid or "").endswith(":tagx:3")


def test_the_session_of_a_transaction_is_not_that_of_the_one_before() -> None:
    first = transaction(MAP, inserted(1))
    reading = detailed(*first, mariadb_gtid(2), MAP, inserted(2), xid(), mariadb=True)
    assert [found.thread_id for found in reading.transactions] == [0x66, None]


def test_each_transaction_has_its_own_session_and_time_in_files_and_streams() -> None:
    stamped, begin = captured(JSON, "rows query + gtid")[:2]
    events: list[Raw] = []
    for number in range(1, 5):
        head = stamped.body[:17] + number.to_bytes(8, "little") + stamped.body[25:42]
        time = bytes([number]) + stamped.body[43:]
        events += [stamped._replace(body=head + time), begin._replace(body=bytes([number]) + begin.body[1:])]
        events += [MAP, inserted(number), xid(number)]
    events[5] = gtid(2)  # of a server that tells no time
    expected = [(1, 0x660F4376E2F01), (2, None), (3, 0x660F4376E2F03), (4, 0x660F4376E2F04)]
    content = binlog(*events)
    for reading in (
        Reading(details=True).file(content),
        Reading(mode="stream", details=True).chunks([stream(content)]),
    ):
        assert [(found.thread_id, found.commit_us) for found in reading.transactions] == expected
    plain = Reading().file(content).transactions
    assert [(found.thread_id, found.commit_us) for found in plain] == [(None, None)] * 4


def test_the_session_inside_a_payload_and_of_xa() -> None:
    (found,) = detailed(gtid(1), payload(query("BEGIN"), MAP, inserted(1), xid())).transactions
    assert found.thread_id == 0x66
    commit = query("XA COMMIT X'6f6e65',X'62',7")
    other = commit._replace(body=b"\x01" + commit.body[1:])
    (found,) = detailed(*prepared(MAP, inserted(1), number=1), gtid(2), other).transactions
    assert found.thread_id == 0x66


@pytest.mark.parametrize(
    ("flags", "tail", "expected"),
    [
        (0, b"\x10\x07\0\0\0", 7),
        (0, b"", None),
        (2, bytes(8) + b"\x10\x08\0\0\0", 8),
        (0, b"\x11\xff\x09\0\0\0", 9),
        (0, b"\x1c" + bytes(8) + b"\x0a\0\0\0", 10),
        (64, xid_bytes() + b"\x11\xff\x0b\0\0\0", 11),
        (64, xid_bytes() + b"\x01\xff", None),
    ],
)
def test_mariadbs_session_lies_behind_whatever_else_the_gtid_event_has(
    flags: int, tail: bytes, expected: int | None
) -> None:
    assert mariadb_thread_id(mariadb_gtid(1, flags, tail).body) == expected


def test_the_collectors_switches_show_it() -> None:
    reading = detailed(*transaction(FIRST, MAP, inserted(1, 2)))
    output = OutputOptions(query=True, thread_id=True, push_ts=True, primary_key=True, primary_key_columns=True)
    (found,) = reading.transactions
    events = Assembler("s", output, now=lambda: 7.5).events(found)
    first, last = encode_json(events)
    assert last.startswith(
        b'{"database":"t","table":"ut","type":"insert","ts":1795451000,"query":"INSERT INTO ut VALUES (1)","xid":7,'
        b'"commit":true,"thread_id":102,"push_ts":7.5,"primary_key":[2],"primary_key_columns":["id"],"data":'
    )
    assert b'"xoffset":0,"thread_id":102' in first


def test_fields_that_the_server_does_not_log_are_absent() -> None:
    output = OutputOptions(query=True, thread_id=True)
    (found,) = read(*transaction(MAP, inserted(1))).transactions
    (line,) = encode_json(Assembler("s", output).events(found))
    assert b"query" not in line
    assert b"thread_id" not in line


def test_the_origin_is_in_the_place_where_a_format_needs_it() -> None:
    (found,) = detailed(*transaction(FIRST, MAP, inserted(1))).transactions
    (event,) = Assembler("s", origin=True).events(found)
    assert event.place.origin == Origin(1, 0x66, "INSERT INTO ut VALUES (1)", None, 7)
    (event,) = Assembler("s").events(found)
    assert event.place.origin is None


GTIDS = captured(JSON, "rows query + gtid")
TOLD = [*GTIDS[:3], *rows_only(captured(JSON, "partition")), GTIDS[-1], captured(JSON, "tagged")[0], GTIDS[1], xid()]
CONTENT = binlog(*TOLD, *prepared(FIRST, MAP, inserted(1), number=9), gtid(10), query("XA COMMIT X'6f6e65',X'62',7"))
MARIADB = binlog(mariadb_gtid(1, 64, xid_bytes() + b"\x11\xff\x0b\0\0\0"), FIRST, MAP, inserted(1), xid(), mariadb=True)


@quick
@given(damages)
def test_damage_ends_in_decode_errors_with_a_place(changes: list[tuple[int, int, int]]) -> None:
    for content in (CONTENT, MARIADB):
        attempt(damaged(content, changes, 4), "file", details=True)
