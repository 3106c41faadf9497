"""Compressed transactions of MySQL: the events inside are the transaction's, at the place of the event around them."""

from __future__ import annotations

import builtins
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.binlog.build import (
    Raw,
    Reading,
    as_dict,
    binlog,
    captured,
    encode,
    gtid,
    lenenc,
    payload,
    query,
    read,
    stream,
    transaction,
    xid,
)
from tests.binlog.test_captures import JSON
from tests.binlog.test_damage import attempt
from tests.binlog.test_walk import MAP, inserted
from wlf.binlog import NeedSchema, SchemaColumn, Transaction
from wlf.errors import DecodeError, SetupError
from wlf.events.rows import row_index

TEXT_MAP = Raw(19, bytes.fromhex("b0 00 00 00 00 00 01 00 01 74 00 01 62 00 01 fc 01 04 01 02 01 3f 04 02 01 62"))
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def blob(value: bytes) -> Raw:
    """A rows event of one LONGBLOB-like value."""
    return Raw(30, bytes.fromhex("b0 00 00 00 00 00 01 00 02 00 01 ff 00") + len(value).to_bytes(4, "little") + value)


def packed(*rows: Raw, number: int = 1, **options: Any) -> list[Raw]:
    """A transaction in one payload."""
    return [gtid(number), payload(query("BEGIN"), *rows, xid(), **options)]


def plain_and_packed(*rows: Raw, **options: Any) -> tuple[Reading, Reading]:
    return read(*transaction(*rows)), read(*packed(*rows, **options))


def ids(reading: Reading) -> list[int]:
    return [row["id"] for row in reading.rows]


@pytest.mark.parametrize("options", [{}, {"algorithm": 255}, {"frames": 3}, {"plain_size": 0}, {"plain_size": 5}])
def test_the_same_rows_come_as_without_compression(options: dict[str, Any]) -> None:
    plain, small = plain_and_packed(MAP, inserted(1, 2), inserted(3), **options)
    assert small.rows == plain.rows
    (one,), (other,) = plain.transactions, small.transactions
    assert one._replace(end_position=0, changes=[]) == other._replace(end_position=0, changes=[])


def test_captured_payloads_of_a_real_server() -> None:
    reading = read(*captured(JSON, "payload"))
    first, second = reading.transactions
    assert [len(change.rows) for change in first.changes] == [1]
    assert sum(len(change.rows) for change in second.changes) == 300
    assert first.gtid == "37072cfd-e75a-11f1-b6db-02fc00000001:195"
    assert first.xid is not None


def test_rows_end_where_their_payload_ends_and_are_told_apart_by_number() -> None:
    reading = read(*packed(MAP, inserted(1, 2), inserted(3), inserted(4)))
    events = reading.events()
    (found,) = reading.transactions
    assert {event.place.offset for event in events} == {found.end_position} == {reading.decoder.boundary.position}
    assert [row_index(event) for event in events] == [0, 1, 2, 3]


def test_a_transaction_of_several_payloads() -> None:
    inner = payload(query("BEGIN"), MAP, inserted(1)), payload(MAP, inserted(2), inserted(3)), payload(xid(9))
    (found,) = read(gtid(1), *inner).transactions
    assert (found.xid, len(found.changes)) == (9, 3)
    assert [change.rows_before for change in found.changes] == [0, 0, 1]


def test_plain_and_packed_transactions_in_turn_however_they_are_cut() -> None:
    events: list[Raw] = []
    for number in range(1, 9):
        make = packed if number % 2 else transaction
        events += make(MAP, *(inserted(number * 10 + at) for at in range(3)), number=number)
    for checksum in (False, True):
        content = binlog(*events, checksum=checksum)
        whole = Reading().file(content)
        assert len(whole.transactions) == 8
        draw = random.Random(3)
        for cuts in (range(len(content)), draw.sample(range(len(content)), 40)):
            again = Reading().file(content, list(cuts))
            assert again.items == whole.items
        sent = stream(content)
        reading = Reading(mode="stream", declared_checksum=checksum).chunks(
            [sent[at : at + 1] for at in range(len(sent))]
        )
        assert reading.items[1:] == whole.items
        assert str(reading.decoder.gtids) == str(whole.decoder.gtids)


def test_a_schema_is_asked_for_inside_a_payload() -> None:
    bare = Raw(19, bytes.fromhex("a4 00 00 00 00 00 01 00 01 74 00 02 75 74 00 02 03 03 00 02"))
    reading = Reading()
    content = binlog(*packed(bare, inserted(1), inserted(2)), *transaction(MAP, inserted(3), number=2))
    reading.decoder.open_file("f", content)
    (need,) = reading.decoder.feed(content[4:])
    assert isinstance(need, NeedSchema)
    assert not reading.decoder.pending
    reading.decoder.provide([SchemaColumn("id", "int"), SchemaColumn("v", "int")])
    items = [item for item in reading.decoder.feed(b"") if isinstance(item, Transaction)]
    rows = [as_dict(row) for item in items for change in item.changes for row in change.rows]
    assert [row["id"] for row in rows] == [1, 2, 3]


