"""The Kafka dispatcher without a broker: options, keys, partitions and messages."""

from __future__ import annotations

import decimal
import gc
import json
from typing import Any

import msgspec
import pytest
from aiokafka import partitioner as peer
from hypothesis import given
from hypothesis import strategies as st

from tests.components.fakes import Batch
from tests.components.rows import configured, delete, insert, update
from wlf.components.dispatchers._kafka.delivery import _by_partition
from wlf.components.dispatchers._kafka.keys import Keys
from wlf.components.dispatchers._kafka.messages import Composer, Messages
from wlf.components.dispatchers._kafka.partitioner import CACHED_KEYS, RememberedHash, hash_of, murmur2
from wlf.components.dispatchers.kafka import KafkaConfig, KafkaDispatcher
from wlf.events import DeadLetter, Event, LogLine, RowInsert, SchemaChange
from wlf.events.table import TableVersion

# org.apache.kafka.common.utils.UtilsTest.testMurmur2
JAVA_VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def config(**options: Any) -> KafkaConfig:
    found: KafkaConfig = configured(KafkaConfig, **options)
    return found


def compose(*events: Event, **options: Any) -> Messages:
    return Composer(config(**options)).compose(Batch(list(events)))


def keys(*events: Event, **options: Any) -> list[bytes | None]:
    return list(compose(*events, **options).keys)


