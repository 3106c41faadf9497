"""mysql-replication, the Python library that most scripts on a binlog are written with."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import msgspec

from benchmarks.contender import BinlogSource, FileSink, Job, KafkaSink
from benchmarks.peers.peer import Command, Peer

ROOT = Path(__file__).parents[2]


class MysqlReplication(Peer):
    """A loop over `BinLogStreamReader` with orjson, into a file or confluent-kafka's producer."""

    name = "mysql-replication"
    does = frozenset({(BinlogSource, FileSink), (BinlogSource, KafkaSink)})

    def version(self) -> str:
        return version("mysql-replication")

    def install(self) -> None:
        """It is in the virtual environment, with wlf's extra `mysql`."""

    def command(self, job: Job) -> Command:
        task = job.folder / "job.json"
        task.write_bytes(msgspec.json.encode({"source": job.source._asdict(), "sink": _plain(job)}))
        return Command(
            [sys.executable, "-m", "benchmarks.peers.mysql_replication_loop", str(task)], {"PYTHONPATH": str(ROOT)}
        )


def _plain(job: Job) -> dict[str, object]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in job.sink._asdict().items()}
