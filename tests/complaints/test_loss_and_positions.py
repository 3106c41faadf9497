"""What users of other tools lost, or got twice: rows, positions, whole snapshots."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from tests.complaints.pipelines import binlog, stored, stored_place, to_files, to_one_file, written
from tests.components.collectors.reading import Reading, columns, plain
from tests.integration.wlf_run import WlfRun
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.proxy import Proxy
from tests.servers.redis import Redis
from tests.servers.sql import SqlServer
from wlf.components.base import Outgoing, Partial
from wlf.components.collectors._binlog.place import decode_position
from wlf.components.collectors.binlog import BinlogCollector, BinlogConfig
from wlf.components.config import BatchConfig
from wlf.testing import Crashed, MemoryStore, Record, RecordingConfig, RecordingDispatcher, run_graph

pytestmark = pytest.mark.servers

KINDS = ("mysql", "mariadb")
TABLE = "CREATE TABLE {}.t (id INT PRIMARY KEY, v VARCHAR(200))"


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> SqlServer:
    """A server that other tests use too."""
    found: SqlServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest) -> SqlServer:
    """A server of this test alone, with names in its binlog and a table d.t."""
    found: SqlServer = request.getfixturevalue(f"make_{request.param}")(options={"binlog-row-metadata": "FULL"})
    found.execute("CREATE DATABASE d", TABLE.format("d"))
    return found


def ids(events: list[Any]) -> list[int]:
    return [columns(event.data)["id"] for event in events]


def read(server: SqlServer, position: bytes | None = None, **options: Any) -> Reading:
    async def run() -> Reading:
        reading = Reading.of(server, **options)
        async with reading if position is None else reading.at(position):
            # At the end nothing is told until something happens.
            if position is None or not decode_position(position).is_behind(*server.query("SHOW BINARY LOGS")[-1][:2]):
                await reading.to_end_of(server)
        return reading

    return asyncio.run(run())


def test_connections_that_die_in_the_middle_of_a_snapshot_lose_no_row(
    mysql: MySQL, redis_server: Redis, tmp_path: Path
) -> None:
    """Maxwell 1161, 1480: a dead connection to Redis while tables are bootstrapped."""
    values = ",".join(f"({n}, 'text {n}')" for n in range(20_000))
    mysql.execute("DROP DATABASE IF EXISTS dying", "CREATE DATABASE dying", TABLE.format("dying"))
    mysql.execute(f"INSERT INTO dying.t VALUES {values}")

    def cut(number: int) -> int | None:
        """Somewhere among the answers to what is pushed."""
        return 60 + 17 * number if number < 8 else None

    with Proxy(redis_server.port, cut) as proxy:
        sink = {"id": "redis", "type": "Redis", "port": proxy.port, "mode": {"type": "RPush", "key": "dying"}}
        sink |= {"batch": {"max_events": 200}, "retry": {"initial_delay_ms": 1, "max_delay_ms": 10}}
        source = binlog(mysql, "redis", tables={"include": ["dying.*"]}, snapshot="initial")
        with WlfRun(tmp_path, {"collectors": [source], "dispatchers": [sink]}) as run, redis_server.connect() as client:
            last = b'"id":19999,'
            run.wait_for(lambda: any(last in row for row in client.lrange("dying", -1, -1)), "copy all")
            assert run.terminate() == 0
            found = [json.loads(row)["data"]["id"] for row in client.lrange("dying", 0, -1)]
        assert proxy.cuts >= 4
    assert list(dict.fromkeys(found)) == list(range(20_000))


class SlowDispatcher(RecordingDispatcher):
    """Takes long enough for what it delivered before to be stored."""

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        await asyncio.sleep(0.1)
        return await super().dispatch(batch)


def test_a_crash_after_any_row_of_a_transaction_resumes_at_its_first_row(own: SqlServer) -> None:
    """Debezium DBZ-588, DBZ-572, DBZ-1033, DBZ-144: a restart in the middle skipped or repeated the wrong rows."""
    ten_rows = (
        "(0, 'a'), (1, 'b'), (2, 'c'), (3, 'd')",
        "(4, 'e')",
        "(5, 'f'), (6, 'g'), (7, 'h')",
        "(8, 'i'), (9, 'j')",
    )
    paths = []
    # In a file each, so that each has a position: what is read at once has but the last one's.
    for values in (("(100, 'before')",), ten_rows, ("(101, 'after')",)):
        own.execute("USE d", "BEGIN", *(f"INSERT INTO t VALUES {each}" for each in values), "COMMIT")
        paths.append(str(own.flush_logs()))
    expected = [100, *range(10), 101]
    logging.getLogger("wlf").setLevel(logging.CRITICAL)
    for hold_max_bytes in (16_777_216, 0):
        for k in range(len(expected)):
            record, store = Record([None] * k + [Crashed()]), MemoryStore()
            source = BinlogConfig(id="s", destination="sink", files=paths, hold_max_bytes=hold_max_bytes)
            # A batch is one row, and each is stored before the next: as much is stored as ever may be.
            target = RecordingConfig(id="sink", record=record, batch=BatchConfig(max_events=1, max_delay_ms=0))
            for life in (1, 2):
                nodes = (BinlogCollector, source), (SlowDispatcher, target)
                if life == 1:
                    with pytest.raises(Crashed):
                        run_graph(*nodes, store=store, checkpoint_interval_ms=1)
                else:
                    assert run_graph(*nodes, store=store, checkpoint_interval_ms=1).exit_code == 0
            found = ids(record.events)
            first, second = found[:k], found[k:]
            assert first == expected[:k]
            # It resumes where a transaction begins, before or at the row that was next, and behind what was stored.
            assert second[0] in ((100,) if k < 2 else (0, 101))
            assert expected.index(second[0]) <= k
            assert second == expected[expected.index(second[0]) :]
    logging.getLogger("wlf").setLevel(logging.NOTSET)


RULES = {
    "tables that are not read at all": "exclude: quiet.*",
    "rows that a value leaves out": "exclude: quiet.t.v = noise",
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_position_moves_while_everything_is_filtered(make_mysql: Make[MySQL], tmp_path: Path, rules: str) -> None:
    """Maxwell 884: the position stood still until its file was purged, and nothing could start any more."""
    server = make_mysql()
    server.execute("CREATE DATABASE quiet", TABLE.format("quiet"), "CREATE DATABASE loud", TABLE.format("loud"))
    filter = {"id": "filter", "type": "BinlogFilter", "destination": "wlf", "filter": rules}
    source = binlog(server, "filter", start="earliest", heartbeat_interval_ms=200)
    config = {"collectors": [source], "transformers": [filter], "dispatchers": to_files(tmp_path, "wlf")}
    run = WlfRun(tmp_path, {"checkpoint_interval_ms": 100, **config})
    with run:
        for number in range(3):
            server.execute(f"INSERT INTO quiet.t VALUES ({number}, 'noise')")
            server.flush_logs()
        file, size = server.query("SHOW BINARY LOGS")[-1][:2]
        run.wait_for(lambda: is_past(run, file, size), "store the end")
    # Killed, not stopped: what is stored was stored in passing.
    server.execute(f"PURGE BINARY LOGS TO '{file}'", "INSERT INTO loud.t VALUES (1, 'heard')")
    with run:
        run.wait_for(lambda: bool(written(tmp_path)), "deliver the first wanted row")
        assert run.terminate() == 0
    assert [(event["database"], event["data"]["id"]) for event in written(tmp_path)] == [("loud", 1)]


def test_the_millionth_file_comes_behind_the_one_before_it(own: SqlServer) -> None:
    """Maxwell 1.44.1, 1.36.0: names compared as texts, where binlog.1000000 is less than binlog.999999."""
    own.execute(f"{own.reset_binlog} TO 999999" if isinstance(own, MySQL) else "RESET MASTER TO 999999")
    for number in range(4):
        own.execute(f"INSERT INTO d.t VALUES ({number}, 'x')")
        own.flush_logs()
    names = [path.name for path in own.binlog_files()]
    assert names[:2] == ["binlog.999999", "binlog.1000000"]
    whole = read(own)
    assert ids(whole.events) == [0, 1, 2, 3]
    positions = [position for _, position in whole.boundaries]
    for index, (count, position) in enumerate(whole.boundaries):
        assert all(whole.collector.covers(position, earlier) for earlier in positions[: index + 1])
        assert ids(read(own, position).events) == [0, 1, 2, 3][count:]

    async def of_files() -> list[Any]:
        async with Reading(files=[str(own.binlog_files()[0].parent / "binlog.*[0-9]")], start="earliest") as reading:
            return await reading.to_end()

    assert ids(asyncio.run(of_files())) == [0, 1, 2, 3]


def key(event: Any) -> tuple[Any, ...]:
    """What tells a row from all others: the place of its rows event, and its number in the transaction."""
    return event.position, event.gtid, None if event.xoffset is UNSET else event.xoffset


WAYS: list[dict[str, Any]] = [{}, {"hold_max_bytes": 0}, {"hold_max_bytes": 0, "large": "spill"}]


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_a_row_that_comes_twice_can_be_told_by_its_key(own: SqlServer, compressed: bool) -> None:
    """python-mysql-replication 367, Canal 4839, 1454, 2044: duplicates that no consumer could tell as such."""
    if compressed and isinstance(own, MariaDB):
        own.execute("SET GLOBAL log_bin_compress = ON", "SET GLOBAL log_bin_compress_min_len = 10")
    elif compressed:
        own.execute("SET GLOBAL binlog_transaction_compression = ON")
    for first in range(0, 40, 10):
        rows = ", ".join(f"({n}, REPEAT('x', 100))" for n in range(first, first + 5))
        own.execute("BEGIN", f"INSERT INTO d.t VALUES {rows}", "UPDATE d.t SET v = id", "COMMIT")
    output = {"position": True, "gtid": True}
    whole = read(own, output=output)
    keys = [key(event) for event in whole.events]
    assert len(keys) == len(set(keys)) == 40
    for options in WAYS:
        for count, position in dict(whole.boundaries).items():
            again = read(own, position, output=output, **options)
            assert [key(event) for event in again.events] == keys[count:]


def test_a_snapshot_of_a_quiet_table_is_stored_and_not_made_again(server: SqlServer, tmp_path: Path) -> None:
    """Redpanda Connect 4257: the end of a snapshot was never stored where no row changed, 1,785 snapshots in a row."""
    server.execute("DROP DATABASE IF EXISTS still", "CREATE DATABASE still", TABLE.format("still"))
    server.execute("INSERT INTO still.t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    run = to_one_file(tmp_path, server, snapshot="initial", tables={"include": ["still.*"]}, heartbeat_interval_ms=200)

    def is_stored() -> bool:
        found = stored(run)
        return "binlog" in found and json.loads(found.get("snapshot:still.t", b"{}")).get("done") is True

    with run:
        run.wait_for(is_stored, "store that the copy is done")
    # It was killed; between then and now nothing happened.
    with run:
        run.wait_for(lambda: "ready" in run.text(), "start again")
        server.execute("INSERT INTO still.t VALUES (4, 'd')")
        run.wait_for(lambda: any(event["data"]["id"] == 4 for event in written(tmp_path)), "deliver what is new")
        assert run.terminate() == 0
    assert [(event["type"], event["data"]["id"]) for event in written(tmp_path)] == [
        *(("bootstrap-insert", number) for number in (1, 2, 3)),
        ("insert", 4),
    ]


def test_gtid_sets_longer_than_a_kilobyte_are_read_whole(make_mysql: Make[MySQL], make_mariadb: Make[MariaDB]) -> None:
    """Debezium DBZ-107, DBZ-135, LoongCollector 1644: sets with line ends, or cut after 1,024 bytes."""
    mysql, mariadb = make_mysql(), make_mariadb(options={"binlog-row-metadata": "FULL"})
    for server in (mysql, mariadb):
        server.execute("CREATE DATABASE d", TABLE.format("d"))
    sources = [f"{number:08x}-0000-1111-2222-333333333333" for number in range(16)]
    gaps = [f"{source}:{number}" for source in sources for number in range(1, 30, 2)]
    mysql.execute(*(f"{step} '{gtid}'" if step[0] == "S" else step for gtid in gaps for step in STEPS), AUTOMATIC)
    mariadb.execute(*(step for domain in range(1, 200) for step in (f"SET gtid_domain_id = {domain}", NOTHING)))
    for server, name in ((mysql, "gtid_executed"), (mariadb, "gtid_binlog_pos")):
        ((text,),) = server.query(f"SELECT @@GLOBAL.{name}")
        assert len(text) > 1024
        assert ("\n" in text) is (server is mysql)
        latest = read(server, start="latest")
        assert latest.place.gtid.replace("\n", "") == text.replace("\n", "")
        server.execute("INSERT INTO d.t VALUES (7, 'behind it')")
        # By the stored place, and behind the text that the server shows.
        assert ids(read(server, latest.position).events) == [7]
        assert ids(read(server, start={"gtid": text}).events) == [7]


STEPS = ("SET gtid_next =", "BEGIN", "COMMIT")
AUTOMATIC = "SET gtid_next = 'AUTOMATIC'"
NOTHING = "CREATE DATABASE IF NOT EXISTS d"


def test_a_transaction_counts_its_wanted_rows_alone(own: SqlServer) -> None:
    """Debezium DBZ-5127, 633: counters of a transaction that were wrong where tables are filtered out."""
    own.execute("CREATE TABLE d.noise (id INT)")
    own.execute(
        "USE d",
        *("BEGIN", "INSERT INTO noise VALUES (1), (2)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')"),
        *("INSERT INTO noise VALUES (3)", "UPDATE t SET v = 'c' WHERE id = 2", "DELETE FROM noise", "COMMIT"),
        *("BEGIN", "INSERT INTO noise VALUES (4)", "COMMIT"),
        "INSERT INTO t VALUES (3, 'd')",
    )
    for options in WAYS:
        events = read(own, tables={"exclude": ["d.noise"]}, **options).events
        assert plain(events) == [
            ("insert", "t", {"id": 1, "v": "a"}),
            ("insert", "t", {"id": 2, "v": "b"}),
            ("update", "t", {"id": 2, "v": "c"}),
            ("insert", "t", {"id": 3, "v": "d"}),
        ]
        told = [(None if e.xoffset is UNSET else e.xoffset, e.commit is True) for e in events]
        assert told == [(0, False), (1, False), (None, True), (None, True)]


def test_a_prepared_transaction_survives_kills_of_the_run(own: SqlServer, tmp_path: Path) -> None:
    """Maxwell 1771, 1340, 838: rows of XA transactions were lost, or came although they were rolled back."""
    run = to_one_file(tmp_path, own, start="earliest", heartbeat_interval_ms=200)

    def rows() -> list[int]:
        return [event["data"]["id"] for event in written(tmp_path)]

    for name, first in (("kept", 1), ("undone", 11)):
        insert = f"INSERT INTO t VALUES ({first}, 'x'), ({first + 1}, 'y')"
        own.execute("USE d", f"XA START '{name}'", insert, f"XA END '{name}'", f"XA PREPARE '{name}'")
    own.execute("INSERT INTO d.t VALUES (100, 'between')")
    own.flush_logs()
    for steps, last in (
        (("INSERT INTO d.t VALUES (101, 'between')",), 101),
        (("XA COMMIT 'kept'", "XA ROLLBACK 'undone'"), 2),
    ):
        own.execute(*steps)
        file, size = own.query("SHOW BINARY LOGS")[-1][:2]
        with run:
            run.wait_for(lambda last=last: last in rows(), f"deliver {last}")  # type: ignore[misc]
            run.wait_for(lambda file=file, size=size: is_past(run, file, size), "store it")  # type: ignore[misc]
    assert rows() == [100, 101, 1, 2]
    place = stored_place(run)
    assert place is not None
    assert place.prepared == ()


def is_past(run: WlfRun, file: str, size: int) -> bool:
    place = stored_place(run)
    return place is not None and place.is_behind(file, size)
