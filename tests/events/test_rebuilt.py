"""What is written as JSON and rebuilt is written as the same JSON again, and is of the same type."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from wlf.binlog.values import PlainDecimal
from wlf.events import (
    DeadLetter,
    Encrypted,
    Event,
    LogLine,
    RowDelete,
    RowInsert,
    RowSnapshot,
    RowUpdate,
    SchemaChange,
)
from wlf.events.aggregate import Aggregate
from wlf.events.codec import encode_json
from wlf.events.ddl import ColumnDefinition, TableDefinition
from wlf.events.derived import derived
from wlf.events.log import Container, ContainerLine, FileLine, Owner, Pod, PodLine
from wlf.events.rebuilt import NotRebuilt, Rebuilder
from wlf.events.table import OddRow, TableVersion

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=9).map(PlainDecimal)
    | st.binary(max_size=8)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
MAPS = st.just(UNSET) | st.dictionaries(TEXTS, VALUES, max_size=3)
TIMES = st.floats(0, 4e9) | st.integers(0, 4_000_000_000)
NAMES = st.lists(TEXTS, min_size=1, max_size=5, unique=True)
ROW_KINDS = {"insert": RowInsert, "update": RowUpdate, "delete": RowDelete, "bootstrap-insert": RowSnapshot}


@st.composite
def rows(draw: st.DrawFn) -> Event:
    columns = draw(NAMES)
    version = TableVersion("d", "t", columns, [0])
    values = [draw(VALUES | st.just(UNSET)) for _ in columns]
    name, kind = draw(st.sampled_from(sorted(ROW_KINDS.items())))
    more: dict[str, Any] = (
        {"xid": 7, "commit": True, "gtid": "g:1", "position": "b.000001:4"} if draw(st.booleans()) else {}
    )
    if draw(st.booleans()):
        more |= {"push_ts": draw(TIMES), "primary_key": (1,), "primary_key_columns": (columns[0],)}
    if kind is RowUpdate:
        more["old"] = version.row(*(draw(VALUES | st.just(UNSET)) for _ in columns))
    made: Event = kind("d", "t", name, draw(st.integers(0, 4_000_000_000)), data=version.row(*values), **more)
    return made


@st.composite
def log_lines(draw: st.DrawFn) -> Event:
    base: dict[str, Any] = {"source": draw(TEXTS), "ts": draw(TIMES), "message": draw(TEXTS), "attributes": draw(MAPS)}
    flags = draw(st.just(UNSET) | st.just(("partial", "multiline")))
    kind = draw(st.sampled_from(("line", "file", "container", "pod", "derived")))
    if kind == "file":
        return FileLine(**base, file=draw(TEXTS), offset=draw(st.just(UNSET) | st.integers(0)), flags=flags)
    if kind == "container":
        container = draw(st.just(UNSET) | st.just(Container("f" * 64, "web", labels={"a": "b"})))
        return ContainerLine(**base, time="2026-01-31T23:59:59.1Z", container=container, host="h", flags=flags)
    if kind == "pod":
        pod = Pod("ns", "web", "u", "c", 2, ip="10.0.0.1", owner=Owner("Deployment", "web"))
        return PodLine(**base, kubernetes=draw(st.just(UNSET) | st.just(pod)), file="/var/log/0.log", flags=flags)
    if kind == "derived":
        made: Event = derived(LogLine, (("level", str), ("n", Any)))(**base, m5=draw(TEXTS), m6=draw(VALUES))
        return made
    return LogLine(**base)


TABLE = TableDefinition("d", None, "t", (ColumnDefinition("int", "id", signed=False),), ("id",))
OTHERS: list[Event] = [
    SchemaChange("d", "table-alter", 1, "ALTER TABLE t", table="t", position="b:4", old=TABLE, definition=TABLE),
    SchemaChange("d", "database-create", 1, "CREATE DATABASE d"),
    SchemaChange("d", "ddl", 1, "GRANT"),
    Aggregate("groups", 1.5, 2, 2, "count", {"id": 1}, {"message": ["a", "b"], "sum": Decimal("1.50")}),
    Encrypted("k", "bm9uY2U=", "Y2lwaGVy"),
    Encrypted("k", "bm9uY2U=", "Y2lwaGVy", ts=1_700_000_000, source="s", database="d", table="t"),
]


def check(event: Event) -> Event:
    letter = DeadLetter("sink", "too large", 2, 1.25, event)
    (text,) = encode_json([letter])
    made = Rebuilder().event(text)
    assert isinstance(made, DeadLetter)
    assert encode_json([made]) == [text]
    inner: Event = made.event
    return inner


@settings(max_examples=60, deadline=None)
@given(rows())
def test_rows(event: Any) -> None:
    made: Any = check(event)
    assert type(made) is type(event)
    version = made.data.__table__
    wanted = event.primary_key_columns if event.primary_key_columns is not UNSET and _holds(event) else ()
    assert tuple(version.columns[index] for index in version.primary_key) == wanted


def _holds(event: Any) -> bool:
    """Is the key's column in an image, so that its place in the table is known?"""
    name = event.primary_key_columns[0]
    old = getattr(event, "old", UNSET)
    return name in _names(event.data) or (old is not UNSET and name in _names(old))


