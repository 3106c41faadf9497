"""The end-to-end suite counts what is lost and what came twice, on real servers and without being told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from benchmarks.contender import BinlogSource, FileSink, FileSource, Job, KafkaSink, RedisSink, SearchSink
from benchmarks.end_to_end.expected import Numbered, Rows, Tally, tally
from benchmarks.end_to_end.ledger import Reading
from benchmarks.end_to_end.live import keep_up, latencies_ms, live_server, percentile
from benchmarks.end_to_end.matrix import Input, best, compare
from benchmarks.end_to_end.receivers.base import Receiver
from benchmarks.end_to_end.receivers.file import FileReceiver, GrowingFile
from benchmarks.end_to_end.receivers.kafka import KafkaReceiver
from benchmarks.end_to_end.receivers.redis import MODES, RedisReceiver
from benchmarks.end_to_end.receivers.search import MirrorReceiver, SearchReceiver
from benchmarks.end_to_end.receivers.several import SeveralReceivers
from benchmarks.end_to_end.source import filled
from benchmarks.end_to_end.suite import against_first, steps
from benchmarks.loads import DATABASE, LOADS
from benchmarks.peers.wlf import Wlf
from benchmarks.result import Result
from tests.integration.sinks import eventually
from tests.servers.sql import SqlServer

ROWS = 40
EXPECTED = Rows([("t", number) for number in range(ROWS)], ("id",), {"t": [2]})


def small_binlog(server: SqlServer, name: str) -> Path:
    """One round of a load, in a binlog file of its own."""
    server.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    load = LOADS[name]
    load.prepare(server)
    server.flush_logs()
    load.write(server, 1)
    return server.flush_logs()


def careless() -> list[bytes]:
    """One message is left out, one is there twice, and one is of no event."""
    numbers = [number for number in range(ROWS) if number != 7]
    return [b'{"table":"t","data":{"id":%d}}' % number for number in [*numbers, 9, 10_000]]


def fill(sink: Any, messages: Sequence[bytes], redis: Any = None, search: Any = None) -> None:
    """Put messages into a sink as a program does."""
    match sink:
        case KafkaSink():
            producer = Producer({"bootstrap.servers": sink.bootstrap})
            for message in messages:
                producer.produce(sink.topic, message)
            producer.flush()
        case FileSink():
            sink.path.write_bytes(b"".join(message + b"\n" for message in messages))
        case RedisSink(mode="PUBLISH"):
            for message in messages:
                redis.publish(sink.key, message)
        case RedisSink(mode="XADD"):
            for message in messages:
                redis.xadd(sink.key, {"message": message})
        case RedisSink():
            getattr(redis, sink.mode.lower())(sink.key, *messages)
        case SearchSink():
            search.request("POST", f"/{sink.index}/_bulk", b"".join(b'{"index":{}}\n' + m + b"\n" for m in messages))


def check_counts(receiver: Receiver, folder: Path, redis: Any = None, search: Any = None) -> None:
    """Into a place that held all before, what is lost and doubled is found."""
    for messages, told in ((careless(), Tally(1, 1, 1)), (careless()[: ROWS - 2], Tally(2, 0, 0))):
        sink = receiver.place(folder, EXPECTED)
        assert receiver.count() == 0
        fill(sink, messages, redis, search)
        eventually(lambda messages=messages: receiver.count() == len(messages), "the count of the messages")
        assert receiver.audit(EXPECTED) == told
        receiver.clear()


@pytest.mark.parametrize("partitions", [1, 3])
def test_what_kafka_lacks_and_has_twice_is_found(kafka: Any, tmp_path: Path, partitions: int) -> None:
    check_counts(KafkaReceiver(kafka, partitions), tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_what_redis_lacks_and_has_twice_is_found(redis_server: Any, tmp_path: Path, mode: str) -> None:
    check_counts(RedisReceiver(redis_server, mode), tmp_path, redis_server.connect())


def test_what_an_index_lacks_and_has_twice_is_found(opensearch: Any, tmp_path: Path) -> None:
    check_counts(SearchReceiver(opensearch), tmp_path, search=opensearch)


def test_what_a_file_lacks_and_has_twice_is_found(tmp_path: Path) -> None:
    check_counts(FileReceiver(), tmp_path)


def test_a_mirror_is_compared_with_the_last_state_of_each_row(opensearch: Any, tmp_path: Path) -> None:
    changes = [("t", id, version) for version in (1, 2) for id in range(5)]
    expected, receiver = Rows(changes, ("id", "version")), MirrorReceiver(opensearch)
    sink = receiver.place(tmp_path, expected)
    assert isinstance(sink, SearchSink)
    for id, version in ((0, 2), (1, 1), (2, 2), (4, 1)):
        opensearch.request("PUT", f"/{sink.index}/_doc/{id}", {"id": id, "version": version})
    assert receiver.count() < len(expected)
    opensearch.request("PUT", f"/{sink.index}/_doc/4", {"id": 4, "version": 2})
    assert receiver.count() == len(expected)
    assert receiver.audit(expected) == Tally(lost=2, duplicates=0, strangers=1)
    receiver.clear()


def test_several_sinks_have_as_many_as_the_last_of_them(kafka: Any, redis_server: Any, tmp_path: Path) -> None:
    receiver = SeveralReceivers([KafkaReceiver(kafka), RedisReceiver(redis_server, "RPUSH")])
    first, second = receiver.place(tmp_path, EXPECTED).sinks
    fill(first, careless())
    eventually(lambda: receiver.count() == 1, "that something is there")
    fill(second, careless()[:20], redis_server.connect())
    eventually(lambda: receiver.count() == 20, "the count of the slower one")
    assert receiver.audit(EXPECTED) == Tally(1 + 20, 1, 1)
    receiver.clear()


def test_all_of_a_corpus_arrives_once(
    mysql: Any, kafka: Any, redis_server: Any, opensearch: Any, tmp_path: Path
) -> None:
    several = [KafkaReceiver(kafka), RedisReceiver(redis_server, "XADD"), SearchReceiver(opensearch)]
    keyed, mirror = KafkaReceiver(kafka, 3, keyed=True), MirrorReceiver(opensearch)
    receivers: list[Receiver] = [keyed, FileReceiver(), mirror, SeveralReceivers(several)]
    file = small_binlog(mysql, "C")
    with filled("C", tmp_path, file=file) as (source, expected):
        assert source.rows == len(expected) == LOADS["C"].changes(1)
        for receiver in receivers:
            (result,) = compare([Wlf()], Input("C", source, expected), receiver, tmp_path / "race")
            assert (result.missing, result.lost, result.duplicates, result.note) == ("", 0, 0, ""), receiver.title
            assert result.events == source.rows
            assert result.cpu_seconds >= result.start_cpu_seconds > 0
            assert result.peak_rss_mb > 10


def test_a_corpus_is_cut_behind_a_transaction(mysql: Any, tmp_path: Path) -> None:
    with filled("D", tmp_path, 10, file=small_binlog(mysql, "D")) as (source, expected):
        assert 10 <= source.rows == len(expected) < 20
        (result,) = compare([Wlf()], Input("D", source, expected), FileReceiver(), tmp_path / "race")
        assert (result.events, result.lost, result.duplicates, result.note) == (source.rows, 0, 0, "")


def test_all_that_a_writer_commits_meanwhile_arrives_once(kafka: Any, tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        seen = keep_up(Wlf(), server, KafkaReceiver(kafka), tmp_path / "race", count=300, rate=1000)
    assert (seen.result.events, seen.result.lost, seen.result.duplicates) == (300, 0, 0)
    assert all(seen.received)
    assert all(sent < done for sent, done in zip(seen.committed.sent, seen.committed.done, strict=True))


def test_a_program_that_fails_has_no_figures_but_a_reason(tmp_path: Path) -> None:
    class Broken(Wlf):
        def start(self, job: Job) -> subprocess.Popen[bytes]:
            (job.folder / "said.log").write_text("first\nno such table\n\n")
            return subprocess.Popen([sys.executable, "-c", "raise SystemExit(4)"], process_group=0)

    given = Input("lines", FileSource(tmp_path / "lines", 3), Numbered(3))
    (result,) = compare([Broken()], given, FileReceiver(), tmp_path / "race")
    assert result.missing == "nothing came, and it ended with status 4: no such table"


def test_a_job_that_a_program_does_not_do_is_left_out(tmp_path: Path) -> None:
    class Other(Wlf):
        does = frozenset({(BinlogSource, FileSink)})

    given = Input("lines", FileSource(tmp_path / "lines", 3), Numbered(3))
    assert compare([Other()], given, FileReceiver(), tmp_path / "race") == []


@pytest.mark.parametrize(
    "message",
    [
        {"database": "d", "table": "t", "type": "insert", "data": {"id": 5, "c": "x"}},
        {"database": "d", "table": "t", "type": "INSERT", "isDdl": False, "data": [{"id": "5", "c": "x"}], "old": None},
        {"before": None, "after": {"id": 5}, "source": {"db": "d", "table": "t"}, "op": "c"},
        {"op": "insert", "schema": "d", "table": "t", "before": None, "after": ["x", 5, None]},
        {"schema": {}, "payload": {"before": {"id": 5}, "after": None, "source": {"table": "t"}, "op": "d"}},
    ],
    ids=["maxwell", "canal", "debezium", "rivet", "debezium with its schema"],
)
def test_a_row_is_known_in_every_layout(message: dict[str, Any]) -> None:
    assert EXPECTED.identify(json.dumps(message).encode()) == ("t", 5)


@pytest.mark.parametrize(
    "message", ["{}", "[1]", '{"payload":null}', '{"table":"t","data":{"c":1}}', '{"table":"u","after":[1,2]}']
)
def test_a_message_of_no_row_is_none(message: str) -> None:
    assert EXPECTED.identify(message.encode()) is None


def test_tally_tells_lost_doubled_and_strange() -> None:
    assert tally([(1,), (2,), (3,)], [(1,), (1,), (1,), (9,), None, (3,)]) == Tally(1, 2, 2)


def test_an_update_is_known_by_its_row_afterwards() -> None:
    printed = [
        "# at 100",
        "#... end_log_pos 150 \tGTID\tlast_committed=0",
        "### UPDATE `bench`.`t`",
        "### WHERE",
        "###   @1=1",
        "###   @2=7",
        "###   @3='@2=9'",
        "### SET",
        "###   @1=1",
        "###   @2=8",
        "### DELETE FROM `bench`.`t`",
        "### WHERE",
        "###   @1=-2",
        "###   @2=3",
        "#... end_log_pos 400 \tXid = 12",
    ]
    found = Reading({"t": [1, 2]}).read(line.encode() + b"\n" for line in printed)
    assert found.identities == [("t", 1, 8), ("t", -2, 3)]
    assert (found.start, found.ends) == (100, [(400, 2)])


def test_marks_are_counted_once_however_a_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    growing = GrowingFile(path, (b"\n### INSERT ", b"\n### UPDATE "))
    assert growing.rows() == 0
    with path.open("ab", buffering=0) as file:
        for byte in b"\n### INSERT x\n### UPDATE y\n###":
            file.write(bytes([byte]))
            growing.rows()
        assert growing.rows() == 2
        file.write(b" INSERT z\n### INSERT ")
    assert growing.rows() == 4


def test_the_least_cpu_time_counts_with_the_losses_of_all_rounds() -> None:
    rounds = [
        Result(suite="s", case="c", who="w", events=10, cpu_seconds=cpu, lost=lost, peak_rss_mb=rss)
        for cpu, lost, rss in ((3.0, 0, 50.0), (2.0, 1, 40.0))
    ]
    assert (best(rounds).cpu_seconds, best(rounds).lost, best(rounds).peak_rss_mb) == (2.0, 1, 50.0)


def test_other_sinks_are_compared_with_the_first_without_the_start() -> None:
    alone, both, broken = (
        Result(suite="s", case=case, who="w", events=events, cpu_seconds=cpu, start_cpu_seconds=1.0, missing=missing)
        for case, events, cpu, missing in (("a", 10, 3.0, ""), ("b", 10, 6.0, ""), ("c", 0, 0.0, "it failed"))
    )
    first, second, third = against_first([alone, both, broken])
    assert (first, third) == (alone, broken)
    assert second.note == "2.50 x the CPU time of the line before, with start 2.00 x"


@pytest.mark.parametrize("quick", [True, False])
def test_every_step_has_a_name_of_its_own(quick: bool) -> None:
    names = [step.name for step in steps(quick=quick)]
    assert len(set(names)) == len(names) > 5


def test_latency_leaves_out_the_warm_up_and_what_never_came() -> None:
    begun = [1_000_000] * 10
    received = [2_000_000, 2_000_000, *([3_000_000] * 6), 0, 8_000_000]
    found = latencies_ms(begun, received)
    assert found == [2.0] * 6 + [7.0]
    assert (percentile(found, 50), percentile(found, 99)) == (2.0, 7.0)
