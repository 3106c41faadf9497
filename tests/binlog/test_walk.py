"""The walk: chunks cut anywhere, files and streams, transactions held and streamed, positions between them."""

from __future__ import annotations

import itertools
import random

import pytest

from tests.binlog.build import (
    CAPTURES,
    UUID,
    Raw,
    Reading,
    binlog,
    captured,
    encode,
    gtid,
    packets,
    query,
    read,
    stream,
    transaction,
    xid,
)
from tests.binlog.test_captures import IMAGES, JSON, TABLES, TYPES, rows_only
from wlf.binlog import EndOfStream, GtidSet, Heartbeat, NeedSchema, Rotate, SchemaColumn, ServerRefused, Statement
from wlf.errors import DecodeError

MAP = Raw(
    19,
    bytes.fromhex("a4 00 00 00 00 00 01 00 01 74 00 02 75 74 00 02 03 03 00 02 01 01 00 04 05 02 69 64 01 76 08 01 00"),
)
SERVER = "37072cfd-e75a-11f1-b6db-02fc00000001"


def inserted(*values: int, table: str = "a4") -> Raw:
    """A rows event of (id, id * 2)."""
    head = bytes.fromhex(f"{table} 00 00 00 00 00 01 00 02 00 02 ff")
    rows = (b"\0" + value.to_bytes(4, "little") + (2 * value).to_bytes(4, "little") for value in values)
    return Raw(30, head + b"".join(rows))


def everything() -> list[Raw]:
    """Many kinds of events in several transactions."""
    sections = [
        *((TYPES, name) for name in ("signedness year", "strings", "vector/functional", "update vcol", "minimal")),
        *((IMAGES, name) for name in ("15 col", "minimal 15 col 8 set", "noblob upd blob", "neg time", "dates")),
        *((TABLES, name) for name in ("fk cascade delete", "fk cascade update", "iodku", "multi table update")),
        (JSON, "partition"),
    ]
    events = [captured(JSON, "flush")[1]]
    for number, (file, name) in enumerate(sections, 1):
        events += transaction(*rows_only(captured(file, name)), number=number, xid_number=100 + number)
    many = transaction(MAP, *(inserted(*range(n, n + 20)) for n in range(0, 400, 20)), number=50)
    return [*events, *captured(TABLES, "truncate"), *many]


@pytest.mark.parametrize("checksum", [False, True])
def test_a_file_reads_the_same_however_it_is_cut(checksum: bool) -> None:
    content = binlog(*everything(), checksum=checksum)
    whole = Reading().file(content)
    assert len(whole.transactions) == 16
    draw = random.Random(5)
    for cuts in (range(len(content)), *(draw.sample(range(len(content)), 40) for _ in range(5))):
        again = Reading().file(content, list(cuts))
        assert again.items == whole.items
        assert again.decoder.boundary == whole.decoder.boundary
    assert whole.decoder.boundary.position == len(content)


@pytest.mark.parametrize("checksum", [False, True])
def test_a_stream_reads_as_its_file_however_it_is_cut(checksum: bool) -> None:
    content = binlog(*everything(), checksum=checksum)
    whole = Reading().file(content)
    sent = stream(content)
    draw = random.Random(6)
    for cuts in ([], range(len(sent)), draw.sample(range(len(sent)), 60)):
        options = {"declared_checksum": checksum, "verify_checksum": True}
        reading = Reading(mode="stream", **options).chunks([sent[a:b] for a, b in _spans(len(sent), list(cuts))])
        assert reading.items == [Rotate("binlog.000001", 4), *whole.items]
        assert reading.decoder.boundary == whole.decoder.boundary
        assert str(reading.decoder.gtids) == str(whole.decoder.gtids)


def _spans(size: int, cuts: list[int]) -> list[tuple[int, int]]:
    edges = [0, *sorted(cuts), size]
    return [(a, b) for a, b in itertools.pairwise(edges) if b > a]


def test_an_event_over_16_mib_is_joined_from_its_packets() -> None:
    text_map = Raw(19, bytes.fromhex("b0 00 00 00 00 00 01 00 01 74 00 01 62 00 01 fc 01 04 01 02 01 3f 04 02 01 62"))
    value = random.Random(1).randbytes(17 << 20)
    row = Raw(30, bytes.fromhex("b0 00 00 00 00 00 01 00 02 00 01 ff 00") + len(value).to_bytes(4, "little") + value)
    content = binlog(*transaction(text_map, row), *transaction(MAP, inserted(5), number=2))
    sent = stream(content)
    for chunks in ([sent], [sent[i : i + (1 << 20)] for i in range(0, len(sent), 1 << 20)]):
        reading = Reading(mode="stream").chunks(chunks)
        assert reading.rows == [{"b": value}, {"id": 5, "v": 10}]
        assert reading.decoder.boundary.position == len(content)