def _names(row: Any) -> list[str]:
    if isinstance(row, OddRow):
        return [*row]
    return [name for name, index in row.__columns__.items() if getattr(row, f"f{index}") is not UNSET]


@settings(max_examples=60, deadline=None)
@given(log_lines())
def test_lines(event: Any) -> None:
    made = check(event)
    assert isinstance(made, type(event).__bases__[0] if hasattr(type(event), "__derived__") else type(event))


@pytest.mark.parametrize("event", OTHERS, ids=lambda event: f"{type(event).__name__}")
def test_other_events(event: Event) -> None:
    assert type(check(event)) is type(event)


def test_dead_letters_of_dead_letters() -> None:
    made: Any = check(DeadLetter("other", "no", 1, 2.0, LogLine("s", 1.0, "a")))
    assert (type(made), type(made.event)) == (DeadLetter, LogLine)


def test_numbers_keep_their_digits_and_notation() -> None:
    text = (
        b'{"source":"s","ts":1.0,"message":"m","type":"log",'
        b'"attributes":{"a":1.50,"b":1e20,"c":0.0000001,"d":12345678901234567890.5}}'
    )
    made: Any = Rebuilder().event(text)
    assert encode_json([made]) == [text]
    assert made.attributes["a"] == Decimal("1.50")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "expected a JSON object"),
        ("[1]", "expected a JSON object"),
        ('{"a":1}', "expected an event with its 'type'"),
        ('{"type":7}', "expected an event with its 'type'"),
        ('{"type":"audit"}', "expected a type of event that wlf has, got 'audit'"),
        ('{"type":"log","source":"s","ts":1}', "expected the field 'message' in a LogLine"),
        ('{"type":"log","source":"s","ts":1,"message":5}', "message: expected `str`, got `int`"),
        ('{"type":"insert","database":"d","table":"t","ts":"x","data":{}}', "ts: expected `int`, got `str`"),
    ],
)
def test_what_is_no_event_is_refused_with_a_reason(text: str, wanted: str) -> None:
    with pytest.raises(NotRebuilt) as caught:
        Rebuilder().event(text.encode())
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"\xff"}',
        b'{"type":"log","source":"s","ts":1,"message":"\xff"}',
        b'{"type":"log","source":"s","ts":1,"message":"m","attributes":{"a":1e9999999999999999999999}}',
        b'{"type":"log","source":"s","ts":1,"message":"m","attributes":{"a":' + b"1" * 5000 + b"}}",
        b'{"type":"log","source":"s","ts":1,"message":"m","attributes":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"type":"dead-letter","node":"n","error":"e","attempts":1,"ts":1,"event":' * 5000 + b"1" + b"}" * 5000,
    ],
    ids=["type in bytes", "text in bytes", "exponent", "digits", "depth", "letters in letters"],
)
def test_hostile_text_is_refused_and_no_other_error(text: bytes) -> None:
    with pytest.raises(NotRebuilt):
        Rebuilder().event(text)


def test_nothing_that_an_event_holds_is_lost_silently() -> None:
    line = ContainerLine("s", 1.0, "m", time="t", container=Container("f", "web"))
    text = encode_json([line])[0].replace(b'"name":"web"', b'"name":"web","unknown":1')
    with pytest.raises(NotRebuilt, match="ContainerLine holds something"):
        Rebuilder().event(text)
