"""What a stream has around and between its events: semi-synchronous headers, positions past 4 GiB, odd events."""

from __future__ import annotations

import itertools
import random

import pytest

from tests.binlog.build import (
    Raw,
    Reading,
    binlog,
    encode,
    gtid,
    mariadb_gtid,
    packets,
    query,
    stream,
    transaction,
    xid,
)
from tests.binlog.test_walk import MAP, inserted
from wlf.binlog import UnsupportedEvent
from wlf.errors import DecodeError

BLOB_MAP = Raw(19, bytes.fromhex("b0 00 00 00 00 00 01 00 01 74 00 01 62 00 01 fc 01 04 01 02 01 3f 04 02 01 62"))


def blob(value: bytes) -> Raw:
    return Raw(30, bytes.fromhex("b0 00 00 00 00 00 01 00 02 00 01 ff 00") + len(value).to_bytes(4, "little") + value)


def semi_sync(content: bytes, asks: set[int], *, first: bool = True) -> bytes:
    """The stream of a file with the header in front of each event; `asks`: the kinds that want an answer."""
    rotate = encode(Raw(4, (4).to_bytes(8, "little") + b"binlog.000001", 0x20, 0), 0, checksum=False, on_disk=False)
    out, at = bytearray(packets(b"\xef\0" + rotate)), 4
    while at < len(content):
        size = int.from_bytes(content[at + 9 : at + 13], "little")
        out += packets(b"\xef" + bytes([content[at + 4] in asks]) + content[at : at + size])
        at += size
    return bytes(out)


def test_the_semi_synchronous_header_is_stripped_and_what_is_to_be_answered_is_told() -> None:
    content = binlog(*transaction(MAP, inserted(1)), *transaction(MAP, inserted(2), number=2), gtid(3), query("BEGIN"))
    whole = Reading().file(content)
    sent = semi_sync(content, {16})
    draw = random.Random(1)
    for cuts in ([], range(1, len(sent)), sorted(draw.sample(range(1, len(sent)), 30))):
        edges = [0, *cuts, len(sent)]
        reading = Reading(mode="stream", semi_sync=True)
        reading.chunks([sent[a:b] for a, b in itertools.pairwise(edges)])
        assert reading.items[1:] == whole.items
        assert reading.decoder.wants_ack == ("binlog.000001", whole.transactions[1].end_position)


def test_nothing_is_to_be_answered_before_the_server_asks() -> None:
    content = binlog(*transaction(MAP, inserted(1)))
    assert Reading(mode="stream", semi_sync=True).chunks([semi_sync(content, set())]).decoder.wants_ack is None


def test_a_server_without_the_plugin_is_noticed_by_its_first_packet() -> None:
    content = binlog(*transaction(MAP, inserted(1)))
    sent = stream(content)
    for chunks in ([sent], [sent[at : at + 1] for at in range(len(sent))]):
        reading = Reading(mode="stream", semi_sync=True).chunks(chunks)
        assert [row["id"] for row in reading.rows] == [1]
        assert reading.decoder.wants_ack is None


def test_a_lost_semi_synchronous_header_is_damage() -> None:
    content = binlog(*transaction(MAP, inserted(1)))
    sent = semi_sync(content, set())
    first = 4 + int.from_bytes(sent[:3], "little")
    damaged = sent[: first + 5] + b"\0" + sent[first + 6 :]
    with pytest.raises(DecodeError, match="expected the semi-synchronous header before an event, got byte 0x00"):
        Reading(mode="stream", semi_sync=True).chunks([damaged])


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("excess", [-1, 0, 1, 70_000])
def test_events_around_the_size_of_a_whole_packet(header: bool, excess: int) -> None:
    # The packet is OK byte, header and event: of exactly 0xFFFFFF bytes it is followed by an empty one.
    lead = 3 if header else 1
    value = bytes(0xFFFFFF - lead - 19 - 13 - 4 + excess)
    event = blob(value)
    assert lead + 19 + len(event.body) == 0xFFFFFF + excess
    content = binlog(*transaction(BLOB_MAP, event), *transaction(MAP, inserted(5), number=2))
    sent = semi_sync(content, {16}) if header else stream(content)
    for step in (len(sent), 1 << 20):
        reading = Reading(mode="stream", semi_sync=header)
        reading.chunks([sent[at : at + step] for at in range(0, len(sent), step)])
        assert reading.rows == [{"b": value}, {"id": 5, "v": 10}]
        assert reading.decoder.boundary.position == len(content)


