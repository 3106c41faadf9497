"""Debezium Server: the engine as a program, with its own Kafka sink. Its distribution is a download of 780 MB."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from benchmarks.contender import BinlogSource, Job, KafkaSink
from benchmarks.peers.debezium_settings import JVM, VERSION, producer_settings, source_settings, write_properties
from benchmarks.peers.java import newest_java
from benchmarks.peers.peer import Command, Peer
from tests.servers import maven
from tests.servers.cache import Recipe
from tests.servers.commands import run

ARTIFACT = f"io.debezium:debezium-server-dist:{VERSION}:tar.gz"
JAVA = 21
ENGINE = "kafka"
"""The server names its engine after the sink."""


def _install(home: Path, version: str) -> str:
    """Unpack the distribution without the connectors for other databases."""
    newest_java(JAVA)
    maven.require_maven()
    run([*maven.MAVEN, f"{maven.PLUGIN}:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={home}"], timeout_s=1800)
    archive = next(home.glob("*.tar.gz"))
    (home / "server").mkdir()
    run(["tar", "xzf", archive, "-C", home / "server", "--strip-components=1", "--exclude=*/connectors/*"])
    archive.unlink()
    for unused in ("connectors", "lib_opt", "lib_metrics"):
        shutil.rmtree(home / "server" / unused, ignore_errors=True)
    return version


class DebeziumServer(Peer):
    """Binlog to Kafka; a transform sends all tables to the job's topic, where they would have one each."""

    name = "Debezium Server"
    does = frozenset({(BinlogSource, KafkaSink)})
    recipe: ClassVar[Recipe] = Recipe("peer-debezium-server", VERSION, _install)

    def command(self, job: Job) -> Command:
        source, sink = job.source, job.sink
        assert isinstance(source, BinlogSource)
        assert isinstance(sink, KafkaSink)
        settings = {
            "debezium.sink.type": "kafka",
            **{f"debezium.sink.kafka.producer.{name}": value for name, value in _producer(sink).items()},
            **{f"debezium.source.{name}": value for name, value in source_settings(source, job.folder, ENGINE).items()},
            "debezium.format.key": "json",
            "debezium.format.value": "json",
            "debezium.format.key.schemas.enable": "false",
            "debezium.format.value.schemas.enable": "false",
            "debezium.transforms": "topic",
            "debezium.transforms.topic.type": "org.apache.kafka.connect.transforms.RegexRouter",
            "debezium.transforms.topic.regex": ".*",
            "debezium.transforms.topic.replacement": sink.topic,
            "quarkus.http.host-enabled": "false",
            "quarkus.log.level": "WARN",
            "quarkus.log.console.json": "false",
        }
        (job.folder / "config").mkdir()
        write_properties(job.folder / "config" / "application.properties", settings)
        server = self.home / "server"
        runner = next(server.glob("*-runner.jar"))
        path = f"{runner}:config:{server / 'lib'}/*"
        return Command([str(newest_java(JAVA) / "bin" / "java"), *JVM, "-cp", path, "io.debezium.server.Main"])


def _producer(sink: KafkaSink) -> dict[str, str]:
    serializer = "org.apache.kafka.common.serialization.StringSerializer"
    return {**producer_settings(sink), "key.serializer": serializer, "value.serializer": serializer}