def test_rows_carry_the_xid_and_only_the_last_commits() -> None:
    reading = read(*transaction(MAP, inserted(1, 2), inserted(3)))
    (found,) = reading.transactions
    assert (found.xid, found.held, found.commit, found.gtid) == (7, True, True, f"{SERVER}:1")
    events = reading.events()
    assert [event.xid for event in events] == [7, 7, 7]
    assert [event.commit for event in events].index(True) == 2
    assert [event.xoffset for event in events[:2]] == [0, 1]


def test_the_measure_of_one_call_bounds_what_it_returns() -> None:
    events = [inserted(*range(n, n + 50)) for n in range(0, 5000, 50)]
    whole = read(*transaction(MAP, *events))
    small = read(*transaction(MAP, *events), batch_rows=100)
    assert small.rows == whole.rows
    assert small.largest <= 150
    assert [item.commit for item in small.transactions].count(True) == 1
    assert small.transactions[-1].commit
    assert {item.xid for item in small.transactions} == {7}
    assert _lines(small) == _lines(whole)


def test_the_boundary_waits_until_the_last_rows_are_out() -> None:
    content = binlog(*transaction(MAP, inserted(1)), *transaction(MAP, *(inserted(n) for n in range(9)), number=2))
    reading = Reading(batch_rows=4)
    reading.decoder.open_file("f", content)
    seen = []
    items = reading.decoder.feed(content[4:])
    while True:
        seen.append((sum(len(c.rows) for i in items for c in i.changes), reading.decoder.boundary.gtid))
        if not reading.decoder.pending:
            break
        items = reading.decoder.feed(b"")
    assert [(count, text and text[-1]) for count, text in seen if count] == [(4, "1"), (4, "1"), (2, "2")]


def test_a_transaction_that_came_in_parts_shares_its_last_call_with_no_other() -> None:
    long = transaction(MAP, *(inserted(n) for n in range(9)), number=1)
    content = binlog(*long, *transaction(MAP, inserted(10), number=2))
    reading = Reading(batch_rows=4)
    reading.decoder.open_file("f", content)
    ends = []
    items = reading.decoder.feed(content[4:])
    while items or reading.decoder.pending:
        ends.append([item.commit for item in items])
        items = reading.decoder.feed(b"")
    assert [calls for calls in ends if calls] == [[False], [False], [True], [True]]


def _lines(reading: Reading) -> list[object]:
    return [(event.xid, event.xoffset, event.commit, event.data) for event in reading.events()]


@pytest.mark.parametrize("cut", [1 << 30, 700])
def test_a_long_transaction_is_streamed_and_only_its_last_row_has_the_xid(cut: int) -> None:
    rows = 3000
    content = binlog(*transaction(MAP, *(inserted(*range(n, n + 10)) for n in range(0, rows, 10))))
    reading = Reading(hold_max_bytes=4096, batch_rows=100).file(content, list(range(0, len(content), cut)))
    events = reading.events()
    assert [event.data.f0 for event in events] == list(range(rows))
    assert [event.xoffset for event in events[:-1]] == list(range(rows - 1))
    assert (events[-1].xid, events[-1].commit) == (7, True)
    assert {event.xid for event in events[:-1]} == {events[0].commit}
    assert reading.largest < 200
    assert reading.decoder.boundary.position == len(content)


def test_rows_of_unwanted_tables_are_counted_and_not_decoded() -> None:
    broken = Raw(30, inserted(1).body + b"broken")
    content = binlog(*transaction(MAP, broken))
    reading = Reading(wanted=False).file(content)
    assert reading.items == []
    assert reading.decoder.counts.filtered_events == 1
    assert reading.decoder.boundary.gtid == f"{SERVER}:1"
    asked: list[tuple[str, str]] = []
    Reading(wants=lambda *name: bool(asked.append(name))).file(content)
    assert asked == [("t", "ut")]


def test_a_table_version_is_bound_once() -> None:
    reading = read(*transaction(MAP, inserted(1)), *transaction(MAP, inserted(2), number=2))
    assert [table.table for table in reading.maps] == ["ut"]
    assert reading.maps[0].primary_key == (0,)


def test_reading_goes_on_at_a_boundary() -> None:
    content = binlog(*transaction(MAP, inserted(1)), checksum=True)
    more = binlog(*transaction(MAP, inserted(1)), *transaction(MAP, inserted(2), number=2), checksum=True)
    assert more.startswith(content)
    reading = Reading().file(more, position=len(content))
    assert reading.rows == [{"id": 2, "v": 4}]
    assert reading.decoder.boundary.position == len(more)


def test_gtids_are_collected_with_those_of_former_files() -> None:
    previous = Raw(35, GtidSet.parse(f"{SERVER}:1-9").encode(), 0x80)
    reading = read(previous, *(e for n in (10, 11, 13) for e in transaction(MAP, inserted(n), number=n)))
    assert str(reading.decoder.gtids) == f"{SERVER}:1-11:13"


