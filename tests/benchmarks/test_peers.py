"""Every row and line arrives once by each peer.

`make test` takes the two that come with what the tests need anyway. The others are skipped there and in CI even where
servers are required: a peer that is slow or not there is no gap in what is tested of wlf. `make try-peers` installs and
takes them all.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.contender import BinlogSource, FileSource, Job, KafkaSink, Sink, Source
from benchmarks.peers.every import MISSING, PEERS
from benchmarks.peers.gtids import gtids_before
from benchmarks.peers.peer import Peer
from benchmarks.peers.trial import INSERTED, Place, run
from tests.servers.fixtures import Make
from tests.servers.kafka import Kafka
from tests.servers.mysql import MySQL

WAYS = [(peer, *way) for peer in PEERS.values() for way in sorted(peer.does, key=str)]


AT_HAND = ("mysqlbinlog -v", "mysql-replication")


def skip_unless_installed(peer: Peer) -> None:
    if peer.name not in AT_HAND and not os.environ.get("WLF_TRY_PEERS"):
        pytest.skip(f"{peer.name} is no part of wlf; run: make try-peers")
    if not peer.version():
        pytest.skip(f"{peer.name} is not installed; run: python -m benchmarks.peers install '{peer.name}'")


@pytest.mark.servers
@pytest.mark.parametrize(
    ("peer", "source", "sink"), WAYS, ids=[f"{p.name}-{source.__name__}-{sink.__name__}" for p, source, sink in WAYS]
)
def test_every_row_or_line_arrives_once(
    peer: Peer, source: type[Source], sink: type[Sink], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    skip_unless_installed(peer)
    mysql, kafka = (request.getfixturevalue(server) for server in ("mysql", "kafka"))
    place = Place(tmp_path, mysql, kafka)
    outcome = run(peer, place.job(place.source(source), sink))
    assert outcome.arrived == outcome.expected, outcome.log


@pytest.mark.servers
@pytest.mark.parametrize("peer", [p for p in PEERS.values() if (BinlogSource, KafkaSink) in p.does], ids=str)
def test_all_changes_of_a_row_are_in_one_partition_where_the_job_is_keyed(
    peer: Peer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    skip_unless_installed(peer)
    mysql, kafka = (request.getfixturevalue(server) for server in ("mysql", "kafka"))
    place = Place(tmp_path, mysql, kafka)
    job = place.job(place.binlog(), KafkaSink, keyed=True)
    outcome = run(peer, job)
    assert outcome.arrived == outcome.expected, outcome.log
    assert isinstance(job.sink, KafkaSink)
    partitions: dict[bytes | None, set[int]] = {}
    for record in kafka.read_topic(job.sink.topic):
        partitions.setdefault(record.key, set()).add(record.partition)
    assert len(partitions) == INSERTED
    assert {len(where) for where in partitions.values()} == {1}


def test_a_peer_refuses_a_job_that_it_does_not_do(tmp_path: Path) -> None:
    job = Job(FileSource(tmp_path / "log", 1), KafkaSink("127.0.0.1:1", "t"), tmp_path)
    with pytest.raises(ValueError, match="does no FileSource -> KafkaSink"):
        PEERS["rivet"].start(job)


def test_peers_that_cannot_be_had_are_listed_with_a_reason() -> None:
    assert all(MISSING.values())
    assert not MISSING.keys() & PEERS.keys()


def test_the_binlog_of_a_trial_holds_as_many_rows_as_it_says(mysql: MySQL, kafka: Kafka, tmp_path: Path) -> None:
    source = Place(tmp_path, mysql, kafka).binlog()
    options = ("-v", "--base64-output=DECODE-ROWS", f"--start-position={source.position}")
    dump = mysql.binlog_dump(mysql.data / source.file, options=options)
    assert sum(dump.count(f"\n### {kind}") for kind in ("INSERT INTO", "UPDATE", "DELETE FROM")) == source.rows


def test_the_gtids_before_a_position_are_those_that_were_executed_there(
    make_mysql: Make[MySQL], tmp_path: Path
) -> None:
    server = make_mysql()
    server.execute("CREATE DATABASE d")
    server.flush_logs()
    server.execute("CREATE TABLE d.t (a INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    file, position = server.query("SHOW BINARY LOG STATUS")[0][:2]
    [[executed]] = server.query("SELECT @@gtid_executed")
    server.execute("INSERT INTO d.t VALUES (2)")
    account = (server.host, server.port, server.user, server.password)
    found = gtids_before(BinlogSource(*account, "d", ("t",), 1, file, position))
    both_ways = "SELECT GTID_SUBSET(%s, %s), GTID_SUBSET(%s, %s)"
    assert server.query(both_ways, (found, executed, executed, found)) == [(1, 1)]


def test_a_server_without_gtids_has_none_before_a_position(make_mysql: Make[MySQL]) -> None:
    server = make_mysql(options={"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"})
    server.execute("CREATE DATABASE d")
    account = (server.host, server.port, server.user, server.password)
    assert gtids_before(BinlogSource(*account, "d", (), 0, server.binlog_files()[-1].name, 4)) is None
