"""Everything at once on real servers: changes and logs through routers, Aggregator and Encryptor to four sinks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.integration.sinks import kafka_events
from tests.integration.wlf_run import WlfRun
from tests.servers.kafka import Kafka
from tests.servers.mongodb import MongoDB
from tests.servers.mysql import MySQL
from tests.servers.redis import Redis
from wlf.cli import main

ROOT = Path(__file__).parents[2]
CONFIG = Path("examples/picture/picture.yaml")


def test_the_whole_picture_runs(
    mysql: MySQL, kafka: Kafka, redis_server: Redis, mongodb: MongoDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    redis_server.reset()
    given = {
        "DB_PORT": mysql.port, "DB_PASSWORD": "password", "KAFKA": kafka.bootstrap_servers,
        "REDIS_PORT": redis_server.port, "MONGODB": mongodb.uri.removeprefix("mongodb://").partition("/")[0],
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))
    mysql.execute("DROP DATABASE IF EXISTS shop", "DROP DATABASE IF EXISTS other")
    run = WlfRun(tmp_path / "run", CONFIG, "--until-end")
    run.launch()  # the stream begins here
    assert run.wait(60) == 0, run.text()
    mysql.execute("CREATE DATABASE shop", "CREATE DATABASE other")
    for table in ("shop.picture_a", "shop.picture_b", "other.picture_c"):
        mysql.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY)", f"INSERT INTO {table} VALUES (1), (2)")
    run.launch()
    assert run.wait(60) == 0, run.text()

    topics = kafka_events(kafka.bootstrap_servers, "shop.picture_")
    assert {topic: [event["data"]["id"] for event in events] for topic, events in topics.items()} == {
        "shop.picture_a": [1, 2],
        "shop.picture_b": [1, 2],
    }
    pods = list(Path("examples/kubernetes/pods").rglob("*.log"))
    in_mongodb = [
        document["message"]
        for container in ("web", "report", "istio-proxy")
        for document in mongodb.documents("logs", f"shop-{container}")
    ]
    in_redis = [
        json.loads(fields[next(iter(fields))]) for _, fields in redis_server.connect().xrange("pods.kube-system")
    ]
    assert {event["kubernetes"]["namespace"] for event in in_redis} == {"kube-system"}
    assert {path.parents[1].name.split("_")[0] for path in pods} == {"shop", "kube-system"}

    key = "example-1=examples/encryptor/data/example.key"
    opened = CliRunner().invoke(main, ["decrypt", "out/picture/archive.jsonl", "--key", key, "-o", "opened.jsonl"])
    assert opened.exit_code == 0, opened.output
    groups = [json.loads(line) for line in Path("opened.jsonl").read_text().splitlines()]
    lines = [message for group in groups if group["key"]["type"] == "log" for message in group["fields"]["message"]]
    assert sorted(lines) == sorted([*in_mongodb, *(event["message"] for event in in_redis)])
    ids = {group["key"]["table"]: group["fields"]["id"] for group in groups if group["key"]["type"] == "insert"}
    assert ids == {"picture_a": [1, 2], "picture_b": [1, 2]}


def test_the_whole_picture_is_drawn_with_its_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    drawn = CliRunner().invoke(main, ["graph", "render", str(CONFIG)])
    assert drawn.exit_code == 0, drawn.output
    assert 'kubernetes.namespace == "shop"' in drawn.output
