"""A row's value in a snapshot is its value in the stream: every type and every character set, on both servers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.snapshots import Life, columns
from tests.servers.sql import SqlServer
from wlf.binlog.charset import CODECS
from wlf.events import RowInsert
from wlf.events.codec import FORMATS
from wlf.events.rows import put_place

pytestmark = pytest.mark.servers

# (name, type, values): the first ones are what both servers know.
BOTH = [
    ("ti", "TINYINT", ["-128", "127", "0"]),
    ("tu", "TINYINT UNSIGNED", ["255", "0"]),
    ("tz", "TINYINT(4) ZEROFILL", ["7"]),
    ("b1", "BOOL", ["TRUE", "FALSE"]),
    ("si", "SMALLINT", ["-32768", "32767"]),
    ("su", "SMALLINT UNSIGNED", ["65535"]),
    ("mi", "MEDIUMINT", ["-8388608", "8388607"]),
    ("mu", "MEDIUMINT UNSIGNED", ["16777215"]),
    ("ii", "INT", ["-2147483648", "2147483647"]),
    ("iu", "INT UNSIGNED ZEROFILL", ["4294967295", "42"]),
    ("bi", "BIGINT", ["-9223372036854775808", "9223372036854775807"]),
    ("bu", "BIGINT UNSIGNED", ["18446744073709551615"]),
    ("fl", "FLOAT", ["1.1", "-0e0", "3.402823e38", "1.17549e-38", "16777217", "0.1", "123456.789", "8388608.5"]),
    ("fm", "FLOAT(7,3)", ["1.5", "1677.216", "-9999.999"]),
    ("fu", "FLOAT UNSIGNED ZEROFILL", ["1.25"]),
    (
        "db",
        "DOUBLE",
        ["0.1", "-0e0", "1.7976931348623157e308", "2.2250738585072014e-308", "123456789.123456789", "1e15"],
    ),
    ("dm", "DOUBLE(20,4)", ["1.5", "9007199254740993.1234", "-0.0001"]),
    ("dc", "DECIMAL(10,2)", ["0.00", "-0.01", "99999999.99", "12.5"]),
    ("dz", "DECIMAL(8,3) UNSIGNED ZEROFILL", ["1.5"]),
    ("dl", "DECIMAL(65,30)", ["-12345678901234567890123456789012345.123456789012345678901234567890", "0"]),
    ("d0", "DECIMAL(20,0)", ["-5", "99999999999999999999"]),
    ("bt", "BIT(1)", ["b'1'", "b'0'"]),
    ("bq", "BIT(64)", ["x'FFFFFFFFFFFFFFFF'", "b'101'"]),
    ("bv", "BIT(11)", ["b'10000000001'"]),
    ("yr", "YEAR", ["1901", "2155", "0"]),
    ("da", "DATE", ["'2024-02-29'", "'0000-00-00'", "'2024-00-00'", "'9999-12-31'", "'0001-01-01'"]),
    ("t0", "TIME", ["'838:59:59'", "'-838:59:59'", "'00:00:00'", "'-00:00:01'"]),
    ("t6", "TIME(6)", ["'-00:00:00.000001'", "'837:59:59.999999'", "'12:30:00.5'"]),
    ("t3", "TIME(3)", ["'-12:00:00.125'"]),
    ("d1", "DATETIME", ["'2024-02-29 23:59:59'", "'0000-00-00 00:00:00'"]),
    ("d6", "DATETIME(6)", ["'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'"]),
    ("d2", "DATETIME(1)", ["'2024-01-01 01:02:03.9'"]),
    ("s0", "TIMESTAMP NULL", ["'2024-07-01 12:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "0"]),
    ("s4", "TIMESTAMP(4) NULL", ["'2024-07-01 12:00:00.1234'", "0"]),
    ("ch", "CHAR(20)", ["'a  '", "''", "'müßig 😀'"]),
    ("vc", "VARCHAR(300)", ["'b  '", "REPEAT('ü', 300)", "''", "'tab\\t\\0null'"]),
    ("cb", "VARCHAR(20) COLLATE utf8mb4_bin", ["'Ab'"]),
    ("bn", "BINARY(6)", ["x'0100'", "x''", "x'FFFFFFFFFFFF'", "x'00'"]),
    ("vb", "VARBINARY(300)", ["x'0100'", "REPEAT(x'FE', 300)", "x''"]),
    ("tt", "TINYTEXT", ["'tiny'"]),
    ("tx", "TEXT", ["REPEAT('x', 60000)", "''"]),
    ("mt", "MEDIUMTEXT", ["REPEAT('m', 70000)"]),
    ("lt", "LONGTEXT", ["'long'"]),
    ("tb", "TINYBLOB", ["x'00FF'"]),
    ("bl", "BLOB", ["x'00FF00'", "REPEAT(x'FB', 251)"]),
    ("mb", "MEDIUMBLOB", ["REPEAT(x'AB', 70000)"]),
    ("lb", "LONGBLOB", ["x''"]),
    ("en", "ENUM('a','b c','ü','', 'it''s')", ["'a'", "'ü'", "''", "'it''s'"]),
    ("se", "SET('x','y','ü z')", ["'x,ü z'", "''", "'y'"]),
    ("sl", "SET('l1" + "".join(f"','l{n}" for n in range(2, 41)) + "')", ["'l1,l40'", "'l20'"]),
    ("el", "ENUM('m0" + "".join(f"','m{n}" for n in range(1, 300)) + "')", ["'m0'", "'m299'"]),
    ("ge", "GEOMETRY", ["ST_GeomFromText('POINT(1 2.5)')", "ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')"]),
    ("pt", "POINT", ["ST_GeomFromText('POINT(-0.1 1e10)')"]),
    ("ls", "LINESTRING", ["ST_GeomFromText('LINESTRING(0 0,1 1)')"]),
    ("gc", "GEOMETRYCOLLECTION", ["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')"]),
]
JSON = [
    """'{"b": 1, "aa": [1, -1, 1.5, 1e100, -0.0, true, null, "ü"], "c": {"": ""}}'""",
    "'null'",
    "'[]'",
    "'18446744073709551615'",
    "'-9223372036854775808'",
    "'1.0'",
    "'123456789.123456789'",
    "'0.00001'",
    '\'"text \\\\u0001 \\\\"quoted\\\\" 😀"\'',
    "JSON_OBJECT('d', CAST('2024-01-02' AS DATE), 't', CAST('-10:11:12.5' AS TIME(1)), 'x', NOW(6))",
    "JSON_OBJECT('n', CAST(12.50 AS DECIMAL(10,2)), 'm', CAST('0.1234567890123456789' AS DECIMAL(30,19)))",
    "JSON_ARRAY(x'00FF', CAST(x'41' AS BINARY(3)), b'101')",
    "JSON_ARRAY(123456789012345678e0, 1234567890123456.5e0, 1e-5, 1.5e-7, 12345e-20)",
    "JSON_ARRAY(1e0/3, 5e-324, 1.7976931348623157e308, 1e15, 1e16, 100000000000000000000.0)",
]
MYSQL = [
    ("js", "JSON", JSON),
    ("ve", "VECTOR(3)", ["STRING_TO_VECTOR('[1.1,-2,3e10]')"]),
    ("gs", "POINT SRID 4326", ["ST_GeomFromText('POINT(10 20)', 4326)"]),
    ("gv", "INT GENERATED ALWAYS AS (ii + 0) VIRTUAL", []),
    ("gg", "BIGINT GENERATED ALWAYS AS (ti + 1) STORED", []),
    ("iv", "INT DEFAULT 5 INVISIBLE", ["7"]),
]
MARIADB = [
    ("js", "JSON", ['\'{"b": 1.50, "a": null}\'', "'null'"]),
    ("uu", "UUID", ["'123E4567-e89b-12d3-a456-426614174000'", "'00000000-0000-0000-0000-000000000000'"]),
    ("i6", "INET6", ["'::ffff:1.2.3.4'", "'::'", "'2001:db8::ff00:0'"]),
    ("i4", "INET4", ["'0.0.0.0'", "'1.2.3.0'"]),
    ("vz", "VARCHAR(200) COMPRESSED", ["REPEAT('zü', 80)", "''"]),
    ("bz", "BLOB COMPRESSED", ["REPEAT(x'00FF', 500)"]),
    ("gv", "INT AS (ii + 0) VIRTUAL", []),
    ("gg", "BIGINT AS (ti + 1) STORED", []),
    ("iv", "INT INVISIBLE DEFAULT 5", ["7"]),
]


async def rows_by_id(server: SqlServer, table: str, **options: Any) -> dict[int, Any]:
    """The row of each id: of the stream without a snapshot, else of the snapshot alone."""
    life = Life(server, tables={"include": [f"vals.{table}"]}, until_end=True, **options)
    await life.collector.open({})
    while await life.step() is not None:
        pass
    await life.collector.close()
    wanted = "insert" if options["snapshot"] == "never" else "bootstrap-insert"
    return {event.data.f0: event for event in life.events if event.type == wanted}


def check_equal(server: SqlServer, table: str, count: int, start: dict[str, Any]) -> None:
    streamed = asyncio.run(rows_by_id(server, table, snapshot="never", start=start))
    copied = asyncio.run(rows_by_id(server, table, snapshot="initial"))
    assert len(streamed) == len(copied) == count
    for id, event in streamed.items():
        ours, theirs = columns(copied[id].data), columns(event.data)
        assert list(ours) == list(theirs)
        different = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
        assert not different
        # Equal is not the same: 1 == 1.0 == True.
        for format in ("json", "msgpack"):
            (one,), (other,) = FORMATS[format]([_bare(copied[id])]), FORMATS[format]([_bare(event)])
            at = next((n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
            assert one == other, (id, one[at - 60 : at + 60], other[at - 60 : at + 60])


def _bare(event: Any) -> RowInsert:
    """The event with nothing but its row."""
    bare = RowInsert("d", "t", "x", 0, data=event.data)
    put_place([bare], event.place)
    return bare


def end_of(server: SqlServer) -> dict[str, Any]:
    """Where the binlog ends, as the option `start`."""
    file, size = server.query("SHOW BINARY LOGS")[-1][:2]
    return {"file": file, "position": size}


def create(server: SqlServer, types: list[tuple[str, str, list[str]]]) -> int:
    """A table of these columns with a row for each value, and one of NULLs; the number of rows."""
    server.execute("DROP DATABASE IF EXISTS vals", "CREATE DATABASE vals CHARACTER SET utf8mb4")
    server.execute(
        "CREATE TABLE vals.t (id INT PRIMARY KEY, " + ", ".join(f"{name} {kind}" for name, kind, _ in types) + ")"
    )
    number = 1
    with server.connect(database="vals") as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES'")
        cursor.execute("INSERT INTO t (id) VALUES (1)")
        for name, _, values in types:
            for value in values:
                number += 1
                cursor.execute(f"INSERT INTO t (id, {name}) VALUES ({number}, {value})")
        # An invalid label is stored as index 0.
        number += 1
        cursor.execute(f"INSERT IGNORE INTO t (id, en) VALUES ({number}, 'none')")
        connection.commit()
    return number


def test_every_type_of_mysql(mysql: SqlServer) -> None:
    start = end_of(mysql)
    check_equal(mysql, "t", create(mysql, BOTH + MYSQL), start)


@pytest.mark.parametrize("metadata", ["NO_LOG", "FULL"])
def test_every_type_of_mariadb(mariadb: SqlServer, metadata: str) -> None:
    mariadb.execute(f"SET GLOBAL binlog_row_metadata = {metadata}")
    try:
        start = end_of(mariadb)
        check_equal(mariadb, "t", create(mariadb, BOTH + MARIADB), start)
    finally:
        mariadb.execute("SET GLOBAL binlog_row_metadata = NO_LOG")


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_every_character_set(name: str, request: pytest.FixtureRequest) -> None:
    server: SqlServer = request.getfixturevalue(name)
    known = {row[0] for row in server.query("SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS")}
    charsets = sorted(known & set(CODECS))
    assert len(charsets) > 35
    start = end_of(server)
    server.execute("DROP DATABASE IF EXISTS vals", "CREATE DATABASE vals")
    kinds = [(f"c{n}", charset) for n, charset in enumerate(charsets)]
    server.execute(
        "CREATE TABLE vals.t (id INT PRIMARY KEY, "
        + ", ".join(f"{c} VARCHAR(40) CHARACTER SET {charset}" for c, charset in kinds)
        + ", "
        + ", ".join(
            f"e{c} ENUM('a','b') CHARACTER SET {charset}, s{c} SET('a','b') CHARACTER SET {charset}"
            for c, charset in kinds
        )
        + ")"
    )
    number = 0
    with server.connect(database="vals") as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        for column, _ in kinds:
            for text in ("plain", "éüß", "日本語", "žšč", "привет", "😀"):
                number += 1
                cursor.execute(
                    f"INSERT IGNORE INTO t (id, {column}, e{column}, s{column}) VALUES (%s, %s, 'b', 'a,b')",
                    (number, text),
                )
        connection.commit()
    check_equal(server, "t", number, start)