def test_positions_go_on_past_4_gib() -> None:
    start = (1 << 32) - 300
    events = [
        event
        for number in range(1, 9)
        for event in transaction(MAP, inserted(number), number=number)
    ]  # fmt: skip
    sent, at = bytearray(), start
    rotate = Raw(4, start.to_bytes(8, "little") + b"binlog.000001", 0x20, 0)
    sent += packets(encode(rotate, 0, checksum=False, on_disk=False))
    head = binlog()[4:]
    sent += packets(head[:13] + bytes(4) + head[17:])
    for raw in events:
        event = encode(raw, at, checksum=False)
        sent += packets(event)
        at += len(event)
    for semi in (False, True):
        reading = Reading(mode="stream", semi_sync=semi).chunks([bytes(sent)])
        ends = [found.end_position for found in reading.transactions]
        assert reading.decoder.boundary.position == ends[-1] == at > 1 << 32
        assert ends == sorted(ends)
        assert len(set(ends)) == 8


def test_the_place_to_answer_is_right_past_4_gib() -> None:
    start = (1 << 32) - 100
    rotate = Raw(4, start.to_bytes(8, "little") + b"binlog.000001", 0x20, 0)
    sent, at = packets(b"\xef\0" + encode(rotate, 0, checksum=False, on_disk=False)), start
    head = binlog()[4:]
    sent += packets(b"\xef\0" + head[:13] + bytes(4) + head[17:])
    for raw in transaction(MAP, inserted(1)):
        event = encode(raw, at, checksum=False)
        sent += packets(b"\xef" + bytes([raw.kind == 16]) + event)
        at += len(event)
    reading = Reading(mode="stream", semi_sync=True).chunks([sent])
    assert reading.decoder.wants_ack == ("binlog.000001", at)


def test_events_inside_a_transaction_may_lack_their_position() -> None:
    # MariaDB 11.4 and later write 0 there for all that goes through a transaction's cache.
    content = bytearray(binlog(mariadb_gtid(1), MAP, inserted(1), xid(), mariadb=True))
    at = 4
    while at < len(content):
        if content[at + 4] in (19, 30):
            content[at + 13 : at + 17] = bytes(4)
        at += int.from_bytes(content[at + 9 : at + 13], "little")
    for reading in (Reading().file(bytes(content)), Reading(mode="stream").chunks([stream(bytes(content))])):
        (found,) = reading.transactions
        assert found.end_position == reading.decoder.boundary.position == len(content)


ENCRYPTION = Raw(164, b"\1\1\0\0\0" + bytes(12))


def test_an_encrypted_file_is_refused_by_name_and_the_stream_goes_on() -> None:
    content = binlog(ENCRYPTION, mariadb_gtid(1), MAP, inserted(1), xid(), mariadb=True)
    with pytest.raises(
        UnsupportedEvent, match=r"START_ENCRYPTION.*encrypt_binlog=ON.*read it from the server"
    ) as caught:
        Reading().file(content)
    assert caught.value.position == len(binlog(mariadb=True))
    for sent in (stream(content), stream(content, without={164})):
        reading = Reading(mode="stream").chunks([sent])
        assert [row["id"] for row in reading.rows] == [1]
        assert reading.decoder.boundary.position == len(content)


def test_unknown_events_are_skipped_only_where_they_may_be() -> None:
    reading = Reading().file(binlog(Raw(99, b"new", 0x80), *transaction(MAP, Raw(98, b"", 0x80), inserted(1))))
    assert [row["id"] for row in reading.rows] == [1]
    assert reading.decoder.counts.skipped_events == 2
    content = binlog(*transaction(MAP, inserted(1)), Raw(99, b"new"))
    with pytest.raises(DecodeError, match="expected an event type that is known or may be ignored, got 99") as caught:
        Reading().file(content)
    assert (caught.value.file, caught.value.position) == ("binlog.000001", len(content) - 19 - 3)


def test_a_server_that_stopped_and_began_anew_takes_no_table_ids_along() -> None:
    started = Raw(15, b"\4\0" + b"9.7.4".ljust(50, b"\0") + b"\1\0\0\0\x13" + bytes(18) + b"\x08" + bytes(23) + b"\0")
    content = binlog(*transaction(MAP, inserted(1)), Raw(3, b""), started, gtid(2), query("BEGIN"), inserted(2), xid())
    with pytest.raises(DecodeError, match="expected a TABLE_MAP event for table id 164"):
        Reading().file(content)
