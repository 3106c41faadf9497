"""Table maps: unwanted tables of any kind, table ids without end, and what optional metadata tells."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.binlog.build import Raw, Reading, binlog, captured, read, transaction
from tests.binlog.test_walk import MAP, inserted
from wlf.binlog.charset import Undecodable
from wlf.binlog.codecs import JSON_NULL, codec_for
from wlf.binlog.json import decode_json
from wlf.binlog.tablemap import JSON, Column, parse_table_map, skips_year
from wlf.components.collectors._binlog.column_type import column_type
from wlf.errors import DecodeError

UNKNOWN = Raw(19, MAP.body[:6] + MAP.body[6:].replace(b"\2\3\3", b"\2\3\x99"))


def test_a_type_that_nobody_knows_does_not_matter_in_a_table_that_nobody_wants() -> None:
    events = transaction(UNKNOWN, inserted(1))
    with pytest.raises(DecodeError, match="expected a known column type, got 153 for column 2"):
        read(*events)
    reading = read(*events, wants=lambda database, table: False)
    assert (reading.rows, reading.decoder.counts.filtered_events) == ([], 1)


def test_table_ids_without_end_stay_in_bounded_memory() -> None:
    """Each TRUNCATE gives a table a new id."""
    content = binlog()
    reading = Reading()
    reading.decoder.open_file("f", content)
    reading.chunks([content[4:]])
    parts = []
    for number in range(60_000):
        table_id = number.to_bytes(6, "little")
        events = transaction(
            Raw(19, table_id + MAP.body[6:]), Raw(30, table_id + inserted(1).body[6:]), number=number + 1
        )
        parts.append(binlog(*events)[len(content) :])
    tracemalloc.start()
    rows = 0
    for start in range(0, len(parts), 500):
        reading.chunks([b"".join(parts[start : start + 500])])
        rows += len(reading.rows)
        reading.items.clear()
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 60_000
    assert left < 1_500_000
    assert len(reading.maps) == 1


def test_the_kind_of_a_geometry_is_told_by_its_metadata() -> None:
    table_map = captured("mysql97_types", "strings")[0]
    columns = parse_table_map(table_map.body[6:], mariadb=False).columns
    kinds = {column.name: column_type(column).type for column in columns}
    assert kinds["g"] == "point"


def test_a_json_column_without_any_byte_is_json_null() -> None:
    """Servers store that where a NOT NULL column was added to a table with rows."""
    assert decode_json(b"") is None
    assert codec_for(Column(JSON, 4, False), Undecodable()).const(b"") is JSON_NULL


HEAD = b"\1\0\1d\0\1t\0"


@pytest.mark.parametrize(
    ("rest", "signs", "unsure"),
    [  # as MySQL 8.0.15 writes them
        ("03 0d 03 03 00 07 01 01 80 04 06 01 79 01 61 01 62", [None, True, False], [True, None, False]),
        (
            "04 03 0d 03 03 00 0f 01 01 c0 04 08 01 61 01 79 01 62 01 63",
            [True, None, True, False],
            [True, True, None, False],
        ),
        ("02 0d 03 00 03 01 01 00 04 04 01 79 01 61", [None, False], [False, False]),
    ],
)
def test_old_servers_leave_year_out_of_the_signs(rest: str, signs: list[bool], unsure: list[bool | None]) -> None:
    raw = HEAD + bytes.fromhex(rest)
    known = parse_table_map(raw, mariadb=False, without_year=True).columns
    assert [column.unsigned for column in known] == signs
    doubtful = parse_table_map(raw, mariadb=False, without_year=None)
    assert [column.unsigned for column in doubtful.columns] == unsure
    assert doubtful.complete == (None not in unsure[1:])


def test_which_servers_count_year() -> None:
    versions = ("8.0.15", "8.0.20-debug", "8.0.29", "9.7.4", "5.7.22-log")
    assert [skips_year(version, mariadb=False) for version in versions] == [True, None, False, False, False]
    assert skips_year("10.5.23-MariaDB", mariadb=True) is False
