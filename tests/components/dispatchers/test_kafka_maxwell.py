"""Kafka keys and partitions as Maxwell and Debezium have them; expected numbers are those of Java itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.components.fakes import Batch
from tests.components.rows import configured, delete, insert, update
from wlf.components.dispatchers._kafka.messages import Composer, Messages
from wlf.components.dispatchers._kafka.partitioner import MAXWELL_SEED, hash_of, java_hash_code, murmur3
from wlf.components.dispatchers.kafka import KafkaConfig, KafkaDispatcher
from wlf.errors import ConfigError
from wlf.events import DeadLetter, Event, LogLine, RowInsert, SchemaChange
from wlf.events.rows import Origin, Place, put_place
from wlf.graph.compile import compile_text


def config(**options: Any) -> KafkaConfig:
    made: KafkaConfig = configured(KafkaConfig, **options)
    return made


def compose(*events: Event, **options: Any) -> Messages:
    return Composer(config(**options)).compose(Batch(events, options.get("format", "json")))


def keys(form: str, *events: Event) -> Sequence[bytes | None]:
    return compose(*events, key=form).keys


def texts(*events: Event, **options: Any) -> Sequence[bytes | None]:
    return compose(*events, partitioner="maxwell_default", **options).placed


DDL = SchemaChange(database="d1", table="t1", type="table-alter", ts=1, sql="ALTER")


# The hashes.


# Printed by String.hashCode() of OpenJDK 17; the last is Integer.MIN_VALUE, which has no absolute value there.
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 0),
        ("17", 1574),
        ("hello", 99162322),
        ("shop", 3529462),
        ("orders", -1008770331),
        ("日本😀", 804253066),
        ("polygenelubricants", -2147483648),
    ],
)
def test_the_default_hash_is_javas_hash_code(text: str, code: int) -> None:
    assert java_hash_code(text) == code
    assert hash_of("maxwell_default")(text.encode()) == abs(code)


def test_the_partition_is_that_of_math_abs_of_javas_remainder() -> None:
    # jshell: Math.abs("polygenelubricants".hashCode() % 12) ==> 8, Math.abs("orders".hashCode() % 12) ==> 3
    default = hash_of("maxwell_default")
    assert default(b"polygenelubricants") % 12 == 8
    assert default(b"orders") % 12 == 1008770331 % 12 == 3


# The vectors of MurmurHash3_x86_32 that its ports are checked with.
@pytest.mark.parametrize(
    ("key", "seed", "expected"),
    [
        (b"", 0, 0),
        (b"", 1, 0x514E28B7),
        (b"", 0xFFFFFFFF, 0x81F16F39),
        (b"\xff\xff\xff\xff", 0, 0x76293B50),
        (b"!Ce\x87", 0, 0xF55B516B),
        (b"!Ce", 0, 0x7E4A8634),
        (b"!C", 0, 0xA0F7B07A),
        (b"!", 0, 0x72661CF4),
        (b"aaaa", 0x9747B28C, 0x5A97808A),
        (b"Hello, world!", 0x9747B28C, 0x24884CBA),
        ("ππππππππ".encode(), 0x9747B28C, 0xD58063C1),
        (b"The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
    ],
)
def test_murmur3_gives_the_known_answers(key: bytes, seed: int, expected: int) -> None:
    assert murmur3(key, seed) == expected


# By an implementation in Java with Maxwell's seed.
@pytest.mark.parametrize(
    ("text", "code"), [("1", -1155099792), ("4711", 764879215), ("orders", 190045300), ("日本😀", -637156706)]
)
def test_the_other_hash_is_murmur3_with_maxwells_seed(text: str, code: int) -> None:
    assert hash_of("maxwell_murmur3")(text.encode()) == abs(code)


@given(st.text(st.characters(exclude_categories=())))
def test_maxwell_hashes_are_never_negative(text: str) -> None:
    place = text.encode("utf-8", "surrogatepass")
    signed = (murmur3(place, MAXWELL_SEED) ^ 0x80000000) - 0x80000000
    assert hash_of("maxwell_murmur3")(place) == abs(signed) >= 0
    assert hash_of("maxwell_default")(place) >= 0


# What is hashed: RowIdentity, RowMap and AbstractMaxwellPartitioner.


def test_by_database_and_table_the_bare_name_is_hashed() -> None:
    event = insert("t1", id=1)
    assert texts(event, partition_by="database") == [b"d1"]
    assert texts(event, partition_by="table") == [b"t1"]


def test_by_primary_key_the_values_are_hashed_one_behind_the_other() -> None:
    several = insert("t", primary_key=("b", "a"), a=Decimal("1.50"), b=7, c=3)
    assert texts(insert(id=17), several, insert(id="x")) == [b"17", b"71.50", b"x"]


def test_without_primary_key_database_and_table_are_hashed_and_nulls_are_none() -> None:
    no_class = RowInsert(database="d1", table="t1", type="insert", ts=1, data={"id": 1})
    assert texts(insert(primary_key=(), a=1), insert(id=None), no_class) == [b"d1t1", b"None", b"d1t1"]


def test_by_column_values_that_are_there_are_hashed_else_the_fallback() -> None:
    options: dict[str, Any] = {"partition_by": "columns", "partition_columns": ["shop", "kind"]}
    events = [
        insert(id=1, shop=5, kind="a"),
        insert(id=2, shop=5),
        insert(id=3, shop=None, kind=""),
        insert("t2", id=4),
    ]
    assert texts(*events, **options) == [b"5a", b"5", b"3", b"4"]
    assert texts(*events, **options, partition_fallback="table") == [b"5a", b"5", b"t1", b"t2"]


def test_by_transaction_and_thread() -> None:
    with_both = RowInsert(database="d", table="t", type="insert", ts=1, xid=23396, thread_id=12)
    without = RowInsert(database="d", table="t", type="insert", ts=1)
    hidden = RowInsert(database="d", table="t", type="insert", ts=1)
    put_place([hidden], Place("s", "f", 4, 1, None, 0, 1, Origin(1, 77, None, None, 88)))
    events = [with_both, without, hidden]
    assert texts(*events, partition_by="transaction_id") == [b"23396", b"null", b"88"]
    assert texts(*events, partition_by="thread_id") == [b"12", b"null", b"77"]
    of_wlf = compose(with_both, partition_by="transaction_id")
    assert (of_wlf.placed, of_wlf.keys) == ([b"23396"], [b'{"database":"d","table":"t"}'])


def test_ddl_goes_by_its_database_and_a_dead_letter_by_what_it_holds() -> None:
    letter = DeadLetter(node="n", error="e", attempts=1, ts=1.0, event=insert(id=7))
    line = LogLine(source="nginx", ts=1.0, message="m")
    assert texts(DDL, letter, line, partition_by="primary_key") == [b"d1", b"7", b"nginx"]


def test_random_keeps_the_keys_and_gives_up_the_order() -> None:
    made = compose(insert(id=1), partition_by="random")
    assert (made.placed, made.keys) == ([None], [b'{"database":"d1","table":"t1","pk.id":1}'])


# The keys.


def test_maxwells_hash_key_lowers_the_names_of_columns() -> None:
    event = insert("T1", primary_key=("Id", "B"), Id=7, B="x")
    assert keys("maxwell_hash", event) == [b'{"database":"d1","table":"T1","pk.id":7,"pk.b":"x"}']
    assert keys("wlf", event) == [b'{"database":"d1","table":"T1","pk.Id":7,"pk.B":"x"}']


def test_maxwells_array_key_has_an_object_a_column() -> None:
    several = insert("t", primary_key=("B", "a"), a=Decimal("1.50"), B=2)
    assert keys("maxwell_array", insert(id=7), several, insert(primary_key=(), a=1)) == [
        b'["d1","t1",[{"id":7}]]',
        b'["d1","t",[{"b":2},{"a":1.50}]]',
        b'["d1","t1",[]]',
    ]


def test_a_hash_key_without_primary_key_has_a_uuid_and_still_one_partition() -> None:
    events = [insert(primary_key=(), a=n) for n in range(3)]
    put_place(events[:1], Place("s", "f", 4, 1, None, 0, 1))
    made = compose(*events, key="maxwell_hash")
    for key in made.keys:
        assert key is not None
        UUID(json.loads(key)["_uuid"])
    assert len(set(made.keys)) == 3
    assert set(made.placed) == {b'{"database":"d1","table":"t1"}'}
    assert compose(events[0], key="maxwell_hash").keys[0] == made.keys[0], "a replay has the same key"


@pytest.mark.parametrize("form", ["maxwell_hash", "maxwell_array"])
def test_ddl_has_a_random_uuid_as_in_maxwell(form: str) -> None:
    (key,) = keys(form, DDL)
    assert key is not None
    UUID(key.decode())


def test_debeziums_key_is_the_primary_key_alone() -> None:
    made = compose(insert(id=7), insert(primary_key=(), a=1), DDL, key="debezium")
    assert made.keys == [b'{"id":7}', None, b'{"databaseName":"d1"}']
    assert made.placed == [b'{"id":7}', b'{"database":"d1","table":"t1"}', b'{"databaseName":"d1"}']


def test_no_key_still_keeps_a_row_in_its_partition() -> None:
    made = compose(insert(id=7), key="none")
    assert (made.keys, made.placed) == ([None], [b'{"database":"d1","table":"t1","pk.id":7}'])


@pytest.mark.parametrize(
    ("format", "key"),
    [("json", "wlf"), ("canal", "wlf"), ("maxwell", "maxwell_hash"), ("debezium_schema", "debezium")],
)
def test_the_key_follows_the_format_unless_it_is_named(format: str, key: str) -> None:
    assert config(format=format).effective_key == key
    assert config(format=format, key="none").effective_key == "none"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partition_by": "none", "key": "wlf"}, "expected key: none with partition_by: none, got wlf"),
        ({"partition_by": "table", "partition_fallback": "table"}, "expected partition_fallback with partition_by: co"),
        ({"key": "none", "tombstones": True}, "for they need a key"),
        ({"partition_by": "random", "tombstones": True}, "for it keeps no order"),
    ],
)
def test_keys_and_places_that_contradict_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        config(**options)


PIPELINE = """
collectors: [{{id: binlog, type: Binlog, destination: kafka{more}}}]
dispatchers: [{{id: kafka, type: Kafka, topic: t, partition_by: thread_id}}]
"""


def test_a_partition_by_thread_needs_a_collector_that_brings_the_thread() -> None:
    with pytest.raises(ConfigError, match=r"no event has 'thread_id'.*\n.*output.thread_id: true on 'binlog'"):
        compile_text(PIPELINE.format(more=""))
    assert compile_text(PIPELINE.format(more=", output: {thread_id: true}")).warnings == ()


# Tombstones, and keys that change.


def test_a_tombstone_lies_in_the_partition_of_what_it_takes_away() -> None:
    options: dict[str, Any] = {"partition_by": "columns", "partition_columns": ["shop"], "tombstones": True}
    moved = update(id=2, shop=6, old={"id": 1, "shop": 5})
    made = compose(moved, **options)
    assert made.values[1] is None
    assert made.keys == [b'{"database":"d1","table":"t1","pk.id":2}', b'{"database":"d1","table":"t1","pk.id":1}']
    assert made.placed == [b"[6]", b"[5]"]


def test_a_row_that_changes_its_partition_alone_is_taken_away_before_it_comes_anew() -> None:
    options: dict[str, Any] = {"partition_by": "columns", "partition_columns": ["shop"], "tombstones": True}
    made = compose(update(id=1, shop=6, old={"shop": 5}), update(id=1, shop=6, v=2, old={"v": 1}), **options)
    assert made.events == [0, 0, 1]
    assert [value is None for value in made.values] == [True, False, False]
    assert made.placed == [b"[5]", b"[6]", b"[6]"]
    assert len(set(made.keys)) == 1


def test_what_has_no_key_of_its_own_has_no_tombstone() -> None:
    gone = delete(primary_key=(), a=1)
    assert None not in compose(gone, key="maxwell_hash", tombstones=True).values
    assert None not in compose(gone, key="debezium", tombstones=True).values


def _debezium(*events: Event, **options: Any) -> Messages:
    return compose(*events, format=options.pop("format", "debezium"), **options)


def test_debezium_follows_a_delete_by_a_tombstone_unless_told_otherwise() -> None:
    events = [insert(id=1), delete(id=1)]
    made = _debezium(*events)
    assert list(made.events) == [0, 1, 1]
    assert list(made.keys) == [b'{"id":1}'] * 3
    assert made.values[2] is None
    assert None not in _debezium(*events, tombstones=False).values


def test_debezium_writes_a_changed_key_as_delete_tombstone_and_create() -> None:
    made = _debezium(update(id=2, v=1, old={"id": 1}))
    assert list(made.keys) == [b'{"id":1}', b'{"id":1}', b'{"id":2}']
    assert made.placed == made.keys
    assert [None if value is None else json.loads(value)["op"] for value in made.values] == ["d", None, "c"]
    assert made.headers == [(("__debezium.newkey", b'{"id":2}'),), (), (("__debezium.oldkey", b'{"id":1}'),)]


def test_debezium_takes_a_changed_key_away_where_it_was() -> None:
    moved = update(id=2, shop=6, old={"id": 1, "shop": 5})
    assert _debezium(moved, partition_by="columns", partition_columns=["shop"]).placed == [b"[5]", b"[5]", b"[6]"]
    assert _debezium(moved, partitioner="maxwell_default").placed == [b"1", b"1", b"2"]


def test_debezium_with_schema_has_it_in_the_key_too() -> None:
    (key,) = _debezium(insert(id=1), format="debezium_schema").keys
    assert key is not None
    assert json.loads(key)["payload"] == {"id": 1}
    assert json.loads(key)["schema"]["type"] == "struct"


def test_an_oversize_debezium_message_takes_all_messages_of_its_event_with_it() -> None:
    events = [insert(id=0), update(id=2, v="x" * 2_000, old={"id": 1}), insert(id=3)]
    made = _debezium(*events, max_message_bytes=1_800)
    assert list(made.events) == [0, 2]
    assert list(made.rejected) == [1]
    assert made.headers is not None
    assert len(made.headers) == len(made.values) == 2


def test_debezium_messages_without_keys_are_not_expanded() -> None:
    made = _debezium(update(id=2, v=1, old={"id": 1}), key="none")
    assert (list(made.keys), made.headers) == ([None], None)


def test_the_guarantee_does_not_depend_on_the_key() -> None:
    assert KafkaDispatcher.describe_guarantee(config(key="debezium")).startswith("at least once")


# Dead letters of what is too large.


@pytest.mark.parametrize("format", ["json", "maxwell", "debezium", "canal"])
def test_a_dead_letter_that_is_too_large_tells_the_primary_key_alone(format: str) -> None:
    big = update(id=7, v="x" * 3_000, w=1, old={"v": "y" * 3_000})
    letters = [DeadLetter(node="kafka", error="too large", attempts=1, ts=1.5, event=event) for event in (big, DDL)]
    made = compose(*letters, format=format, max_message_bytes=1_500)
    assert not made.rejected
    assert json.loads(made.values[0] or b"") == {
        "node": "kafka",
        "error": "too large",
        "attempts": 1,
        "ts": 1.5,
        "event": {"database": "d1", "table": "t1", "type": "update", "ts": 1_700_000_000, "data": {"id": 7}},
        "type": "dead-letter",
    }
    assert json.loads(made.values[1] or b"")["event"]["sql"] == "ALTER", "what fits is sent whole"


def test_a_dead_letter_that_is_too_large_for_its_own_key_or_reason_is_refused() -> None:
    keyed = DeadLetter(node="n", error="e", attempts=1, ts=1.5, event=insert(id="x" * 3_000))
    told = DeadLetter(node="n", error="e" * 3_000, attempts=1, ts=1.5, event=insert(id=1))
    odd = DeadLetter(node="n", error="e", attempts=1, ts=1.5, event=LogLine(source="s", ts=1.0, message="m" * 3_000))
    plain = DeadLetter(
        node="n", error="e", attempts=1, ts=1.5, event=RowInsert("d", "t", "insert", 1, data={"a": "x" * 3_000})
    )
    made = compose(keyed, told, odd, plain, max_message_bytes=1_500)
    assert list(made.rejected) == [0, 1]
    assert [json.loads(value or b"")["event"].get("data") for value in made.values] == [None, None]
