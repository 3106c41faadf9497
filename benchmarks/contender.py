"""What every program that is compared looks like: installed once, started for a job, then watched from outside."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeAlias


class BinlogSource(NamedTuple):
    """A MySQL server whose binlog holds the corpus; its tables are there, in their last shape."""

    host: str
    port: int
    user: str
    password: str
    database: str
    tables: tuple[str, ...]
    rows: int
    """Row changes to come: the sink has that many messages when the job is done."""
    file: str
    """The binlog file in which the changes begin ..."""
    position: int
    """... and the offset."""


class FileSource(NamedTuple):
    """A file of lines."""

    path: Path
    lines: int


class ContainerSource(NamedTuple):
    """A container of a Docker Engine, which has written all of its lines."""

    address: str
    """The Engine's, such as `unix:///run/engine.sock`."""
    name: str
    log: Path
    """Where the Engine's json-file driver keeps them."""
    lines: int


class KafkaSink(NamedTuple):
    """A topic that exists, with that many partitions; messages are JSON. `keyed`: by primary key, else as it likes."""

    bootstrap: str
    topic: str
    partitions: int = 1
    keyed: bool = False


class FileSink(NamedTuple):
    """A file that does not exist yet, to be filled with one JSON object a line."""

    path: Path


class RedisSink(NamedTuple):
    """A Redis server. `mode` is PUBLISH, LPUSH, RPUSH or XADD; `key` is the channel, list or stream."""

    host: str
    port: int
    mode: str
    key: str


class SearchSink(NamedTuple):
    """An index of OpenSearch or Elasticsearch. `mode`: `append`, a document each event, or `mirror`, one each row."""

    url: str
    index: str
    mode: str = "append"


class SeveralSinks(NamedTuple):
    """All events into each of them."""

    sinks: tuple[KafkaSink | FileSink | RedisSink | SearchSink, ...]


Source: TypeAlias = BinlogSource | FileSource | ContainerSource
Sink: TypeAlias = KafkaSink | FileSink | RedisSink | SearchSink | SeveralSinks


class Job(NamedTuple):
    """All of `source` into `sink`, once. `folder` is empty and the program's own: configs, state, logs."""

    source: Source
    sink: Sink
    folder: Path


class Contender(ABC):
    """A program that moves data. Installing raises `tests.servers.cache.NotInstalled` with the reason."""

    name: ClassVar[str]
    does: ClassVar[frozenset[tuple[type[Source], type[Sink]]]]
    """The jobs that it can do."""
    row_marks: ClassVar[tuple[bytes, ...]] = (b"\n",)
    """What stands once for each row in the files it writes: a row a line where it writes JSON."""

    @abstractmethod
    def install(self) -> None:
        """Put it into the folder of the servers and peers, if it is not there; fast when it is."""

    @abstractmethod
    def start(self, job: Job) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own, output into `job.folder`. It may run on when all is done: the suite
        ends it, and counts its CPU time and memory by the process group."""

    def version(self) -> str:
        """For the table."""
        return ""