def test_a_large_payload_comes_in_parts_and_takes_little_memory() -> None:
    value = b"x" * 100_000
    events = [gtid(1), payload(query("BEGIN"), TEXT_MAP, *(blob(value) for _ in range(600)), xid())]
    content = binlog(*events)
    assert len(content) < 200_000
    reading = Reading(hold_max_bytes=1 << 20)
    reading.decoder.open_file("f", content)
    tracemalloc.start()
    items, rows = reading.decoder.feed(content[4:]), 0
    while True:
        rows += sum(len(change.rows) for item in items if isinstance(item, Transaction) for change in item.changes)
        if not reading.decoder.pending:
            break
        items = reading.decoder.feed(b"")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 600
    assert peak < 20 << 20  # of 60 MB
    assert reading.decoder.boundary.position == len(content)


def test_a_payload_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    events = packed(TEXT_MAP, *(blob(b"x" * 90_000) for _ in range(20)), plain_size=5)
    monkeypatch.setattr("wlf.binlog.payload._MAX_PLAIN_BYTES", 1 << 20)
    with pytest.raises(DecodeError, match="expected a payload of at most 1048576 bytes in plain, got more"):
        read(*events)
    said = packed(TEXT_MAP, *(blob(b"x" * 90_000) for _ in range(20)))
    assert len(read(*said).rows) == 20


def test_an_event_larger_than_a_piece() -> None:
    value = random.Random(2).randbytes(3 << 20)
    assert read(*packed(TEXT_MAP, blob(value), blob(b"end"))).rows == [{"b": value}, {"b": b"end"}]


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ([query("BEGIN"), gtid(2)], "expected the events of a transaction in a payload, got type 33"),
        ([query("BEGIN"), Raw(15, b"x" * 90)], "got type 15"),
        ([query("BEGIN"), inserted(1)], "expected a TABLE_MAP event for table id 164"),
    ],
)
def test_what_cannot_stand_in_a_payload_is_damage_at_its_place(inner: list[Raw], said: str) -> None:
    content = binlog(gtid(1), payload(*inner))
    start = len(content) - 19 - len(payload(*inner).body)
    with pytest.raises(DecodeError, match=said) as caught:
        Reading().file(content)
    assert (caught.value.file, caught.value.position) == ("binlog.000001", start)


def test_an_unknown_algorithm_is_named() -> None:
    with pytest.raises(DecodeError, match="expected a payload compressed with zstd, got algorithm 3"):
        read(gtid(1), payload(query("BEGIN"), algorithm=3))


def test_a_payload_that_ends_inside_an_event_is_damage() -> None:
    plain = b"".join(encode(raw, 0, checksum=False, on_disk=False) for raw in (query("BEGIN"), MAP))[:-4]
    fields = bytes([2, 3]) + lenenc(255) + bytes([1, len(lenenc(len(plain)))]) + lenenc(len(plain)) + b"\0"
    with pytest.raises(DecodeError, match=r"expected \d+ bytes of an event in a payload, got \d+"):
        read(gtid(1), Raw(40, fields + plain))


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name == "zstandard":
            raise ImportError(name)
        return real(name, *rest, **options)

    content = binlog(*packed(MAP, inserted(1)))
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SetupError, match="zstandard") as caught:
        Reading().file(content)
    assert caught.value.hint == 'pip install "wlf[zstd]"'


CONTENT = binlog(
    *packed(MAP, *(inserted(n, n + 1) for n in range(40))), *packed(MAP, inserted(7), algorithm=255, number=2)
)


@quick
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_ends_in_decode_errors_with_a_place(changes: list[tuple[int, int]]) -> None:
    content = bytearray(CONTENT)
    for at, value in changes:
        content[127 + at % (len(content) - 127)] = value
    attempt(bytes(content), "file")


def test_two_decoders_do_not_share_a_decompressor() -> None:
    rows = [blob(random.Random(n).randbytes(1000) * 500) for n in range(4)]
    content = binlog(*packed(TEXT_MAP, *rows))
    readings = [Reading(batch_rows=1), Reading(batch_rows=1)]
    for reading in readings:
        reading.decoder.open_file("f", content)
        reading.keep(reading.decoder.feed(content[4:]))
    while any(reading.decoder.pending for reading in readings):
        for reading in readings:
            if reading.decoder.pending:
                reading.keep(reading.decoder.feed(b""))
    assert readings[0].rows == readings[1].rows
    assert len(readings[0].rows) == 4
