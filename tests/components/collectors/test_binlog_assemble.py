"""Transactions become row events with Maxwell's fields."""

from __future__ import annotations

import json

from tests.binlog.build import Reading, captured, gtid, payload, query, read, transaction, xid
from tests.binlog.test_captures import TABLES, rows_only
from tests.binlog.test_walk import MAP, SERVER, inserted
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.components.collectors._binlog.options import OutputOptions
from wlf.events.codec import encode_json
from wlf.events.rows import Place, row_index


def lines(reading: Reading, **switches: bool) -> list[dict[str, object]]:
    return [json.loads(line) for line in encode_json(reading.events(**switches))]


def test_fields_come_in_maxwells_order() -> None:
    first, last = lines(read(*transaction(MAP, inserted(1, 2))))
    assert list(first) == ["database", "table", "type", "ts", "xid", "xoffset", "data"]
    assert list(last) == ["database", "table", "type", "ts", "xid", "commit", "data"]
    assert last["commit"] is True


def test_switches_add_their_fields() -> None:
    for count in (1, 2):
        reading = read(*transaction(MAP, inserted(*range(count))))
        change = reading.transactions[0].changes[0]
        for number, line in enumerate(lines(reading, position=True, gtid=True, server_id=True, primary_key=True)):
            assert line["position"] == f"binlog.000001:{change.end_position}"
            assert (line["gtid"], line["server_id"], line["primary_key"]) == (f"{SERVER}:1", 1, [number])


def test_updates_have_the_former_values_of_changed_columns() -> None:
    reading = read(*transaction(*rows_only(captured(TABLES, "multi table update"))))
    assert [line["old"] for line in lines(reading)] == [{"pid": 3}, {"v": 99}, {"v": 2}]
    assert [line["table"] for line in lines(reading)] == ["ch1", "ut", "ut"]


def test_every_row_knows_its_place() -> None:
    reading = read(*transaction(MAP, inserted(1, 2, 3), inserted(4)))
    events, changes = reading.events(), reading.transactions[0].changes
    places = [event.place for event in events]
    assert places[0] is places[2]
    where = "server", "binlog.000001"
    assert places[0] == Place(*where, changes[0].end_position, changes[0].ts, f"{SERVER}:1", 0, 3)
    assert places[3] == Place(*where, changes[1].end_position, changes[1].ts, f"{SERVER}:1", 3, 1)
    assert [row_index(event) for event in events] == [0, 1, 2, 0]


def test_the_short_way_gives_what_the_long_way_gives() -> None:
    single = read(*transaction(MAP, inserted(1)))
    (short,) = Assembler("s").events(single.transactions[0])
    (long,) = Assembler("s", OutputOptions(server_id=True)).events(single.transactions[0])
    assert encode_json([short]) == [line.replace(b'"server_id":1,', b"") for line in encode_json([long])]
    assert short.place == long.place
    (short,) = Assembler("s", origin=True).events(single.transactions[0])
    (long,) = Assembler("s", OutputOptions(server_id=True), origin=True).events(single.transactions[0])
    assert short.place == long.place
    assert short.place.origin is not None


def test_rows_that_end_at_one_place_are_counted_on_in_the_last_part() -> None:
    # All rows of a compressed payload end at its end; here the last part of it has one row alone.
    reading = read(gtid(1), payload(query("BEGIN"), MAP, inserted(1), inserted(2), xid()), batch_rows=1)
    assert [len(found.changes) for found in reading.transactions] == [1, 1]
    assert [row_index(event) for event in reading.events()] == [0, 1]
