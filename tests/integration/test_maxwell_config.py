"""A maxwell.properties runs as it is: from a real MySQL into real Kafka, Redis and standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sinks import Subscriber
from tests.integration.wlf_run import WlfRun
from tests.servers.kafka import Kafka
from tests.servers.kafka_topics import Record
from tests.servers.mysql import MySQL
from tests.servers.redis import Redis
from wlf.components.dispatchers._kafka.partitioner import java_hash_code

pytestmark = pytest.mark.servers

FIELDS = ["database", "table", "type", "ts", "xid"]


def _run(directory: Path, server: MySQL, *lines: str) -> WlfRun:
    directory.mkdir()
    path = directory / "maxwell.properties"
    where = (f"host=127.0.0.1\nport={server.port}", "user: root\npassword = password")
    path.write_text("\n".join((*where, *lines, "")))
    return WlfRun(directory, path)


def _tables(server: MySQL, database: str) -> None:
    server.execute(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
    for table in ("orders", "orders_2026", "hidden"):
        server.execute(f"CREATE TABLE {database}.{table} (Id INT PRIMARY KEY, channel VARCHAR(20), price DECIMAL(8,2))")


def _change(server: MySQL, database: str) -> None:
    """Two transactions: five rows that pass the filter, and some that do not."""
    with server.connect(autocommit=False) as connection, connection.cursor() as cursor:
        for row in (1, 17, 4711):
            cursor.execute(f"INSERT INTO {database}.orders VALUES ({row}, 'web', {row}.50)")
        cursor.execute(f"INSERT INTO {database}.orders VALUES (2, 'loadtest', 1), (3, 'loadtest', 2)")
        cursor.execute(f"INSERT INTO {database}.hidden VALUES (1, 'web', 1)")
        connection.commit()
        cursor.execute(f"UPDATE {database}.orders SET price = 2 WHERE Id = 17")
        cursor.execute(f"INSERT INTO {database}.orders_2026 VALUES (9, NULL, NULL)")
        connection.commit()


def _filter(database: str) -> str:
    return (
        f"filter=exclude: *.*, \\\n  include: {database}./^orders(_[0-9]{{4}})?$/, "
        f"exclude: {database}.*.channel = loadtest"
    )


def _expect(messages: list[dict[str, Any]]) -> None:
    """What `_change` looks like from behind the filter, in any order of tables."""
    found = {
        (message["table"], message["type"], message["data"]["Id"], message["data"]["price"]) for message in messages
    }
    assert found == {
        ("orders", "insert", 1, 1.5),
        ("orders", "insert", 17, 17.5),
        ("orders", "insert", 4711, 4711.5),
        ("orders", "update", 17, 2),
        ("orders_2026", "insert", 9, None),
    }
    assert len(messages) == 5
    assert all(list(message)[:5] == FIELDS for message in messages)


def _records(kafka: Kafka, *topics: str) -> dict[str, list[Record]]:
    return {topic: kafka.read_topic(topic) for topic in topics}


@pytest.mark.parametrize(("hash_name", "key_format"), [("default", "hash"), ("murmur3", "array")])
def test_kafka_gets_messages_keys_and_partitions_as_maxwell_makes_them(
    mysql: MySQL, kafka: Kafka, tmp_path: Path, hash_name: str, key_format: str
) -> None:
    database = f"mx_{hash_name}"
    _tables(mysql, database)
    topics = [f"{database}_{name}" for name in ("orders", "orders_2026", "ddl")]
    for topic in topics:
        kafka.create_topic(topic, 12)
    lines = (
        f"producer=kafka\nkafka.bootstrap.servers={kafka.bootstrap_servers}\nkafka.compression.type=gzip",
        f"kafka_topic={database}_%{{table}}\nddl_kafka_topic={database}_ddl\noutput_ddl=true",
        f"producer_partition_by=primary_key\nkafka_partition_hash={hash_name}\nkafka_key_format={key_format}",
        _filter(database),
    )
    with _run(tmp_path / "run", mysql, *lines) as wlf:
        _change(mysql, database)
        mysql.execute(f"ALTER TABLE {database}.orders ADD COLUMN note TEXT")
        wlf.wait_for(lambda: sum(map(len, _records(kafka, *topics).values())) >= 6, "deliver all")
        assert wlf.terminate() == 0
    orders, of_2026, ddl = _records(kafka, *topics).values()
    _expect([json.loads(record.value or b"") for record in orders + of_2026])
    assert [json.loads(record.value or b"")["type"] for record in ddl] == ["table-alter"]
    assert ddl[0].partition == _DDL_PARTITION[hash_name]
    for record in orders:
        key = json.loads(record.key or b"")
        row = key["pk.id"] if key_format == "hash" else key[2][0]["id"]
        expected = {"database": database, "table": "orders", "pk.id": row}
        assert key == (expected if key_format == "hash" else [database, "orders", [{"id": row}]])
        assert record.partition == _PARTITIONS[hash_name][row]


# String.hashCode() of "1", "17" and "4711" by its definition; MurmurHash3 of the same with the seed of Maxwell is
# -1155099792, -1273949652 and 764879215, by an implementation in Java.
_PARTITIONS = {
    "default": {1: 49 % 12, 17: 1574 % 12, 4711: (((52 * 31 + 55) * 31 + 49) * 31 + 49) % 12},
    "murmur3": {1: 1155099792 % 12, 17: 1273949652 % 12, 4711: 764879215 % 12},
}
_DDL_PARTITION = {"default": abs(java_hash_code("mx_default")) % 12, "murmur3": 681494771 % 12}


@pytest.mark.parametrize("kind", ["pubsub", "xadd", "rpush", "lpush"])
def test_redis_gets_each_kind_as_maxwell_writes_it(
    mysql: MySQL, redis_server: Redis, tmp_path: Path, kind: str
) -> None:
    database = f"mx_{kind}"
    _tables(mysql, database)
    lines = (
        f"producer=redis\nredis_host=127.0.0.1\nredis_port={redis_server.port}\nredis_type={kind}",
        f"redis_key={database}_%{{table}}\nredis_stream_json_key=json",
        _filter(database),
    )
    read: dict[str, Callable[[Any, str], list[bytes]]] = {
        "xadd": lambda client, key: [entry[b"json"] for _, entry in client.xrange(key)],
        "rpush": lambda client, key: client.lrange(key, 0, -1),
        "lpush": lambda client, key: client.lrange(key, 0, -1)[::-1],
    }
    with Subscriber(redis_server.port, f"{database}_*") as subscriber, _run(tmp_path / "run", mysql, *lines) as wlf:

        def found() -> list[dict[str, Any]]:
            if kind == "pubsub":
                return [message for _, message in subscriber.messages]
            with redis_server.connect() as client:
                texts = [t for name in ("orders", "orders_2026") for t in read[kind](client, f"{database}_{name}")]
            return [json.loads(text) for text in texts]

        _change(mysql, database)
        wlf.wait_for(lambda: len(found()) >= 5, "deliver all")
        assert wlf.terminate() == 0
        _expect(found())


def test_standard_output_gets_lines_in_maxwells_order(mysql: MySQL, tmp_path: Path) -> None:
    _tables(mysql, "mx_stdout")
    with _run(tmp_path / "run", mysql, _filter("mx_stdout"), "output_primary_keys=true", "hots=db") as wlf:
        _change(mysql, "mx_stdout")
        wlf.wait_for(lambda: wlf.text().count('{"database":') >= 5, "print all")
        assert wlf.terminate() == 0
    lines = [json.loads(line) for line in wlf.text().splitlines() if line.startswith('{"database":')]
    _expect(lines)
    assert [line["data"]["Id"] for line in lines] == [1, 17, 4711, 17, 9]
    assert [line.get("xoffset") for line in lines] == [0, 1, 2, 0, None]
    assert [line.get("commit") for line in lines] == [None, None, True, None, True]
    assert lines[3]["old"] == {"price": 17.5}
    assert lines[0]["primary_key"] == [1]
    assert "W204 hots: Maxwell has no such key" in wlf.text()
    assert "password" not in "".join(line for line in wlf.text().splitlines() if "root" in line)


def test_the_converted_yaml_runs_the_same(mysql: MySQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from wlf.cli import main

    _tables(mysql, "mx_yaml")
    run = _run(tmp_path / "run", mysql, _filter("mx_yaml"))
    converted = tmp_path / "shop.yaml"
    result = CliRunner().invoke(main, ["convert", str(run.config), "-o", str(converted)])
    assert (result.exit_code, result.output) == (0, "")
    assert "password = password" not in converted.read_text()
    monkeypatch.setenv("MAXWELL_PASSWORD", "password")
    with WlfRun(tmp_path / "yaml", converted) as wlf:
        _change(mysql, "mx_yaml")
        wlf.wait_for(lambda: wlf.text().count('{"database":') >= 5, "print all")
        assert wlf.terminate() == 0
    _expect([json.loads(line) for line in wlf.text().splitlines() if line.startswith('{"database":')])


EXAMPLE = Path(__file__).parents[2] / "examples" / "maxwell" / "maxwell.properties"


def test_the_example_runs_with_nothing_but_other_ports(make_mysql: Any, kafka: Kafka, tmp_path: Path) -> None:
    server = make_mysql()
    _tables(server, "shop")
    for topic in ("maxwell_orders", "maxwell_orders_2026", "maxwell_ddl"):
        kafka.create_topic(topic, 3)
    path = tmp_path / "maxwell.properties"
    text = EXAMPLE.read_text(encoding="utf-8")
    path.write_text(text.replace("port=3306", f"port={server.port}").replace("127.0.0.1:9092", kafka.bootstrap_servers))
    with WlfRun(tmp_path / "run", path) as wlf:
        _change(server, "shop")
        server.execute("ALTER TABLE shop.orders ADD COLUMN note TEXT")
        topics = ("maxwell_orders", "maxwell_orders_2026", "maxwell_ddl")
        wlf.wait_for(lambda: sum(map(len, _records(kafka, *topics).values())) >= 6, "deliver all")
        assert wlf.terminate() == 0
    orders, of_2026, ddl = _records(kafka, *topics).values()
    _expect([json.loads(record.value or b"") for record in orders + of_2026])
    assert [json.loads(record.value or b"")["type"] for record in ddl] == ["table-alter"]


def test_a_row_that_is_too_large_goes_to_the_dead_letters_and_the_others_go_on(
    mysql: MySQL, kafka: Kafka, tmp_path: Path
) -> None:
    _tables(mysql, "mx_large")
    mysql.execute("ALTER TABLE mx_large.orders MODIFY channel TEXT")
    for topic in ("mx_large", "mx_large_dead"):
        kafka.create_topic(topic)
    lines = (
        f"producer=kafka\nkafka.bootstrap.servers={kafka.bootstrap_servers}\nkafka.max.request.size=4000",
        "kafka_topic=mx_large\ndead_letter_topic=mx_large_dead\nfilter=exclude: *.*, include: mx_large.orders",
    )
    with _run(tmp_path / "run", mysql, *lines) as wlf:
        for row, channel in ((1, "web"), (2, "x" * 5_000), (3, "web")):
            mysql.execute(f"INSERT INTO mx_large.orders VALUES ({row}, '{channel}', 1)")
        wlf.wait_for(lambda: sum(map(len, _records(kafka, "mx_large", "mx_large_dead").values())) >= 3, "deliver all")
        assert wlf.terminate() == 0
    passed, dead = _records(kafka, "mx_large", "mx_large_dead").values()
    assert [json.loads(record.value or b"")["data"]["Id"] for record in passed] == [1, 3]
    (letter,) = [json.loads(record.value or b"") for record in dead]
    assert letter["event"]["data"] == {"Id": 2}
    assert "expected a message of at most 4000 bytes" in letter["error"]