def test_mariadb_transactions_begin_with_their_gtid() -> None:
    standalone = Raw(162, (5).to_bytes(8, "little") + bytes(4) + b"\x01" + bytes(6))
    begun = Raw(162, (6).to_bytes(8, "little") + bytes(4) + b"\x0c" + bytes(6))
    reading = read(standalone, query("CREATE TABLE ut (id int, v int)"), begun, MAP, inserted(1), xid(), mariadb=True)
    statement, found = reading.items
    assert isinstance(statement, Statement)
    assert statement.gtid == "0-1-5"
    assert reading.transactions[0].gtid == "0-1-6"
    assert str(reading.decoder.gtids) == "0-1-6"
    assert found == reading.transactions[0]


def test_a_file_in_use_may_end_inside_an_event() -> None:
    content = binlog(*transaction(MAP, inserted(1)), flags=1)
    reading = Reading().file(content[:-9])
    assert reading.rows == []
    assert reading.decoder.boundary.position == len(binlog())


@pytest.mark.parametrize("missing", [1, 9, 30])
def test_a_closed_file_that_ends_inside_an_event_is_an_error(missing: int) -> None:
    content = binlog(*transaction(MAP, inserted(1)))
    with pytest.raises(DecodeError, match=r"^binlog.000001:\d+: expected the rest of an event"):
        Reading().file(content[:-missing])


def test_a_flipped_bit_is_found_by_the_checksum() -> None:
    content = bytearray(binlog(*transaction(MAP, inserted(1)), checksum=True))
    content[-40] ^= 1
    with pytest.raises(DecodeError, match=r"binlog.000001:\d+: expected checksum"):
        Reading().file(bytes(content))
    assert Reading(verify_checksum=False).file(bytes(content)).transactions


def test_an_encrypted_file_names_the_variable() -> None:
    with pytest.raises(DecodeError, match="binlog_encryption"):
        Reading().decoder.open_file("binlog.000001", b"\xfdbin" + bytes(600))
    with pytest.raises(DecodeError, match="expected a binlog file, got one that begins with 73 71 6c 20"):
        Reading().decoder.open_file("dump.sql", b"sql dump")


def test_unknown_events_are_skipped_only_where_the_server_allows_it() -> None:
    reading = read(Raw(99, b"new", 0x80), *transaction(MAP, inserted(1)))
    assert reading.decoder.counts.skipped_events == 1
    assert len(reading.rows) == 1
    with pytest.raises(DecodeError, match="got 99"):
        read(Raw(99, b"new"))


def test_an_incident_is_an_error() -> None:
    with pytest.raises(DecodeError, match=r":127: the server lost changes .*INCIDENT.*disk full.*copy the tables anew"):
        read(Raw(26, b"\x01\x00\x09disk full"))


def test_rows_without_a_table_map_are_an_error() -> None:
    with pytest.raises(DecodeError, match="expected a TABLE_MAP event for table id 165"):
        read(*transaction(MAP, inserted(1, table="a5")))


def test_table_ids_are_forgotten_with_the_file() -> None:
    reading = Reading().file(binlog(*transaction(MAP, inserted(1))))
    with pytest.raises(DecodeError, match="expected a TABLE_MAP event"):
        reading.file(binlog(*transaction(inserted(2), number=2)), name="binlog.000002")


def test_a_transaction_that_a_crash_cut_off_is_never_handed_out() -> None:
    reading = Reading().file(binlog(gtid(1), query("BEGIN"), MAP, inserted(1)))
    reading.file(binlog(*transaction(MAP, inserted(2))), name="binlog.000002")
    assert reading.rows == [{"id": 2, "v": 4}]
    assert reading.decoder.counts.discarded_events == 1


def test_after_an_error_nothing_is_decoded_any_more() -> None:
    reading = Reading()
    content = binlog(Raw(99, b""))
    reading.decoder.open_file("f", content)
    for _ in range(2):
        with pytest.raises(DecodeError, match="got 99"):
            reading.decoder.feed(content[4:])


# What only streams have.


def test_an_error_packet_is_raised_with_the_servers_words() -> None:
    message = b"\xff\xd4\x04#HY000Could not find first log file name in binary log index file"
    with pytest.raises(ServerRefused, match="Could not find") as caught:
        Reading(mode="stream").chunks([len(message).to_bytes(3, "little") + b"\0" + message])
    assert (caught.value.code, caught.value.sqlstate) == (1236, "HY000")


def test_the_end_of_a_stream_is_told() -> None:
    reading = Reading(mode="stream").chunks([stream(binlog()), b"\5\0\0\0\xfe\0\0\2\0"])
    assert isinstance(reading.items[-1], EndOfStream)


