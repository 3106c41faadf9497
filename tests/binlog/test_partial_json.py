"""Partial updates of JSON documents: from captures, by hand, and against what SELECT shows on a real server."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.binlog.build import Raw, Reading, captured, read, transaction
from tests.servers.mysql import MySQL
from wlf.binlog.json_diff import apply_diffs
from wlf.errors import DecodeError

CAPTURE = "mysql97_json_gtid_payload"
ABSENT = object()


def rows_only(section: str) -> list[Raw]:
    """Table map and rows event of one section."""
    return [event for event in captured(CAPTURE, section) if event.kind in (19, 39)]


def test_several_changes_of_one_column_are_applied_in_order() -> None:
    reading = read(*transaction(*rows_only("partial: 2 diffs on j, k untouched")))
    ((row,), (old,)) = reading.rows, reading.olds
    assert set(old) == {"j"}
    assert {key for key in row["j"] if row["j"][key] != old["j"].get(key, ABSENT)} == {"a", "b", "z"}
    assert row["k"] is not None


def small(text: str) -> bytes:
    """A string as a document."""
    return b"\x0c" + bytes([len(text)]) + text.encode()


def change(kind: int, path: str, document: bytes = b"") -> bytes:
    """One change; only removals have no document."""
    head = bytes([kind, len(path.encode())]) + path.encode()
    return head if kind == 2 else head + bytes([len(document)]) + document


OBJECT = bytes([0]) + bytes.fromhex("02001400120001001300010005010005020061") + b"b"  # {"a": 1, "b": 2}
ONES = bytes.fromhex("0203000d00050100050100050100")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (change(0, "$.a", small("x")), {"a": "x", "b": 2}),
        (change(1, "$.aa", small("x")) + change(1, "$.Z", small("y")), {"Z": "y", "a": 1, "b": 2, "aa": "x"}),
        (change(2, "$.a"), {"b": 2}),
        (change(1, '$."a.\\"[0]"', small("x")), {"a": 1, "b": 2, 'a."[0]': "x"}),
        (change(0, "$", small("x")), "x"),
        (change(0, "$.a", bytes([2, 0, 0, 4, 0])) + change(1, "$.a[0]", small("x")), {"a": ["x"], "b": 2}),
        (change(0, "$.a", bytes([2, 0, 0, 4, 0])) + change(1, "$.a[last]", small("x")), {"a": ["x"], "b": 2}),
        (change(0, "$", ONES) + change(2, "$[last-1]") + change(0, "$[last]", small("x")), [1, "x"]),
        (b"", {"a": 1, "b": 2}),
    ],
)
def test_changes_by_hand(changes: bytes, expected: Any) -> None:
    changed = apply_diffs(OBJECT, changes)
    assert changed == expected
    if isinstance(expected, dict):
        assert list(changed) == list(expected)


@pytest.mark.parametrize(
    "changes",
    [
        change(0, "$.missing", small("x")),
        change(1, "$.a", small("x")),
        change(2, "$"),
        change(2, "$.a[0]"),
        change(0, "$", ONES) + change(2, "$[last-3]"),
        change(0, "$", ONES) + change(2, "$[]"),
        change(3, "$.a", small("x")),
        change(0, "a", small("x")),
        change(0, "$.", small("x")),
        change(0, '$."x', small("x")),
        change(0, "$.a", b"\xff"),
        change(0, "$.a", small("x"))[:-1],
    ],
)
def test_a_change_that_does_not_fit_is_damage(changes: bytes) -> None:
    with pytest.raises(DecodeError):
        apply_diffs(OBJECT, changes)


STATEMENTS = [
    "UPDATE t SET j = JSON_SET(j, '$.name', 'x', '$.list[1]', 'short')",
    "UPDATE t SET j = JSON_REMOVE(j, '$.list[0]', '$.deep.a')",
    "UPDATE t SET j = JSON_SET(j, '$.deep.\"b c\"', JSON_OBJECT('k', 1.5e0), '$.new', CAST(1.50 AS DECIMAL(5,2)))",
    "UPDATE t SET j = JSON_REPLACE(j, '$.name', NULL), n = n + 1",
    "UPDATE t SET j = JSON_SET(j, '$.list[9]', 'appended'), k = JSON_SET(k, '$[0]', 'k')",
    "UPDATE t SET j = '{}' WHERE id = 2",
    "UPDATE t SET j = JSON_SET(j, '$.name', REPEAT('long', 50)), k = NULL",
    "UPDATE t SET j = JSON_SET(j, '$.list[last]', 'end', '$.\"quoted\\\\\\\"\"', 'é😀') WHERE id = 1",
    "UPDATE t SET k = '[1]', n = 0",
    "UPDATE t SET j = JSON_REMOVE(j, '$.name') WHERE id = 1",
    "INSERT INTO u SELECT * FROM t",  # documents with gaps
    "UPDATE t SET j = 'null' WHERE id = 1",
]


def prepared(server: MySQL, database: str) -> Any:
    """A connection in a fresh database that logs partial documents."""
    connection = server.connect(charset="utf8mb4")
    with connection.cursor() as cursor:
        for statement in (
            f"DROP DATABASE IF EXISTS {database}",
            f"CREATE DATABASE {database}",
            f"USE {database}",
            "SET binlog_row_value_options = PARTIAL_JSON",
            "CREATE TABLE t (id int PRIMARY KEY, j json, n int, k json, s varchar(9) DEFAULT 'é')",
            "CREATE TABLE u LIKE t",
        ):
            cursor.execute(statement)
    return connection


def shown(cursor: Any, table: str) -> dict[int, Any]:
    """The documents as SELECT shows them."""
    cursor.execute(f"SELECT id, j, k, n FROM {table} ORDER BY id")
    return {key: (json.loads(j or '"NULL"'), json.loads(k or '"NULL"'), n) for key, j, k, n in cursor.fetchall()}


def as_shown(row: dict[str, Any]) -> Any:
    def plain(value: Any) -> Any:
        return "NULL" if value is None else json.loads(json.dumps(getattr(value, "value", value), default=float))

    return plain(row["j"]), plain(row["k"]), row["n"]


@pytest.mark.servers
def test_documents_after_partial_updates_are_what_select_shows(mysql: MySQL) -> None:
    document = {
        "name": "a" * 60,
        "list": ["b" * 60, 2, {"x": None}],
        "deep": {"a": "c" * 60, "b c": 1},
        "pad": "d" * 99,
    }
    text = json.dumps(document)
    with prepared(mysql, "partial_1") as connection, connection.cursor() as cursor:
        for key in (1, 2):
            cursor.execute("INSERT INTO t VALUES (%s, %s, 0, %s, 'x')", (key, text, '["' + "k" * 60 + '"]'))
        mysql.flush_logs()
        states = [shown(cursor, "t")]
        for statement in STATEMENTS:
            cursor.execute(statement)
            states.append(shown(cursor, "t"))
        written = shown(cursor, "u")
    content = mysql.flush_logs().read_bytes()
    assert content.count(b"$.name") >= 3  # it is partial updates that were logged
    changes = [change for item in Reading().file(content).transactions for change in item.changes]
    replayed, at = dict(states[0]), 0
    for change_ in changes:
        rows = [{name: getattr(row, f"f{i}") for name, i in row.__columns__.items()} for row in change_.rows]
        if change_.kind == "insert":
            assert {row["id"]: as_shown(row) for row in rows} == written
        else:
            replayed.update((row["id"], as_shown(row)) for row in rows)
            at = next(number for number in range(at + 1, len(states)) if states[number] == replayed)
    assert at == len(states) - 1


@pytest.mark.servers
def test_random_partial_updates_are_what_select_shows(mysql: MySQL) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    with prepared(mysql, "partial_2") as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO t (id, j) VALUES (1, %s)", (json.dumps({"pad": "p" * 3000, "l": [0] * 9, "o": {}}),)
        )
        mysql.flush_logs()
        states = []
        for _ in range(150):
            path = draw.choice(["$.a", "$.l[3]", "$.l[20]", "$.o.x", '$.o."y z"', "$.o.é", "$.l[0].deep", "$.b.c"])
            value = draw.choice(
                ["1", "'text'", "NULL", "JSON_ARRAY(1, 2)", "JSON_OBJECT('deep', 1)", "REPEAT('x', 200)"]
            )
            call = draw.choice([f"JSON_SET(j, '{path}', {value})", f"JSON_REMOVE(j, '{path}')"])
            cursor.execute(f"UPDATE t SET j = {call}")
            if cursor.rowcount:
                states.append(shown(cursor, "t")[1][0])
    reading = Reading().file(mysql.flush_logs().read_bytes())
    assert [as_shown(row)[0] for row in reading.rows] == states
    assert [list(row["j"]) for row in reading.rows] == [list(state) for state in states]
    assert len(states) > 50


@pytest.mark.servers
def test_partial_documents_without_the_document_before_are_an_error_that_says_so(mysql: MySQL) -> None:
    with prepared(mysql, "partial_3") as connection, connection.cursor() as cursor:
        cursor.execute("SET binlog_row_image = MINIMAL")
        cursor.execute("INSERT INTO t (id, j) VALUES (1, %s)", (json.dumps({"a": "x" * 99, "b": "y" * 99}),))
        mysql.flush_logs()
        cursor.execute("UPDATE t SET j = JSON_SET(j, '$.a', 'z')")
    with pytest.raises(DecodeError, match=r"\d: partial_3\.t: expected JSON column 2 .* binlog_row_image=FULL"):
        Reading().file(mysql.flush_logs().read_bytes())
