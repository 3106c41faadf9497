"""Every row and line arrives once by each peer that is installed.

`make test` installs no peers, so these tests are skipped there and in CI even where servers are required: a peer that
is not there is no gap in what is tested of wlf. `python -m benchmarks.peers install` puts them there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contender import BinlogSource, FileSource, Job, KafkaSink, Sink, Source
from benchmarks.peers.every import MISSING, PEERS
from benchmarks.peers.peer import Peer
from benchmarks.peers.trial import Place, run
from tests.servers.kafka import Kafka
from tests.servers.mysql import MySQL

WAYS = [(peer, *way) for peer in PEERS.values() for way in sorted(peer.does, key=str)]


@pytest.mark.servers
@pytest.mark.parametrize(
    ("peer", "source", "sink"), WAYS, ids=[f"{p.name}-{source.__name__}-{sink.__name__}" for p, source, sink in WAYS]
)
def test_every_row_or_line_arrives_once(
    peer: Peer, source: type[Source], sink: type[Sink], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if not peer.version():
        pytest.skip(f"{peer.name} is not installed; run: python -m benchmarks.peers install '{peer.name}'")
    mysql, kafka = (request.getfixturevalue(server) for server in ("mysql", "kafka"))
    place = Place(tmp_path, mysql, kafka)
    outcome = run(peer, place.job(place.source(source), sink))
    assert outcome.arrived == outcome.expected, outcome.log


def test_a_peer_refuses_a_job_that_it_does_not_do(tmp_path: Path) -> None:
    job = Job(FileSource(tmp_path / "log", 1), KafkaSink("127.0.0.1:1", "t"), tmp_path)
    with pytest.raises(ValueError, match="does no FileSource -> KafkaSink"):
        PEERS["rivet"].start(job)


def test_peers_that_cannot_be_had_are_listed_with_a_reason() -> None:
    assert all(MISSING.values())
    assert not MISSING.keys() & PEERS.keys()


def test_the_binlog_of_a_trial_holds_as_many_rows_as_it_says(mysql: MySQL, kafka: Kafka, tmp_path: Path) -> None:
    source = Place(tmp_path, mysql, kafka).binlog()
    assert isinstance(source, BinlogSource)
    dump = mysql.binlog_dump(mysql.data / source.file)
    assert sum(dump.count(f"\n### {kind}") for kind in ("INSERT INTO", "UPDATE", "DELETE FROM")) == source.rows