def test_a_heartbeat_moves_the_boundary_over_what_the_server_skipped() -> None:
    beat = packets(encode(Raw(27, b"binlog.000001", 0, 0), 5000 - 19 - 13, checksum=False))
    reading = Reading(mode="stream").chunks([stream(binlog()), beat])
    assert reading.items[-1] == Heartbeat("binlog.000001", 5000)
    assert reading.decoder.boundary.position == 5000


def test_a_rotation_drops_table_ids_and_moves_on() -> None:
    rotate = Raw(4, (4).to_bytes(8, "little") + b"binlog.000002")
    first, second = binlog(*transaction(MAP, inserted(1)), rotate), binlog(*transaction(MAP, inserted(2), number=2))
    reading = Reading(mode="stream").chunks([stream(first), stream(second, "binlog.000002")])
    assert [item for item in reading.items if isinstance(item, Rotate)] == [
        Rotate("binlog.000001", 4),
        Rotate("binlog.000002", 4),
    ]
    assert [item.file for item in reading.transactions] == ["binlog.000001", "binlog.000002"]
    assert reading.decoder.boundary == ("binlog.000002", len(second), f"{SERVER}:2")


def test_positions_go_on_beyond_4_gib() -> None:
    at = (1 << 32) - 60
    content = binlog(*transaction(MAP, inserted(1)))
    events, position = [], at
    for raw in transaction(MAP, inserted(1)):
        event = encode(raw, position & 0xFFFFFFFF, checksum=False)
        position += len(event)
        events.append(packets(event))
    rotate = encode(Raw(4, at.to_bytes(8, "little") + b"b.1", 0x20, 0), 0, checksum=False, on_disk=False)
    format_event = encode(Raw(15, _format_body(content)), 0, checksum=False, on_disk=False)
    reading = Reading(mode="stream").chunks([packets(rotate), packets(format_event), *events])
    assert reading.decoder.boundary.position == position > 1 << 32


def _format_body(content: bytes) -> bytes:
    size = int.from_bytes(content[13:17], "little")
    return content[23 : 4 + size - 4]


# Tables that the binlog does not describe.

BARE = Raw(19, bytes.fromhex("a4 00 00 00 00 00 01 00 01 74 00 02 75 74 00 02 03 03 00 02"))


def test_a_schema_is_asked_for_and_decoding_goes_on_with_it() -> None:
    content = binlog(*transaction(BARE, Raw(30, inserted(1).body[:-4] + b"\xff" * 4)), *transaction(MAP, inserted(2)))
    reading = Reading()
    reading.decoder.open_file("f", content)
    (need,) = reading.decoder.feed(content[4:])
    assert isinstance(need, NeedSchema)
    assert (need.database, need.table, need.n_columns, need.types) == ("t", "ut", 2, b"\3\3")
    assert not reading.decoder.pending
    reading.decoder.provide([SchemaColumn("id", "int(11)", None, 1), SchemaColumn("v", "int(10) unsigned")])
    assert reading.decoder.pending
    reading.chunks([b""])
    assert reading.rows == [{"id": 1, "v": 4294967295}, {"id": 2, "v": 4}]
    assert reading.maps[0].primary_key == (0,)


def test_a_schema_of_another_version_is_refused() -> None:
    reading = Reading()
    content = binlog(*transaction(BARE, inserted(1)))
    reading.decoder.open_file("f", content)
    reading.decoder.feed(content[4:])
    with pytest.raises(DecodeError, match=r"f:\d+: expected 2 columns of t.ut as in its rows, got 1"):
        reading.decoder.provide([SchemaColumn("id", "int")])


def test_no_schema_is_asked_for_where_the_table_is_not_wanted() -> None:
    reading = Reading(wants=lambda database, table: False).file(binlog(*transaction(BARE, inserted(1))))
    assert reading.items == []


def test_the_captures_are_all_there() -> None:
    assert len(list(CAPTURES.glob("*.txt"))) == 5
    assert UUID.hex().startswith("37072cfd")


@pytest.mark.parametrize("bad", [Raw(99, b"unknown"), Raw(38, b"\0prepared")])
def test_what_lies_before_an_error_is_handed_out_first(bad: Raw) -> None:
    # The error names its place: who goes on behind it must have everything before it.
    good = [*transaction(MAP, inserted(1), number=1), *transaction(MAP, inserted(2, 3), number=2)]
    whole, reading = read(*good), Reading()
    with pytest.raises(DecodeError) as caught:
        reading.file(binlog(*good, gtid(3), query("BEGIN"), bad))
    assert reading.rows == whole.rows != []
    assert reading.decoder.boundary == whole.decoder.boundary
    with pytest.raises(DecodeError) as again:
        reading.decoder.feed(b"")
    assert again.value is caught.value
