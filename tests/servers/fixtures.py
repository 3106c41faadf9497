"""The fixtures that give a test a real server: one shared over the session, or factories for servers of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.servers.cache import NotInstalled
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.kafka import Kafka
from tests.servers.kafka_mock import KafkaMock
from tests.servers.mariadb import MariaDB
from tests.servers.mongodb import MongoDB
from tests.servers.mysql import MySQL
from tests.servers.opensearch import OpenSearch
from tests.servers.redis import Redis
from tests.servers.server import Server

KINDS = ("mariadb", "mysql", "redis", "kafka", "opensearch", "elasticsearch", "mongodb")
FIXTURES = {*KINDS, "redis_server", "kafka_mock", *(f"make_{kind}" for kind in KINDS)}

AnyServer = TypeVar("AnyServer", bound=Server)
Make = Callable[..., AnyServer]


def skip_or_fail(reason: str) -> None:
    """Skip the test for want of a server, or fail it where servers are required (`WLF_REQUIRE_SERVERS=1`)."""
    if os.environ.get("WLF_REQUIRE_SERVERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _new(kind: type[AnyServer], directories: pytest.TempPathFactory, **options: Any) -> AnyServer:
    datadir: Path = directories.mktemp(kind.recipe.name) / "server"
    try:
        return kind(datadir, **options)
    except NotInstalled as missing:
        skip_or_fail(str(missing))
        raise


def _end(server: Server) -> None:
    """Kill a server and give back its disk space, but leave the log for who looks into a failure."""
    server.kill()
    shutil.rmtree(server.datadir / "data", ignore_errors=True)


def shared(kind: type[AnyServer], directories: pytest.TempPathFactory) -> Iterator[AnyServer]:
    """Start one server, and kill it in the end."""
    server = _new(kind, directories)
    try:
        yield server.start()
    finally:
        _end(server)


def _factory(kind: type[AnyServer], directories: pytest.TempPathFactory) -> Iterator[Make[AnyServer]]:
    """A function that starts servers with the options of their class and stops them after the test.

    `start=False` gives a server that the test starts itself.
    """
    with ExitStack() as servers:

        def make(*, start: bool = True, **options: Any) -> AnyServer:
            server = _new(kind, directories, **options)
            servers.callback(_end, server)
            return server.start() if start else server

        yield make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for a server, so that `-m "not servers"` leaves them out."""
    for item in items:
        if FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A MariaDB that all tests share: use a database of your own, leave the server running."""
    yield from shared(MariaDB, tmp_path_factory)


@pytest.fixture(scope="session")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySQL]:
    """A MySQL that all tests share: use a database of your own, leave the server running."""
    yield from shared(MySQL, tmp_path_factory)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis that all tests share: use keys of your own, leave the server running."""
    yield from shared(Redis, tmp_path_factory)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A Kafka broker that all tests share: use topics and groups of your own, leave the server running."""
    yield from shared(Kafka, tmp_path_factory)


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearch]:
    """An OpenSearch that all tests share: use indices of your own, leave the server running."""
    yield from shared(OpenSearch, tmp_path_factory)


@pytest.fixture(scope="session")
def elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    """An Elasticsearch that all tests share: use indices of your own, leave the server running."""
    yield from shared(Elasticsearch, tmp_path_factory)


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoDB]:
    """A MongoDB that all tests share: use a database of your own, leave the server running."""
    yield from shared(MongoDB, tmp_path_factory)


@pytest.fixture
def kafka_mock() -> Iterator[KafkaMock]:
    """A fault-injecting Kafka of three brokers, a new one for each test: faults must not outlive it."""
    try:
        mock = KafkaMock()
    except NotInstalled as missing:
        skip_or_fail(str(missing))
        raise
    with mock:
        yield mock


@pytest.fixture
def make_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[MariaDB]]:
    """Start MariaDB servers for one test: `make_mariadb(options={"binlog-row-metadata": "FULL"})`."""
    yield from _factory(MariaDB, tmp_path_factory)


@pytest.fixture
def make_mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[MySQL]]:
    """Start MySQL servers for one test: `make_mysql(options={"binlog-row-image": "MINIMAL"})`."""
    yield from _factory(MySQL, tmp_path_factory)


@pytest.fixture
def make_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[Redis]]:
    """Start Redis servers for one test: `make_redis(options={"requirepass": "secret"})`."""
    yield from _factory(Redis, tmp_path_factory)


@pytest.fixture
def make_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[Kafka]]:
    """Start Kafka brokers for one test: `make_kafka(options={"message.max.bytes": "1000"})`."""
    yield from _factory(Kafka, tmp_path_factory)


@pytest.fixture
def make_opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[OpenSearch]]:
    """Start OpenSearch nodes for one test: `make_opensearch(options={"node.name": "n"})`."""
    yield from _factory(OpenSearch, tmp_path_factory)


@pytest.fixture
def make_elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[Elasticsearch]]:
    """Start Elasticsearch nodes for one test: `make_elasticsearch(options={"node.name": "n"})`."""
    yield from _factory(Elasticsearch, tmp_path_factory)


@pytest.fixture
def make_mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[MongoDB]]:
    """Start MongoDB servers for one test: `make_mongodb(auth=True)`."""
    yield from _factory(MongoDB, tmp_path_factory)
