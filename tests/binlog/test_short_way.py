"""Transactions of the usual shape, taken in at one look: nothing may tell it from the walk, event by event."""

from __future__ import annotations

import random
from typing import Any, Literal

import pytest

from tests.binlog.build import Raw, Reading, binlog, gtid, query, stream, transaction
from tests.binlog.test_walk import MAP, inserted
from wlf.binlog import Decoder
from wlf.errors import DecodeError

Mode = Literal["file", "stream"]


def usual(count: int) -> list[Raw]:
    """Transactions of one row, one of two in their midst, and one whose BEGIN has another database."""
    events: list[Raw] = []
    for number in range(1, count + 1):
        events += transaction(MAP, inserted(number), number=number, xid_number=1000 + number)
    events += transaction(MAP, inserted(1), inserted(2), number=count + 1)
    other = transaction(MAP, inserted(3), number=count + 2)
    other[1] = query("BEGIN", "another")
    events += other + other[2:] + transaction(MAP, inserted(4, 5), number=count + 3)
    return [*events, gtid(count + 4), query("CREATE TABLE x (a INT)"), *transaction(MAP, inserted(6), number=count + 5)]


class Outcome:
    """All that one can see of a reading; `walk`: the short way is closed."""

    def __init__(self, content: bytes, mode: Mode, cuts: list[int], *, walk: bool, **options: Any) -> None:
        reading = Reading(mode=mode, **options)
        short = reading.decoder._short
        self.taken = 0
        way = type(short).read

        def read(*arguments: Any, **named: Any) -> int:
            end = 0 if walk else way(short, *arguments, **named)
            self.taken += end > 0
            return end

        reading.decoder._short = _Way(short, read)  # type: ignore[assignment]
        self.error = ""
        try:
            if mode == "file":
                reading.file(content, cuts)
            else:
                reading.chunks(content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True))
        except DecodeError as error:
            self.error = str(error)
        decoder: Decoder = reading.decoder
        counts = {**vars(decoder.counts), "undecodable": decoder.counts.undecodable.values}
        self.seen = reading.items, decoder.position, decoder.boundary, str(decoder.gtids), counts


class _Way:
    def __init__(self, short: Any, read: Any) -> None:
        self.read, self.learn, self.forget = read, short.learn, short.forget


@pytest.mark.parametrize("details", [False, True])
@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("mode", ["file", "stream"])
def test_it_gives_what_the_walk_gives_however_the_bytes_are_cut(mode: Mode, checksum: bool, details: bool) -> None:
    content = binlog(*usual(30), checksum=checksum)
    content = stream(content) if mode == "stream" else content
    draw = random.Random(5)
    for count in (0, 1, 7, 40):
        cuts = sorted(draw.sample(range(200, len(content)), count))
        walked = Outcome(content, mode, cuts, walk=True, details=details)
        short = Outcome(content, mode, cuts, walk=False, details=details)
        assert short.seen == walked.seen
        assert not short.error
        assert short.taken >= max(28 - 2 * count, 1)  # a cut costs two at most


@pytest.mark.parametrize("mode", ["file", "stream"])
@pytest.mark.parametrize("checksum", [False, True])
def test_damage_is_told_as_the_walk_tells_it(mode: Mode, checksum: bool) -> None:
    content = binlog(*usual(4), checksum=checksum)
    content = stream(content) if mode == "stream" else content
    begin = content.index(MAP.body, content.index(MAP.body) + 1) - 150
    for at in range(begin, begin + 400):
        damaged = bytearray(content)
        damaged[at] ^= 1 << at % 8
        walked = Outcome(bytes(damaged), mode, [], walk=True, verify_checksum=checksum)
        short = Outcome(bytes(damaged), mode, [], walk=False, verify_checksum=checksum)
        assert (short.error, short.seen) == (walked.error, walked.seen), at


def test_rows_that_are_not_wanted_stay_with_the_walk() -> None:
    reading = Reading(wanted=False).file(binlog(*usual(5)))
    assert reading.decoder.counts.filtered_events == 5 + 2 + 1 + 1 + 1 + 1
    assert not reading.rows


def test_a_call_returns_no_more_than_its_measure() -> None:
    reading = Reading(batch_rows=10).file(binlog(*usual(100)))
    assert reading.largest == 10
    assert [row["id"] for row in reading.rows][:100] == list(range(1, 101))
