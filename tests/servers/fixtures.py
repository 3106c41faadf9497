"""The fixtures that give a test a real server: one shared over the session, or factories for servers of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.servers.cache import NotInstalled, installed_version
from tests.servers.cri import Containerd
from tests.servers.docker import Docker, Engine
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.helm import HELM, HELM_3, Helm
from tests.servers.kafka import Kafka
from tests.servers.kafka_mock import KafkaMock
from tests.servers.kube_apiserver import KubeApiserver
from tests.servers.mariadb import MariaDB
from tests.servers.mongodb import MongoDB
from tests.servers.mysql import MySQL
from tests.servers.opensearch import OpenSearch
from tests.servers.podman import Podman
from tests.servers.redis import Redis
from tests.servers.server import Server

KINDS = ("mariadb", "mysql", "redis", "kafka", "opensearch", "elasticsearch", "mongodb", "docker", "podman")
FIXTURES = {
    *KINDS,
    "redis_server",
    "kafka_mock",
    "container_engine",
    "helm",
    "kube_apiserver",
    "containerd",
    *(f"make_{kind}" for kind in KINDS),
}

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
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """A Docker Engine that all tests share: it has the containers of one test at a time, see `reset()`."""
    yield from shared(Docker, tmp_path_factory)


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman's service, shared as the Docker Engine is."""
    yield from shared(Podman, tmp_path_factory)


@pytest.fixture(params=["docker", "podman"])
def container_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of them in turn, without containers."""
    engine: Engine = request.getfixturevalue(request.param)
    engine.reset()
    yield engine
    engine.reset()


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


@pytest.fixture(scope="session", params=[HELM, HELM_3], ids=lambda recipe: recipe.name)
def helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm 4, and once more Helm 3: both are in use."""
    try:
        return Helm(request.param, tmp_path_factory.mktemp("helm"))
    except NotInstalled as missing:
        skip_or_fail(str(missing))
        raise


@pytest.fixture(scope="session")
def kube_apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiserver]:
    """A real kube-apiserver that all tests share: use namespaces of your own, leave the server running.

    It is compiled for many minutes, so that its absence is no failure, also where servers are required, unless
    `WLF_TRY_KUBE_APISERVER=1`.
    """
    recipe = KubeApiserver.recipe
    if not os.environ.get("WLF_TRY_KUBE_APISERVER") and installed_version(recipe.name, recipe.edition) is None:
        pytest.skip("kube-apiserver takes long to compile; run: make kube-apiserver")
    yield from shared(KubeApiserver, tmp_path_factory)


@pytest.fixture(scope="session")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containerd]:
    """A containerd that all tests share: run pods of your own, leave the server running."""
    yield from shared(Containerd, tmp_path_factory)


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
def make_docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[Docker]]:
    """Start Docker Engines for one test: `make_docker(options={"live-restore": "true"})`."""
    yield from _factory(Docker, tmp_path_factory)


@pytest.fixture
def make_podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[Podman]]:
    """Start Podman's service for one test."""
    yield from _factory(Podman, tmp_path_factory)


@pytest.fixture
def make_mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make[MongoDB]]:
    """Start MongoDB servers for one test: `make_mongodb(auth=True)`."""
    yield from _factory(MongoDB, tmp_path_factory)
