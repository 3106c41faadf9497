"""Column types on real servers: what the binlog file gives is what SELECT shows."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.binlog.build import Reading
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.binlog.codecs import JSON_NULL

pytestmark = pytest.mark.servers

REPEATS = 12  # more than the generic reader serves before functions are generated

Case = tuple[str, list[str]]

INTEGERS: list[Case] = [
    ("tinyint", ["-128", "127", "0", "NULL"]),
    ("tinyint unsigned", ["255", "0", "1", "NULL"]),
    ("smallint", ["-32768", "32767", "NULL", "-1"]),
    ("smallint unsigned", ["65535", "0", "NULL", "1"]),
    ("mediumint", ["-8388608", "8388607", "-1", "NULL"]),
    ("mediumint unsigned", ["16777215", "0", "65536", "NULL"]),
    ("int", ["-2147483648", "2147483647", "NULL", "0"]),
    ("int unsigned", ["4294967295", "0", "1", "NULL"]),
    ("bigint", ["-9223372036854775808", "9223372036854775807", "NULL", "-1"]),
    ("bigint unsigned", ["18446744073709551615", "0", "1", "NULL"]),
    ("year", ["0", "1901", "2155", "NULL"]),
    ("bool", ["TRUE", "FALSE", "NULL", "1"]),
]
NUMBERS: list[Case] = [
    ("decimal(1,1)", ["-0.5", "0.9", "0", "NULL"]),
    ("decimal(9,9)", ["0.000000001", "-0.999999999", "0", "NULL"]),
    ("decimal(10,0)", ["-1234567890", "9999999999", "0", "NULL"]),
    ("decimal(10,2)", ["-12345678.90", "99999999.99", "0", "-0.01"]),
    ("decimal(8,4)", ["-1234.5678", "9999.0001", "0", "NULL"]),
    ("decimal(18,9)", ["-1", "123456789.987654321", "-999999999.999999999", "0"]),
    ("decimal(20,6)", ["-12345678901234.567890", "0.000001", "-0.1", "1"]),
    ("decimal(65,30)", ["-12345678901234567890123456789012345.123456789012345678901234567890", "1", "0", "-1"]),
    ("decimal(5,2) unsigned", ["1.25", "999.99", "0", "NULL"]),
    ("float", ["1.1", "-0.5", "16384.5", "NULL"]),
    ("double", ["1e-300", "-0e0", "1.7976931348623157e308", "0.1"]),
    ("float unsigned", ["1.5", "0", "2.25", "NULL"]),
]
DATETIMES = ["'2024-02-29 23:59:59.123456'", "'1000-01-01'", "'9999-12-31 23:59:59'", "NULL"]
TIMES = ["'-12:34:56.123456'", "'838:59:59'", "'-00:00:00.5'", "'00:00:00'"]
TIMESTAMPS = ["'2024-01-01 05:00:00.123456'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "NULL"]
FRACTIONS: list[Case] = [
    *((f"datetime({fsp})", DATETIMES) for fsp in range(7)),
    *((f"time({fsp})", TIMES) for fsp in range(7)),
    *((f"timestamp({fsp}) NULL", TIMESTAMPS) for fsp in range(7)),
]
ODD_DATES: list[Case] = [
    ("date", ["'0000-00-00'", "'2023-00-00'", "'2023-02-31'", "'9999-12-31'"]),
    ("date", ["'0001-01-01'", "'2024-02-29'", "NULL", "'2000-12-01'"]),
    ("datetime", ["'0000-00-00 00:00:00'", "'2023-00-10 01:02:03'", "'2023-02-31 23:59:59'", "NULL"]),
    ("datetime(1)", ["'9999-12-31 23:59:59.9'", "'0000-00-00 00:00:00.5'", "'0001-01-01 00:00:00.1'", "NULL"]),
    ("timestamp NULL", ["'0000-00-00 00:00:00'", "'2024-06-01 12:00:00'", "NULL", "'2001-09-09 01:46:40'"]),
]
STRINGS: list[Case] = [
    ("char(3)", ["'a '", "'abc'", "''", "NULL"]),
    ("varchar(3)", ["'a '", "'表é😀'", "''", "NULL"]),
    ("char(63) CHARACTER SET utf8mb4", ["REPEAT('é',63)", "'x'", "''", "NULL"]),
    ("char(64) CHARACTER SET utf8mb4", ["REPEAT('😀',64)", "'x'", "''", "NULL"]),
    ("char(255) CHARACTER SET utf8mb4", ["REPEAT('é',255)", "'x'", "''", "NULL"]),
    ("varchar(255) CHARACTER SET latin1", ["'€'", "X'81'", "'é'", "NULL"]),
    ("varchar(256) CHARACTER SET latin1", ["REPEAT('é',256)", "'plain'", "''", "NULL"]),
    ("varchar(20) CHARACTER SET utf16", ["'ab'", "'é😀'", "''", "NULL"]),
    ("varchar(20) CHARACTER SET ucs2", ["'ab'", "'é表'", "''", "NULL"]),
    ("char(20) CHARACTER SET utf32", ["'ab'", "'é😀'", "''", "NULL"]),
    ("varchar(20) CHARACTER SET sjis", ["'日本'", "'ab'", "''", "NULL"]),
    ("varchar(20) CHARACTER SET euckr", ["X'8141'", "'한국'", "''", "NULL"]),
    ("varchar(20) CHARACTER SET gbk", ["'中文'", "'ab'", "''", "NULL"]),
    ("varchar(20) CHARACTER SET cp1251", ["'Привет'", "'ab'", "''", "NULL"]),
    ("varchar(20) CHARACTER SET greek", ["'αβγ'", "'ab'", "''", "NULL"]),
    ("tinytext", ["'é'", "REPEAT('x',200)", "''", "NULL"]),
    ("text", ["REPEAT('é',300)", "'x'", "''", "NULL"]),
    ("mediumtext", ["REPEAT('x',70000)", "'x'", "''", "NULL"]),
    ("longtext", ["'表'", "'x'", "''", "NULL"]),
]
BINARIES: list[Case] = [
    ("binary(4)", ["''", "X'01'", "X'0100'", "NULL"]),
    ("binary(255)", ["X'00'", "X'FF00FF'", "''", "NULL"]),
    ("varbinary(4)", ["X'0100'", "X'00'", "''", "NULL"]),
    ("varbinary(300)", ["REPEAT(X'8100',150)", "X'00'", "''", "NULL"]),
    ("tinyblob", ["X'00FF'", "''", "NULL", "X'80'"]),
    ("blob", ["REPEAT(X'00FF',150)", "''", "NULL", "X'80'"]),
    ("mediumblob", ["X'00FF'", "''", "NULL", "X'80'"]),
    ("longblob", ["X'00FF'", "''", "NULL", "X'80'"]),
    ("bit(1)", ["b'1'", "b'0'", "NULL", "b'1'"]),
    ("bit(9)", ["b'100000001'", "b'0'", "NULL", "b'11'"]),
    ("bit(64)", ["18446744073709551615", "1", "0", "NULL"]),
]
_MANY = ",".join(f"'v{n}'" for n in range(300))


def _set(count: int) -> str:
    return "set(" + ",".join(f"'s{n}'" for n in range(count)) + ")"


LABELS: list[Case] = [
    ("enum('a','b')", ["'b'", "'nonsense'", "NULL", "'a'"]),
    (f"enum({_MANY})", ["'v299'", "'v0'", "NULL", "'v256'"]),
    ("enum('😀','it''s','c\\\\d')", ["'😀'", "'it''s'", "NULL", "'c\\\\d'"]),
    ("enum('é','x') CHARACTER SET latin1", ["'é'", "'x'", "NULL", "'x'"]),
    (_set(3), ["'s2,s0'", "''", "NULL", "'s1'"]),
    (_set(9), ["'s8,s0'", "''", "NULL", "'s1'"]),
    (_set(17), ["'s16,s0'", "''", "NULL", "'s1'"]),
    (_set(33), ["'s32,s0'", "''", "NULL", "'s1'"]),
    (_set(64), ["'s63,s0'", "''", "NULL", "'s1'"]),
]
EDGES = "'[-32768,65535,-2147483648,4294967295,9223372036854775807,18446744073709551615]'"
LARGE = "CONCAT('[', REPEAT('70000,', 70000), '1]')"
JSONS: list[Case] = [
    ("json", ["'null'", "NULL", "'{}'", "'[]'"]),
    ("json", [EDGES, "'1.5e300'", "'1.0'", "'true'"]),
    ("json", ['\'{"b":1,"aa":2,"a":{"":[null,true,false]}}\'', '\'"é😀\\\\""\'', "NULL", "'[1,[2,[3]]]'"]),
    ("json", [LARGE, "JSON_OBJECT('s', REPEAT('x', 128))", *(f"JSON_ARRAY(REPEAT('x', {n}))" for n in (127, 16384))]),
    ("json", ["CONCAT(REPEAT('[', 99), REPEAT(']', 99))", '\'{"k":"v"}\'', "'\"\"'", "'0'"]),
]


def _wkt(*texts: str) -> list[str]:
    return [f"ST_GeomFromText('{text}')" for text in texts] + ["NULL"] * (4 - len(texts))


SPATIAL: list[Case] = [
    ("point", _wkt("POINT(1 2.5)", "POINT(-1 0)")),
    (
        "geometry",
        _wkt(
            "POLYGON((0 0,1 0,1 1,0 0),(2 2,3 2,3 3,2 2))",
            "LINESTRING(0 0,1 1)",
            "MULTIPOINT((1 1),(2 2))",
            "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))",
        ),
    ),
    ("geometry", _wkt("MULTIPOLYGON(((0 0,1 0,1 1,0 0)))", "MULTILINESTRING((0 0,1 1),(2 2,3 3))")),
]

COMMON = {
    "integers": INTEGERS,
    "numbers": NUMBERS,
    "fractions": FRACTIONS,
    "odd_dates": ODD_DATES,
    "strings": STRINGS,
    "binaries": BINARIES,
    "labels": LABELS,
    "spatial": SPATIAL,
}


def written(server: SqlServer, database: str, cases: list[Case], **options: Any) -> tuple[list[list[Any]], Reading]:
    """The rows of a table with these columns: as SELECT shows them (as text), and a reading of the binlog file."""
    columns = ", ".join(f"c{index} {kind}" for index, (kind, _) in enumerate(cases))
    shown = {"point": "ST_AsText", "geometry": "ST_AsText", "vector(3)": "HEX"}
    wkt = [f"{shown.get(kind, '')}(c{index})" for index, (kind, _) in enumerate(cases)]
    rows = [f"(NULL, {', '.join(values[n] for _, values in cases)})" for n in range(4)]
    with server.connect(charset="utf8mb4", conv={}) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {database}")
        cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        cursor.execute(f"USE {database}")
        cursor.execute("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'")
        cursor.execute(f"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, {columns})")
        server.flush_logs()
        for _ in range(REPEATS):
            cursor.execute(f"INSERT INTO t VALUES {', '.join(rows)}")
        cursor.execute(f"SELECT {', '.join(wkt)} FROM t ORDER BY id")
        selected = [list(row) for row in cursor.fetchall()]
    path = server.flush_logs()
    return selected, Reading(**options).file(path.read_bytes())


def as_selected(kind: str, value: Any) -> Any:
    """A decoded value as the client library gives it without conversions."""
    if value is None:
        return None
    if kind.startswith("year"):
        return f"{value:04}"
    if kind.startswith("bit"):
        size = (int(kind[4:-1]) + 7) // 8
        return value.to_bytes(size, "big")
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, bytes) else str(value)


def assert_same(kind: str, value: Any, shown: Any) -> None:
    if kind.startswith(("float", "double")) and shown is not None:
        assert repr(value) == repr(float(shown))
    elif kind in ("point", "geometry") and shown is not None:
        # The servers differ in blanks and in the inner parentheses of MULTIPOINT.
        plain = str.maketrans("", "", " ()")
        assert value.translate(plain) == shown.translate(plain)
    elif isinstance(shown, str) and isinstance(value, bytes):
        assert value == shown.encode("utf-8", "surrogateescape")
    else:
        assert as_selected(kind, value) == shown


def check(server: SqlServer, group: str, cases: list[Case]) -> None:
    selected, reading = written(server, f"live_{group}", cases)
    rows = reading.rows
    assert len(rows) == len(selected) == 4 * REPEATS
    for row, shown in zip(rows, selected, strict=True):
        for index, (kind, _) in enumerate(cases):
            assert_same(kind, row[f"c{index}"], shown[index])


@pytest.mark.parametrize("group", COMMON)
def test_mysql_values_are_what_select_shows(mysql: MySQL, group: str) -> None:
    check(mysql, group, COMMON[group])


@pytest.fixture(scope="module")
def full_mariadb(mariadb: MariaDB) -> Any:
    mariadb.execute("SET GLOBAL binlog_row_metadata = 'FULL'")
    yield mariadb
    mariadb.execute("SET GLOBAL binlog_row_metadata = DEFAULT")


@pytest.mark.parametrize("group", COMMON)
def test_mariadb_values_are_what_select_shows(full_mariadb: MariaDB, group: str) -> None:
    check(full_mariadb, group, COMMON[group])


def test_json_documents_are_what_select_shows(mysql: MySQL) -> None:
    selected, reading = written(mysql, "live_json", JSONS)
    for row, shown in zip(reading.rows, selected, strict=True):
        for index, text in enumerate(shown):
            value = row[f"c{index}"]
            if text == "null":
                assert value is JSON_NULL  # told apart from SQL NULL
            elif text is None:
                assert value is None
            else:
                assert plain(value) == plain(json.loads(text))


def plain(value: Any) -> str:
    """With the type of every number."""
    return repr(value)


def test_json_keeps_decimals_dates_and_times(mysql: MySQL) -> None:
    document = (
        "JSON_OBJECT('d', CAST(-1234.56 AS DECIMAL(10,4)), 't', CAST('-01:02:03' AS TIME),"
        "'l', CAST('25:00:00' AS TIME),"
        "'x', CAST('2024-02-29 01:02:03.25' AS DATETIME(2)), 'y', CAST('2024-02-29' AS DATE))"
    )
    _, reading = written(mysql, "live_json2", [("json", [document] * 4)])
    assert reading.rows[0]["c0"] == {
        "d": Decimal("-1234.5600"),
        "t": "-01:02:03.000000",
        "l": "25:00:00.000000",
        "x": "2024-02-29 01:02:03.250000",
        "y": "2024-02-29",
    }


def test_vectors_are_lists_beside_other_columns(mysql: MySQL) -> None:
    cases: list[Case] = [
        ("varchar(9)", ["'é'"] * 4),
        ("vector(3)", ["TO_VECTOR('[1,2.5,-3]')", "NULL", "TO_VECTOR('[0.1,0,0]')", "NULL"]),
        ("varbinary(9)", ["X'00'"] * 4),
    ]
    _, reading = written(mysql, "live_vector", cases)
    assert [list(row.values())[1:] for row in reading.rows[:3]] == [
        ["é", [1.0, 2.5, -3.0], b"\0"],
        ["é", None, b"\0"],
        ["é", [0.1, 0.0, 0.0], b"\0"],
    ]


@pytest.mark.parametrize("count", [8, 9, 16, 17])
def test_nulls_in_every_pattern(mysql: MySQL, count: int) -> None:
    cases: list[Case] = [
        (("int", "varchar(9)", "decimal(9,2)", "datetime(3)")[index % 4], _alternating(index)) for index in range(count)
    ]
    selected, reading = written(mysql, f"live_null{count}", cases)
    for row, shown in zip(reading.rows, selected, strict=True):
        assert [as_selected(kind, row[f"c{i}"]) for i, (kind, _) in enumerate(cases)] == shown


def _alternating(index: int) -> list[str]:
    value = ("'-7'", "'text'", "'1.50'", "'2024-01-02 03:04:05.678'")[index % 4]
    return [value, "NULL", value if index % 2 else "NULL", "NULL" if index % 2 else value]


@pytest.mark.parametrize("image", ["FULL", "MINIMAL", "NOBLOB"])
def test_row_images_of_every_kind_of_change(mysql: MySQL, image: str) -> None:
    statements = [
        "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c varchar(9))",
        *(f"INSERT INTO t VALUES ({n}, {n}, 'text {n}', 'c')" for n in range(12)),
        "INSERT INTO t (id, a) VALUES (99, 1)",
        *(f"UPDATE t SET a = a + 1 WHERE id = {n}" for n in range(12)),
        "UPDATE t SET b = NULL, c = 'd' WHERE id < 10",
        "UPDATE t SET id = 100 WHERE id = 99",
        "DELETE FROM t WHERE id < 10",
    ]
    with mysql.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS live_image")
        cursor.execute("CREATE DATABASE live_image")
        cursor.execute("USE live_image")
        cursor.execute(f"SET binlog_row_image = {image}")
        mysql.flush_logs()
        for statement in statements:
            cursor.execute(statement)
    reading = Reading().file(mysql.flush_logs().read_bytes())
    table: dict[int, dict[str, Any]] = {}
    for event in reading.events():
        row = {name: getattr(event.data, f"f{i}") for name, i in event.data.__columns__.items()}
        known = {name: value for name, value in row.items() if str(value) != "UNSET"}
        if event.type == "delete":
            del table[known["id"]]
            continue
        former = known["id"]
        if event.type == "update" and (old := str(event.old.f0)) != "UNSET":
            former = int(old)
        if event.type == "update" and known["id"] not in table and former not in table:
            former = 99  # MINIMAL does not say what the key was
        table[known["id"]] = {**table.pop(former, {}), **known}
    left = {key: (key, key + 1, f"text {key}", "c") if key < 99 else (100, 1, None, None) for key in (10, 11, 100)}
    assert {key: tuple(row.get(name) for name in ("id", "a", "b", "c")) for key, row in table.items()} == left
