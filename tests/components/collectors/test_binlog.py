"""The Binlog collector on recorded files."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from tests.components.collectors.reading import Reading, columns, plain
from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.collectors._binlog.place import PARTITION, Position
from wlf.components.collectors.binlog import BinlogCollector, BinlogConfig
from wlf.components.registry import Registry
from wlf.errors import DecodeError, InternalError, SetupError
from wlf.events import RowDelete, RowInsert, RowSnapshot, RowUpdate, SchemaChange
from wlf.events.codec import encode_json

DEMO = Path(__file__).parents[3] / "examples" / "quickstart" / "data"
FILES = [str(DEMO / "binlog.0*")]


def read(position: bytes | None = None, **options: Any) -> Reading:
    """Everything from a position to the end of the recorded files."""

    async def run() -> Reading:
        reading = Reading(**{"files": FILES, **options})
        async with reading if position is None else reading.at(position):
            await reading.to_end()
        return reading

    return asyncio.run(run())


def copy(folder: Path) -> Path:
    """A folder with copies of the recorded files, to be damaged."""
    shutil.copytree(DEMO, folder, dirs_exist_ok=True)
    return folder


def test_recorded_files_hold_what_was_recorded() -> None:
    kinds = Counter((event.database, event.table, event.type) for event in read().events)
    assert kinds == {
        ("d1", "t1", "insert"): 200,
        ("d1", "t1", "delete"): 40,
        ("d1", "t2", "insert"): 199,
        ("d1", "t2", "update"): 1,
        ("shop", "customers", "insert"): 40,
        ("shop", "customers", "update"): 10,
        ("shop", "customers", "delete"): 1,
        ("shop", "orders", "insert"): 500,
        ("shop", "orders", "update"): 167,
        ("shop", "orders", "delete"): 36,
    }


def test_added_column_is_there_from_its_alter_on() -> None:
    customers = [event for event in read().events if event.table == "customers"]
    assert "phone" not in columns(customers[0].data)
    assert columns(customers[-1].data)["phone"] == "+351 44440"


@pytest.mark.parametrize("options", [{}, {"hold_max_bytes": 1024}], ids=["held", "streamed"])
def test_reading_goes_on_at_every_stored_position(options: dict[str, int]) -> None:
    whole = read(**options)
    assert len(whole.boundaries) >= 3
    for count, position in whole.boundaries:
        rest = read(position, **options)
        assert plain(rest.events) == plain(whole.events[count:])
        assert [event.xid for event in rest.events] == [event.xid for event in whole.events[count:]]


def test_start_is_stored_before_anything_is_read() -> None:
    count, position = read().boundaries[0]
    assert (count, position) == (0, Position("binlog.000001", 4, schema=0).encode())


def test_last_position_is_the_end_of_the_last_file() -> None:
    reading = read()
    assert (reading.place.file, reading.place.offset) == ("binlog.000002", (DEMO / "binlog.000002").stat().st_size)
    assert read(reading.position).events == []
    assert reading.place.gtid is not None
    assert reading.place.gtid.endswith(":1-272")


def test_start_may_be_a_file_and_position() -> None:
    whole = read()
    second = [event for event in whole.events if event.place.file == "binlog.000002"]
    reading = read(start={"file": "binlog.000002"})
    assert plain(reading.events) == plain(second)


def test_position_moves_when_every_table_is_unwanted() -> None:
    reading = read(tables={"exclude": ["*.*"]})
    assert reading.events == []
    assert reading.place.offset == (DEMO / "binlog.000002").stat().st_size
    assert reading.counted("wlf_dropped_events_total", "filtered") > 200


def test_push_down_asks_once_a_table_version() -> None:
    asked: Counter[tuple[str, str]] = Counter()

    def wants(database: str, table: str) -> bool:
        asked[database, table] += 1
        return table == "t1"

    reading = read(wants=wants)
    assert {event.table for event in reading.events} == {"t1"}
    assert asked["shop", "orders"] <= 2


def test_events_of_one_table_share_one_row_class_over_both_files() -> None:
    rows = [event.data for event in read().events if event.table == "orders"]
    assert len({type(row) for row in rows}) == 1


def test_transactions_longer_than_may_be_held_are_streamed_whole() -> None:
    held, streamed = read(), read(hold_max_bytes=0)
    assert plain(streamed.events) == plain(held.events)
    assert [e.xid for e in streamed.events if e.commit is True] == [e.xid for e in held.events if e.commit is True]


def test_key_with_a_column_left_out_is_no_key() -> None:
    options = {"columns": {"exclude": ["shop.orders.id"]}, "output": {"primary_key": True}}
    reading = read(**options)
    keys = {event.table: event.primary_key for event in reading.events}
    assert keys["orders"] is UNSET
    assert keys["customers"] == (40,)
    assert len(encode_json(reading.events)) == len(reading.events)


def test_lag_of_files_is_the_bytes_left() -> None:
    async def run() -> None:
        async with Reading(files=FILES) as reading:
            sizes = [path.stat().st_size for path in sorted(DEMO.glob("binlog.0*"))]
            assert reading.collector.lag() == {"bytes": sum(sizes) - 4}
            await reading.to_end()
            assert reading.collector.lag()["bytes"] == 0

    asyncio.run(run())


@pytest.mark.parametrize("kept", [1, 3, 10, 100, 50_000, 95_633])
def test_file_that_is_cut_off_is_an_error_with_its_place(tmp_path: Path, kept: int) -> None:
    folder = copy(tmp_path)
    whole = (folder / "binlog.000001").read_bytes()
    (folder / "binlog.000001").write_bytes(whole[:kept])
    with pytest.raises(DecodeError, match=r"^binlog\.000001"):
        read(files=[f"{folder}/binlog.0*"])


def test_flipped_bit_is_found_by_the_checksum(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    whole = bytearray((folder / "binlog.000001").read_bytes())
    whole[60_000] ^= 0x10
    (folder / "binlog.000001").write_bytes(whole)
    with pytest.raises(DecodeError, match=r"^binlog\.000001:\d+: .*checksum"):
        read(files=[f"{folder}/binlog.0*"])


def test_something_else_than_a_binlog_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "binlog.000001").write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(DecodeError, match=r"binlog\.000001:0: expected a binlog file"):
        read(files=[f"{tmp_path}/binlog.0*"])


def test_events_before_the_damage_come_first(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    whole = (folder / "binlog.000002").read_bytes()
    (folder / "binlog.000002").write_bytes(whole[:-7])
    first = [event for event in read().events if event.place.file == "binlog.000001"]

    async def run() -> list[Any]:
        async with Reading(files=[f"{folder}/binlog.0*"]) as reading:
            with pytest.raises(DecodeError):
                await reading.to_end()
            return reading.events

    assert plain(asyncio.run(run()))[: len(first)] == plain(first)


def test_files_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no file matches"):
        read(files=[f"{tmp_path}/binlog.0*"])


def test_event_kinds_follow_the_source_and_the_ddl_option() -> None:
    rows = {RowInsert, RowUpdate, RowDelete}
    assert BinlogCollector.emits(configured(BinlogConfig, destination="d", files=["b.*"])) == rows
    rows |= {RowSnapshot}
    assert BinlogCollector.emits(configured(BinlogConfig, destination="d")) == rows
    assert BinlogCollector.emits(configured(BinlogConfig, destination="d", ddl=True)) == rows | {SchemaChange}


def test_collector_is_found_by_both_names() -> None:
    assert Registry().resolve("collector", "Binlog") is BinlogCollector
    assert Registry().resolve("collector", "BinlogCollector") is BinlogCollector


def test_positions_can_be_typed_and_read() -> None:
    collector = BinlogCollector(configured(BinlogConfig, destination="d"), make_context())
    (position,) = collector.parse_position("binlog.000042:1337").values()
    assert collector.describe_position(position) == "binlog.000042:1337"
    assert list(collector.parse_position("binlog.000042:1337")) == [PARTITION]


def test_closing_twice_and_without_opening_is_fine() -> None:
    async def run() -> None:
        collector = BinlogCollector(configured(BinlogConfig, destination="d", files=FILES), make_context())
        await collector.close()
        await collector.open({})
        await collector.close()
        await collector.close()
        assert collector.lag() == {}
        with pytest.raises(InternalError, match="before open"):
            await collector.collect()

    asyncio.run(run())


def test_mysql_replication_decodes_the_same_rows() -> None:
    ours, theirs = read(), read(decoder="mysql-replication")
    assert len(theirs.events) == len(ours.events)
    for our, their in zip(ours.events, theirs.events, strict=True):
        ours_data, theirs_data = columns(our.data), columns(their.data)
        if ours_data.get("tags") == ():
            ours_data["tags"] = None  # what the library has for an empty SET
        assert theirs_data == ours_data


def test_files_are_read_without_the_mysql_client_library() -> None:
    program = (
        "import sys; sys.modules['pymysql'] = None\n"
        "from tests.components.collectors.test_binlog import read, FILES\n"
        "assert len(read().events) == 1194\n"
        "from wlf.errors import SetupError\n"
        "try: read(files=[], host='127.0.0.1', port=1)\n"
        "except SetupError as error: print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=DEMO.parents[2])
    assert 'hint: pip install "wlf[mysql]"' in ran.stdout, ran.stderr
