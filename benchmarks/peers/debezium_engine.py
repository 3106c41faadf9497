"""Debezium's embedded engine, in a Java program of a hundred lines that writes what it gets to a file or to Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmarks.contender import BinlogSource, FileSink, Job, KafkaSink
from benchmarks.peers.debezium_settings import JVM, VERSION, producer_settings, source_settings, write_properties
from benchmarks.peers.java import newest_java
from benchmarks.peers.peer import Command, Peer
from tests.servers import maven
from tests.servers.cache import Recipe
from tests.servers.commands import InstallError, run

JAVA = 17
PROGRAM = Path(__file__).parent / "debezium" / "Reader.java"
ARTIFACTS = (
    f"io.debezium:debezium-api:{VERSION}",
    f"io.debezium:debezium-embedded:{VERSION}",
    f"io.debezium:debezium-connector-mysql:{VERSION}",
    "org.slf4j:slf4j-simple:1.7.36",
)


def _install(home: Path, version: str) -> str:
    """Fetch its jars and compile the program."""
    compiler = newest_java(JAVA) / "bin" / "javac"
    if not compiler.is_file():
        raise InstallError(f"found no {compiler}; run: apt-get install default-jdk-headless")
    maven.fetch_jars(home, ARTIFACTS)
    run([compiler, "-cp", f"{home / 'libs'}/*", "-d", home / "classes", PROGRAM])
    return version


class DebeziumEngine(Peer):
    """Batches of the engine, acknowledged when all of a batch is written or acknowledged by the broker."""

    name = "Debezium engine"
    does = frozenset({(BinlogSource, FileSink), (BinlogSource, KafkaSink)})
    recipe: ClassVar[Recipe] = Recipe("peer-debezium-engine", VERSION, _install)

    def command(self, job: Job) -> Command:
        source, sink = job.source, job.sink
        assert isinstance(source, BinlogSource)
        settings = source_settings(source, job.folder, "reader")
        settings |= {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}
        engine = write_properties(job.folder / "engine.properties", settings)
        if isinstance(sink, KafkaSink):
            target = {"topic": sink.topic, "keyed": str(sink.keyed).lower(), **producer_settings(sink)}
        else:
            target = {"path": str(sink.path)}
        into = write_properties(job.folder / "sink.properties", target)
        path = f"{self.home / 'classes'}:{self.home / 'libs'}/*"
        log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return Command(
            [str(newest_java(JAVA) / "bin" / "java"), *JVM, log, "-cp", path, "Reader", str(engine), str(into)]
        )
