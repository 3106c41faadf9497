"""Apache Kafka as a test server: a real broker and KRaft controller in one process, from its published jars."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.servers import kafka_topics, maven
from tests.servers.cache import Recipe, locked
from tests.servers.commands import run
from tests.servers.kafka_topics import Record
from tests.servers.ports import free_port
from tests.servers.server import Server

CLUSTER_ID = "d2xmLXRlc3Qtc2VydmVycw"
LOG4J = "2.26.1"

# Kafka's jars are built on slf4j-api and log4j-api without an implementation; its distribution adds one, so do we.
LOGGING = (
    "org.slf4j:slf4j-api:2.0.20",
    f"org.apache.logging.log4j:log4j-slf4j2-impl:{LOG4J}",
    f"org.apache.logging.log4j:log4j-api:{LOG4J}",
    f"org.apache.logging.log4j:log4j-core:{LOG4J}",
)
LOG_CONFIG = """<Configuration status="WARN">
<Appenders><Console name="C"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders>
<Loggers><Root level="WARN"><AppenderRef ref="C"/></Root>
<Logger name="kafka.server.KafkaRaftServer" level="INFO"/></Loggers></Configuration>
"""
STARTED = "Kafka Server started"


def install(home: Path, version: str) -> str:
    """Fetch the broker's jars; the version."""
    maven.fetch_jars(home, [f"org.apache.kafka:kafka_2.13:{version}", *LOGGING])
    (home / "log4j2.xml").write_text(LOG_CONFIG)
    return version


class Kafka(Server):
    """A broker that creates topics when they are asked for; `options` are broker properties over the defaults."""

    recipe = Recipe("kafka", "4.3.1", install)
    defaults: ClassVar[dict[str, str]] = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "num.partitions": "1",
        "auto.create.topics.enable": "true",
        # One node holds every internal topic alone, and few partitions of them start fast.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A killed broker may register again only when its old session ended.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
    }

    def __init__(
        self,
        datadir: Path | str,
        *,
        options: Mapping[str, str] | None = None,
        edition: str | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.controller_port = free_port()
        self.options = {**self.defaults, **self._where(), **(options or {})}

    @property
    def bootstrap_servers(self) -> str:
        """The address as clients take it."""
        return self.address

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> None:
        """Create a topic; `config` has its properties with _ for dots."""
        kafka_topics.create_topic(self.bootstrap_servers, name, partitions, **config)

    def read_topic(self, name: str, *, isolation: str = "read_committed") -> list[Record]:
        """All records of a topic in the order of their partitions."""
        return kafka_topics.read_topic(self.bootstrap_servers, name, isolation=isolation)

    def prepare(self) -> None:
        (self.datadir / "data").mkdir()
        self._write_properties()
        with locked(self.home / "template.lock"):
            template = self.home / "template"
            if not template.is_dir():
                self._format()
                shutil.copytree(self.datadir / "data", template)
        shutil.copytree(template, self.datadir / "data", dirs_exist_ok=True)

    def argv(self) -> list[str]:
        self._write_properties()
        return [*self._java(), "kafka.Kafka", str(self._properties)]

    def is_ready(self) -> bool:
        return STARTED in self.log_since_start()

    @property
    def _properties(self) -> Path:
        return self.datadir / "server.properties"

    def _where(self) -> dict[str, str]:
        controller = f"{self.host}:{self.controller_port}"
        return {
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(self.datadir / "data"),
        }

    def _write_properties(self) -> None:
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in self.options.items()))

    def _format(self) -> None:
        tool = [*self._java(), "kafka.tools.StorageTool", "format"]
        run([*tool, "-t", CLUSTER_ID, "-c", self._properties])

    def _java(self) -> list[str]:
        limits = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData"]
        logging = ["-Dlog4j.shutdownHookEnabled=false", f"-Dlog4j2.configurationFile={self.home / 'log4j2.xml'}"]
        return [maven.java(), *limits, *logging, "-cp", f"{self.home / 'libs'}/*"]