def test_the_original_options_are_taken() -> None:
    given_ = {"topic": "logFlex.%{/database}.%{/table}", "bootstrap_brokers": ["127.0.0.1:9092"]}
    assert config(**given_, compression_type="Gzip").bootstrap_brokers == ["127.0.0.1:9092"]
    assert config().topic.text == "wasm-log-flex"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partition_by": "columns"}, "partition_columns together with partition_by: columns"),
        ({"partition_columns": ["a"]}, "partition_columns together with partition_by: columns"),
        ({"acks": 1, "idempotence": True}, "expected acks: all with idempotence: true, got 1"),
        ({"tombstones": True, "partition_by": "none"}, "for they need a key"),
        ({"client_options": {"acks": 1}}, r"client_options\.acks: expected the option acks"),
        ({"client_options": {"sasl_plain_password": "x"}}, r"client_options\.sasl_plain_password: .* option sasl"),
        ({"client_options": {"transactional_id": "t"}}, r"client_options\.transactional_id: cannot be set"),
        ({"bootstrap_brokers": []}, "length >= 1"),
        ({"bootstrap_brokers": ["kafka:9092,other:9092"]}, "bootstrap_brokers: expected HOST:PORT"),
        ({"bootstrap_brokers": ["PLAINTEXT://kafka:9092"]}, "bootstrap_brokers: expected HOST:PORT"),
        ({"compression_type": "brotli"}, "Invalid enum value 'brotli'"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        config(**options)


def test_the_password_is_not_printed() -> None:
    assert "hunter2" not in repr(config(sasl={"username": "u", "password": "hunter2"}))


def test_the_guarantee_follows_acks() -> None:
    def guarantee(**options: Any) -> str:
        return KafkaDispatcher.describe_guarantee(config(**options))

    assert guarantee() == "at least once; repeats within one connection to the brokers are dropped by them"
    assert guarantee(idempotence=False) == "at least once"
    assert "unless a leader is lost" in guarantee(acks=1)
    assert guarantee(acks=0).startswith("at most once")


@pytest.mark.parametrize(("key", "signed"), JAVA_VECTORS.items())
def test_murmur2_is_the_java_clients(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF
    assert hash_of("java")(key) == signed & 0x7FFFFFFF


@given(st.binary(max_size=64))
def test_murmur2_agrees_with_another_implementation(key: bytes) -> None:
    assert murmur2(key) == peer.murmur2(key)


def test_remembered_keys_are_bounded_and_right() -> None:
    java = hash_of("java")
    assert isinstance(java, RememberedHash)
    found = [java(b"%d" % n) for n in range(CACHED_KEYS + 10)]
    assert len(java._known) <= CACHED_KEYS
    assert found[:5] == [java(b"%d" % n) for n in range(5)]
    java(b"x" * 10_000)
    assert b"x" * 10_000 not in java._known


def test_crc32_is_the_default() -> None:
    assert config().partitioner == "crc32"
    assert hash_of("crc32")(b"123456789") == 0xCBF43926
    assert hash_of("java")(b"abc") == 479470107


def test_the_key_is_the_table_and_the_primary_key() -> None:
    assert keys(insert("t1", id=7, text="x"), insert("t1", database="d2", id='a"b')) == [
        b'{"database":"d1","table":"t1","pk.id":7}',
        b'{"database":"d2","table":"t1","pk.id":"a\\"b"}',
    ]
    several = insert("t", primary_key=("b", "a"), a=decimal.Decimal("1.50"), b=2, c=3)
    assert keys(several) == [b'{"database":"d1","table":"t","pk.b":2,"pk.a":1.50}']


def test_insert_update_and_delete_of_a_row_have_the_same_key() -> None:
    made = keys(insert(id=1, v=1), update(id=1, v=2, old={"v": 1}), delete(id=1, v=2))
    assert len(set(made)) == 1


def test_what_has_no_primary_key_is_keyed_by_its_table() -> None:
    table = b'{"database":"d1","table":"t1"}'
    ddl = SchemaChange(database="d1", table="t1", type="table-alter", ts=1, sql="ALTER")
    whole = SchemaChange(database="d1", type="database-drop", ts=1, sql="DROP")
    partial = insert(primary_key=("id",), id=msgspec.UNSET, v=1)
    assert keys(insert(primary_key=(), a=1), ddl, whole, partial) == [table, table, b'{"database":"d1"}', table]


def test_other_events_are_keyed_by_where_they_come_from() -> None:
    letter = DeadLetter(node="n", error="e", attempts=1, ts=1.0, event=insert(id=7))
    assert keys(LogLine(source="nginx", ts=1.0, message="m"), letter) == [
        b"nginx",
        b'{"database":"d1","table":"t1","pk.id":7}',
    ]


def test_keys_are_json() -> None:
    (key,) = keys(insert('a"表', database="my db", primary_key=('c"',), **{'c"': "é"}))
    assert key is not None
    assert json.loads(key) == {"database": "my db", "table": 'a"表', 'pk.c"': "é"}


def test_partition_by_moves_the_event_and_leaves_its_key() -> None:
    events = [insert("t1", id=1, shop=5), insert("t1", id=2, shop=5), insert("t2", id=1)]
    by_key = compose(*events)
    assert by_key.placed == by_key.keys
    assert compose(*events, partition_by="table").placed == [b"d1.t1", b"d1.t1", b"d1.t2"]
    assert compose(*events, partition_by="database").placed == [b"d1"] * 3
    by_column = compose(*events, partition_by="columns", partition_columns=["shop"])
    assert by_column.placed == [b"[5]", b"[5]", by_key.keys[2]]
    for other in (compose(*events, partition_by="table"), by_column):
        assert other.keys == by_key.keys
    assert compose(*events, partition_by="none").keys == compose(*events, partition_by="none").placed == [None] * 3


def test_a_tombstone_follows_a_delete() -> None:
    batch = Batch([insert(id=1), delete(id=1), insert(id=2)])
    made = Composer(config(tombstones=True)).compose(batch)
    first, second, third = batch.payloads()
    assert made.values == [first, second, None, third]
    assert made.events == [0, 1, 1, 2]
    assert made.keys[1] == made.keys[2] == made.placed[2]


def test_a_tombstone_takes_the_former_key_away_when_a_primary_key_changes() -> None:
    moved = update(id=2, v=1, old={"id": 1})
    made = compose(update(id=1, v=1, old={"v": 0}), moved, tombstones=True)
    assert made.events == [0, 1, 1]
    assert made.values[2] is None
    assert made.keys[2] == made.placed[2] == b'{"database":"d1","table":"t1","pk.id":1}'
    half = update(primary_key=("a", "b"), a=1, b=2, old={"b": 9})
    assert compose(half, tombstones=True).keys[1] == b'{"database":"d1","table":"t1","pk.a":1,"pk.b":9}'
    by_table = compose(moved, tombstones=True, partition_by="table")
    assert by_table.placed == [b"d1.t1", b"d1.t1"]


def test_without_tombstones_each_event_is_one_message() -> None:
    assert list(compose(delete(id=1), update(id=2, old={"id": 1})).events) == [0, 1]


def test_an_oversize_event_is_rejected_with_its_size_and_the_others_go_on() -> None:
    made = compose(insert(id=1), insert(id=2, text="x" * 2_000), insert(id=3), max_message_bytes=1_500)
    assert list(made.events) == [0, 2]
    assert list(made.rejected) == [1]
    assert made.rejected[1].startswith("expected a message of at most 1500 bytes (max_message_bytes), got 21")
    assert len(made.topics) == len(made.keys) == len(made.placed) == len(made.values) == 2


def test_table_names_that_kafka_refuses_are_replaced_or_rejected() -> None:
    events = [insert("my table", id=1), insert("表", id=1), insert("Orders", id=1)]
    assert compose(*events, topic="t.%{/table}").topics == ["t.my_table", "t._", "t.Orders"]
    made = compose(*events, topic="t.%{/table}", names="reject")
    assert made.topics == ["t.Orders"]
    assert sorted(made.rejected) == [0, 1]
    both = compose(*events, insert("my_table", id=1), topic="t.%{/table}")
    assert "'t.my_table' and 't.my table' would both be" in both.rejected[3]


def test_a_table_that_nobody_knows_any_more_is_forgotten() -> None:
    made = Keys("wlf")
    for turn in range(20):
        table = TableVersion("d1", f"t{turn}", ("id",), (0,))
        ((key,), _) = made.of([RowInsert(database="d1", table=f"t{turn}", type="insert", ts=1, data=table.row(turn))])
        assert key == b'{"database":"d1","table":"t%d","pk.id":%d}' % (turn, turn)
        del table
    gc.collect()
    assert len(made._compiled) == 0


def test_rows_without_a_row_class_are_keyed_by_their_table() -> None:
    event = RowInsert(database="d1", table="t1", type="insert", ts=1, data={"id": 1})
    assert keys(event, insert(id=1)) == [
        b'{"database":"d1","table":"t1"}',
        b'{"database":"d1","table":"t1","pk.id":1}',
    ]
    assert compose(event, partition_by="columns", partition_columns=["id"]).placed == keys(event)


COLUMNS = st.one_of(st.integers(), st.text(max_size=3), st.none(), st.just(msgspec.UNSET), st.booleans())
TABLES = {
    "one": TableVersion("d%d", "one", ["n", "Id%0"], [1]),
    "zero": TableVersion("d0", "zero0", ["0", "n"], [0]),
    "two": TableVersion("d", "two", ["a", "b"], [1, 0]),
    "none": TableVersion("d", "none", ["a", "b"]),
    "odd": TableVersion("d", "odd", ['a"b', "b"], [0]),
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(TABLES)), st.one_of(st.integers(), COLUMNS), COLUMNS), max_size=8),
    st.sampled_from(["wlf", "maxwell_hash", "maxwell_array"]),
)
def test_keys_of_a_batch_are_those_of_each_event(rows: list[tuple[str, Any, Any]], form: Any) -> None:
    events = [
        RowInsert(TABLES[name].database, TABLES[name].table, "insert", 1, data=TABLES[name].row(*values))
        for name, *values in rows
    ]
    together = Keys(form).of(events)
    alone = [Keys(form)._one_by_one([event]) for event in events]
    assert together.loose == [place for place, keyed in enumerate(alone) if keyed.loose]
    for place, keyed in enumerate(alone):
        if not keyed.loose:  # else it is a new random one each time
            assert together.keys[place] == keyed.keys[0]


@given(st.lists(st.sampled_from(["Orders", "a b", "表", "x" * 300]), max_size=10))
def test_topics_of_a_batch_are_those_of_each_event(tables: list[str]) -> None:
    events = [insert(table, id=1) for table in tables]
    together = compose(*events, topic="%{/database}.%{/table}", names="reject")
    alone = [compose(event, topic="%{/database}.%{/table}", names="reject") for event in events]
    assert together.topics == [topic for made in alone for topic in made.topics]
    assert together.rejected == {place: made.rejected[0] for place, made in enumerate(alone) if made.rejected}


@given(st.lists(st.one_of(st.none(), st.binary(max_size=4)), max_size=20), st.integers(1, 5), st.integers(0, 9))
def test_each_message_is_in_the_partition_of_its_key_and_in_order(
    placed: list[bytes | None], count: int, turn: int
) -> None:
    crc32 = hash_of("crc32")
    groups = dict(_by_partition(range(len(placed)), placed, count, crc32, turn))
    assert sorted(index for group in groups.values() for index in group) == list(range(len(placed)))
    for partition, group in groups.items():
        assert list(group) == sorted(group)
        for index in group:
            place = placed[index]
            assert partition == (turn if place is None else crc32(place)) % count
