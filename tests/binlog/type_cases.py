"""The corner cases of column types and row images as a table that any server can be put through.

`run_type_cases(server)` writes each one on a real server, reads its binlog with the metadata that the server writes by
default and with the richest it has, and says what came of it. What a server's version does not have is "absent".
"""

# ruff: noqa: E501 - a table reads best with a case on a line

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pymysql

from tests.binlog.build import Reading
from tests.servers.mariadb import MariaDB
from tests.servers.sql import SqlServer
from wlf.binlog import NeedSchema, SchemaColumn
from wlf.binlog.codecs import JSON_NULL
from wlf.errors import WlfError
from wlf.events.formats.lines import encode_lines

Row = Mapping[str, Any] | tuple[Any, ...]
BOTH, MYSQL, MARIADB = frozenset(("mysql", "mariadb")), frozenset(("mysql",)), frozenset(("mariadb",))


@dataclass(frozen=True)
class Case:
    """Statements, and what the rows of all changes are then, in order.

    A row is a dict of the columns that it has, or a tuple of their values. Statements are run in a database of their
    own, on a connection of their own. `since` is the first version that has it, by server.
    """

    type: str
    title: str
    statements: tuple[str, ...]
    rows: tuple[Row, ...]
    olds: tuple[Row, ...] | None = None
    on: frozenset[str] = BOTH
    since: Mapping[str, tuple[int, ...]] | None = None
    full_only: bool = False
    """The table changes on the way: a schema that is asked for afterwards is another one."""
    in_any_order: bool = False


class Outcome(NamedTuple):
    """What came of one case with one kind of metadata."""

    type: str
    case: str
    status: str
    """`ok`, `absent: ...` or `wrong: ...`."""


def one(type_: str, title: str, columns: str, values: str, *expected: Row, mode: str | None = "", **more: Any) -> Case:
    """A case of a table with these columns and one INSERT of these rows; `mode` is the session's sql_mode."""
    settings = () if mode is None else (f"SET sql_mode = '{mode}'",)
    statements = (*settings, f"CREATE TABLE t ({columns})", f"INSERT INTO t VALUES {values}")
    return Case(type_, title, statements, expected, **more)


def _fsp(kind: str, day: str) -> list[Case]:
    columns = ", ".join(f"c{n} {kind}({n}) NULL" for n in range(7))
    values = f"({', '.join([repr(day + '10:20:30.123456')] * 7)})"
    cases = []
    for server, fractions in ((MYSQL, (".1235", ".12346")), (MARIADB, (".1234", ".12345"))):  # MariaDB does not round
        shown = ("", ".1", ".12", ".123", *fractions, ".123456")
        rows = tuple(f"{day}10:20:30{fraction}" for fraction in shown)
        cases.append(one(kind, f"every fsp of {kind.upper()}", columns, values, rows, on=server))
    return cases


D = Decimal
_MANY = ",".join(f"'v{n}'" for n in range(300))
_LONG_NAME = "表" * 64


def _set(count: int) -> str:
    return "set(" + ",".join(f"'s{n}'" for n in range(count)) + ")"


NUMBERS = [
    one("int", "unsigned at its end", "a int unsigned, b bigint unsigned, c mediumint unsigned, d smallint unsigned, e tinyint unsigned",
        "(4294967295, 18446744073709551615, 16777215, 65535, 255)", (4294967295, 18446744073709551615, 16777215, 65535, 255)),
    one("int", "signed at its end", "a int, b bigint, c mediumint, d smallint, e tinyint, f bool",
        "(-2147483648, -9223372036854775808, -8388608, -32768, -128, true)",
        (-2147483648, -9223372036854775808, -8388608, -32768, -128, 1)),
    one("year", "a YEAR takes a signedness bit", "y year, a int unsigned, b int", "(2024, 4000000000, -1)", (2024, 4000000000, -1)),
    one("year", "0, 1901 and 2155", "y year", "('0000'), (1901), (2155)", (0,), (1901,), (2155,)),
    one("bit", "1, 8, 9, 31 to 33, 63 and 64 bits",
        "a bit(1), b bit(8), c bit(9), d bit(31), e bit(32), f bit(33), g bit(63), h bit(64)",
        "(1, 255, 257, 2147483647, 4294967295, 8589934591, 9223372036854775807, 18446744073709551615)",
        (1, 255, 257, 2147483647, 4294967295, 8589934591, 9223372036854775807, 18446744073709551615)),
    one("float", "shortest, subnormal, largest, unsigned", "a float, b float, c float, d float unsigned",
        "(1.1, 1e-45, 3.4028234e38, 1.5), (-0.1, 1.17549e-38, 16777216, 0)",
        (1.1, 1e-45, 3.4028235e38, 1.5), (-0.1, 1.17549e-38, 16777216.0, 0.0)),
    one("double", "small and negative zero", "a double, b double", "(1e-300, 0), (5e-324, 1.7976931348623157e308)",
        (1e-300, 0.0), (5e-324, 1.7976931348623157e308)),
    one("double", "negative zero", "a double", "(-0e0)", (-0.0,), on=MYSQL),
    one("decimal", "exact with its scale", "a decimal(1,1), b decimal(9,9), c decimal(10,0), d decimal(18,9)",
        "(-0.5, 0.000000001, -1234567890, -1)", (D("-0.5"), D("0.000000001"), D("-1234567890"), D("-1.000000000"))),
    one("decimal", "zero has no sign; unsigned", "a decimal(10,2), b decimal(5,2) unsigned, c decimal(65,30)",
        "(0, 1.25, -12345678901234567890123456789012345.123456789012345678901234567890), (-0.00, 0, 0)",
        (D("0.00"), D("1.25"), D("-12345678901234567890123456789012345.123456789012345678901234567890")),
        (D("0.00"), D("0.00"), D("0." + "0" * 30))),
]  # fmt: skip
TEMPORALS = [
    one("time", "negative, long, with fractions", "a time(6), b time, c time(5), d time(2), e time",
        "('-838:59:58.999999', '838:59:59', '-12:34:56.78901', '-00:00:00.01', '-838:59:59')",
        ("-838:59:58.999999", "838:59:59", "-12:34:56.78901", "-00:00:00.01", "-838:59:59")),
    one("timestamp", "zero is neither 1970 nor NULL", "a timestamp NULL, b timestamp(3) NULL, c timestamp NULL",
        "('0000-00-00', '0000-00-00', NULL)", ("0000-00-00 00:00:00", "0000-00-00 00:00:00.000", None)),
    Case("timestamp", "UTC whatever the session's zone",
         ("SET time_zone = '+05:00'", "CREATE TABLE t (a timestamp NULL)", "INSERT INTO t VALUES ('2024-01-01 05:00:00')"),
         (("2024-01-01 00:00:00",),)),
    one("timestamp", "to 2106", "a timestamp NULL", "('2106-02-07 06:28:15')", ("2106-02-07 06:28:15",),
        on=MARIADB, since={"mariadb": (11, 5)}),
    one("date", "zero and impossible dates", "a date, b date, c date, d int", "('0000-00-00', '2023-00-00', '2023-02-31', 7)",
        ("0000-00-00", "2023-00-00", "2023-02-31", 7), mode="ALLOW_INVALID_DATES"),
    one("datetime", "zero parts and early years", "a datetime, b datetime(1), c datetime",
        "('2024-00-15', '0000-00-00 00:00:00.5', '0003-00-00 00:00:01')",
        ("2024-00-15 00:00:00", "0000-00-00 00:00:00.5", "0003-00-00 00:00:01"), mode="ALLOW_INVALID_DATES"),
    one("datetime", "first and last", "a datetime(1), b datetime, c date",
        "('9999-12-31 23:59:59.9', '1000-01-01', '0001-01-01')",
        ("9999-12-31 23:59:59.9", "1000-01-01 00:00:00", "0001-01-01")),
    *_fsp("datetime", "2024-02-29 "),
    *_fsp("time", ""),
    *_fsp("timestamp", "2024-02-29 "),
    Case("time", "of the old format",
         ("SET GLOBAL mysql56_temporal_format = OFF", "SET sql_mode = ''",
          "CREATE TABLE t (a time, b datetime, c timestamp NULL, d int)", "SET GLOBAL mysql56_temporal_format = ON",
          "SET time_zone = '+00:00'",
          "INSERT INTO t VALUES ('-01:02:03', '2024-02-29 01:02:03', '2024-02-29 01:02:03', 7), (NULL, '0000-00-00', 0, 8)"),
         (("-01:02:03", "2024-02-29 01:02:03", "2024-02-29 01:02:03", 7),
          (None, "0000-00-00 00:00:00", "0000-00-00 00:00:00", 8)), on=MARIADB),
]  # fmt: skip
STRINGS = [
    one("char", "CHAR is stripped, VARCHAR is not", "a char(3), b varchar(3)", "('a ', 'a ')", ("a", "a ")),
    one("binary", "BINARY is padded with zero bytes", "a binary(4), b varbinary(4), c binary(255)", "('', X'0100', X'00FF')",
        (b"\0\0\0\0", b"\1\0", b"\0\xff" + bytes(253))),
    one("char", "lengths around one byte", "a char(255) charset utf8mb4, b char(63) charset utf8mb4, c char(64) charset utf8mb4",
        "(REPEAT('é', 255), REPEAT('😀', 63), REPEAT('é', 64)), ('', 'x', 'y')",
        ("é" * 255, "😀" * 63, "é" * 64), ("", "x", "y")),
    one("varchar", "length bytes by the column's size", "a varchar(255) charset latin1, b varchar(256) charset latin1",
        "(REPEAT('é', 255), REPEAT('é', 256))", ("é" * 255, "é" * 256)),
    one("text", "TEXT of every size", "a tinytext, b text, c mediumtext, d longtext",
        "('', '', '', ''), (REPEAT('é', 99), REPEAT('é', 300), REPEAT('x', 70000), '表')",
        ("", "", "", ""), ("é" * 99, "é" * 300, "x" * 70000, "表")),
    one("blob", "BLOB of every size", "a tinyblob, b blob, c mediumblob, d longblob",
        "('', '', '', ''), (X'00FF', REPEAT(X'80', 300), X'01', X'00')", (b"",) * 4, (b"\0\xff", b"\x80" * 300, b"\1", b"\0")),
    one("charset", "latin1, sjis and euckr", "a varchar(9) charset latin1, b varchar(9) charset sjis, c varchar(9) charset euckr",
        "(X'8081', '日\\\\本', X'8141')", ("€\x81", "日\\本", "\uac02")),
    one("charset", "the wide ones, padded CHAR too",
        "a varchar(9) charset utf16, b char(9) charset ucs2, c char(9) charset utf32, d char(9) charset utf16, e varchar(9) charset utf16le",
        "('ab', 'ab', 'ab😀', '😀 ', 'é')", ("ab", "ab", "ab😀", "😀", "é")),
    one("charset", "those without a codec",
        "a varchar(9) charset dec8, b varchar(9) charset swe7, c varchar(9) charset keybcs2, d varchar(9) charset armscii8, e varchar(9) charset geostd8",
        "('éŸ', 'ÉÄé', 'Čž', 'Աա', 'აჰ')", ("éŸ", "ÉÄé", "Čž", "Աա", "აჰ")),
    one("charset", "gb18030 beyond the BMP", "a varchar(9) charset gb18030", "('😀中')", ("😀中",), on=MYSQL),
    one("charset", "a binary collation is text", "a varchar(9) charset utf8mb4 collate utf8mb4_bin", "('é')", ("é",)),
    one("charset", "beside GEOMETRY and others", "g point, b varbinary(2), c varchar(9) charset latin1, e enum('ü') charset latin1, d varchar(9) charset utf8mb4",
        "(ST_GeomFromText('POINT(1 2)'), X'00', 'é', 'ü', 'é')", ("POINT(1 2)", b"\0", "é", "ü", "é")),
    one("charset", "emoji as a value, and a long column name", f"`{_LONG_NAME}` varchar(9) charset utf8mb4", "('😀')", {_LONG_NAME: "😀"}),
    # information_schema has labels in utf8mb3 only.
    one("charset", "emoji as a label", "e enum('😀','x') charset utf8mb4", "('😀')", ("😀",), full_only=True),
]  # fmt: skip
LABELS = [
    one("enum", "300 members, and an invalid value", f"a enum({_MANY}), b enum('','a')", "('v299', ''), ('nonsense', 'a')", ("v299", ""), ("", "a")),
    one("enum", "members with brackets, commas and quotes", "a enum('a(b)','c,d','it''s','\\\\','e\"f')", "('a(b)'),('c,d'),('it''s'),('\\\\'),('e\"f')",
        ("a(b)",), ("c,d",), ("it's",), ("\\",), ('e"f',)),
    one("set", "in the order of the definition", ", ".join(f"c{n} {_set(n)}" for n in (8, 9, 17, 33, 64)),
        "('s7,s0', 's8,s0', 's16,s0', 's32,s0', 's63,s0'), ('', '', '', '', '')",
        (("s0", "s7"), ("s0", "s8"), ("s0", "s16"), ("s0", "s32"), ("s0", "s63")), ((), (), (), (), ())),
    one("set", "labels of other character sets", "a set('é','ü') charset latin1, b enum('Ж','я') charset cp1251, c enum('中') charset gbk",
        "('ü,é', 'я', '中')", (("é", "ü"), "я", "中")),
]  # fmt: skip
NULLS = [
    one("null", f"{count} nullable columns", ", ".join(f"c{n} {('int', 'varchar(9)', 'decimal(5,1)')[n % 3]}" for n in range(count)),
        ", ".join(f"({', '.join('NULL' if (n + odd) % 2 else ('1', repr('x'), '1.5')[n % 3] for n in range(count))})" for odd in (0, 1)) + f", ({', '.join(['NULL'] * count)})",
        *(tuple(None if (n + odd) % 2 else (1, "x", D("1.5"))[n % 3] for n in range(count)) for odd in (0, 1)), (None,) * count)
    for count in (1, 7, 8, 9, 16, 17)
]  # fmt: skip
_NEST = "CONCAT(REPEAT('[', 100), REPEAT(']', 100))"


def _nest(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


DOCUMENTS = [
    one("json", "null is not NULL", "a json", "('null'), (NULL)", (JSON_NULL,), (None,), on=MYSQL),
    one("json", "numbers of every width", "a json",
        "('[-32768,65535,-2147483648,4294967295,9223372036854775807,18446744073709551615,1.0,1.5e300,-0.0]')",
        ([-32768, 65535, -2147483648, 4294967295, 9223372036854775807, 18446744073709551615, 1.0, 1.5e300, -0.0],), on=MYSQL),
    one("json", "decimals, dates and times", "a json",
        "(JSON_OBJECT('d', CAST(-1234.56 AS DECIMAL(10,4)), 'l', CAST('25:00:00' AS TIME), 't', CAST('-01:02:03' AS TIME), "
        "'x', CAST('2024-02-29 01:02:03.25' AS DATETIME(2)), 'y', CAST('2024-02-29' AS DATE), 'z', CAST(0.000000001 AS DECIMAL(10,9))))",
        ({"d": D("-1234.5600"), "l": "25:00:00.000000", "t": "-01:02:03.000000", "x": "2024-02-29 01:02:03.250000",
          "y": "2024-02-29", "z": D("0.000000001")},), on=MYSQL),
    one("json", "opaque values as SELECT shows them", "a json", "(JSON_ARRAY(X'00FF', b'101', CAST('x' AS BINARY)))",
        (["base64:type15:AP8=", "base64:type15:BQ==", "base64:type15:eA=="],), on=MYSQL, since={"mysql": (8, 0)}),
    one("json", "beyond 64 KiB, and lengths of strings", "a json",
        "(JSON_OBJECT('a', REPEAT('x', 70000), 'b', 1)), (CONCAT('[', REPEAT('70000,', 70000), '1]')), "
        "(JSON_ARRAY(REPEAT('x', 127), REPEAT('é', 64), REPEAT('x', 16384)))",
        ({"a": "x" * 70000, "b": 1},), ([70000] * 70000 + [1],), (["x" * 127, "é" * 64, "x" * 16384],), on=MYSQL),
    one("json", "depth 100, empty ones, odd keys", "a json",
        f"({_NEST}), ('{{}}'), ('[]'), ('{{\"bb\":1,\"a\":2,\"\":3,\"é\":4,\"q\\\\\"\":5}}')",
        (_nest(100),), ({},), ([],), ({"": 3, "a": 2, "bb": 1, 'q"': 5, "é": 4},), on=MYSQL),
    one("json", "MariaDB's is text", "a json", "('{\"a\": 1.0}'), ('null')", ('{"a": 1.0}',), ("null",), on=MARIADB),
    one("json", "a generated column", "a json, b json AS (JSON_EXTRACT(a, '$.x')) STORED", "('{\"x\":[1]}', DEFAULT)", ({"x": [1]}, [1]), on=MYSQL),
    Case("json", "partial updates, of one column and with the other whole",
         ("SET binlog_row_value_options = PARTIAL_JSON", "CREATE TABLE t (id int PRIMARY KEY, j json, k json)",
          "INSERT INTO t VALUES (1, JSON_OBJECT('a', REPEAT('x', 60), 'b', JSON_ARRAY(1, 2, 3)), JSON_OBJECT('c', REPEAT('y', 60)))",
          "UPDATE t SET j = JSON_REMOVE(JSON_SET(j, '$.a', 'short', '$.n', 1.5e0), '$.b[0]')",
          "UPDATE t SET j = JSON_SET(j, '$.a', 'more'), k = '{}'"),
         (({"id": 1, "j": {"a": "x" * 60, "b": [1, 2, 3]}, "k": {"c": "y" * 60}}),
          ({"id": 1, "j": {"a": "short", "b": [2, 3], "n": 1.5}, "k": {"c": "y" * 60}}),
          ({"id": 1, "j": {"a": "more", "b": [2, 3], "n": 1.5}, "k": {}})),
         ({"j": {"a": "x" * 60, "b": [1, 2, 3]}}, {"j": {"a": "short", "b": [2, 3], "n": 1.5}, "k": {"c": "y" * 60}}),
         on=MYSQL, since={"mysql": (8, 0, 3)}),
    Case("json", "documents with gaps",
         ("SET binlog_row_value_options = PARTIAL_JSON", "CREATE TABLE t (j json)", "CREATE TABLE u (j json)",
          "INSERT INTO t VALUES (JSON_OBJECT('a', REPEAT('x', 60), 'bb', REPEAT('y', 60), 'c', JSON_ARRAY(1, 2)))",
          "UPDATE t SET j = JSON_SET(j, '$.a', 'short')", "UPDATE t SET j = JSON_REMOVE(j, '$.bb')",
          "INSERT INTO u SELECT * FROM t"),
         (({"a": "x" * 60, "c": [1, 2], "bb": "y" * 60},), ({"a": "short", "c": [1, 2], "bb": "y" * 60},),
          ({"a": "short", "c": [1, 2]},), ({"a": "short", "c": [1, 2]},)), on=MYSQL, since={"mysql": (8, 0, 3)}),
]  # fmt: skip
OTHERS = [
    one("geometry", "every kind, and NULL", "a geometry",
        "(ST_GeomFromText('POINT(1 2)')), (ST_GeomFromText('LINESTRING(0 0,1 1)')), (ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')), "
        "(ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2))')), (ST_GeomFromText('MULTIPOINT(1 1,2 2)')), (NULL)",
        ("POINT(1 2)",), ("LINESTRING(0 0,1 1)",), ("POLYGON((0 0,1 0,1 1,0 0))",), ("GEOMETRYCOLLECTION(POINT(1 2))",),
        ("MULTIPOINT((1 1),(2 2))",), (None,)),
    one("geometry", "the SRID is kept", "a point", "(ST_GeomFromText('POINT(1 2)', 4326))", ("SRID=4326;POINT(2 1)",), on=MYSQL, since={"mysql": (8, 0, 3)}),
    one("geometry", "the SRID is kept on servers that do not turn it", "a point", "(ST_GeomFromText('POINT(1 2)', 4326))", ("SRID=4326;POINT(1 2)",), on=MARIADB),
    one("vector", "beside other columns, and NULL", "a varchar(9), v vector(3), b varbinary(2), w vector(2)",
        "('é', STRING_TO_VECTOR('[1,2.5,0.1]'), X'00', NULL)", ("é", [1.0, 2.5, 0.1], b"\0", None), on=MYSQL, since={"mysql": (9, 0)}),
    one("vector", "MariaDB's, which only the schema tells", "a varchar(9), v vector(3), b varbinary(2)",
        "('é', VEC_FromText('[1,2.5,0.1]'), X'00')", ("é", [1.0, 2.5, 0.1], b"\0"), on=MARIADB, since={"mariadb": (11, 7)}),
    one("inet6", "with zero bytes at the end", "a inet6, b inet6", "('::', '2001:db8::ff00:0')", ("::", "2001:db8::ff00:0"), on=MARIADB),
    one("inet4", "with zero bytes at the end", "a inet4, b inet4", "('0.0.0.0', '1.2.3.0')", ("0.0.0.0", "1.2.3.0"), on=MARIADB, since={"mariadb": (10, 10)}),
    one("uuid", "in its text form", "a uuid, b uuid", "('6ccd780c-baba-1026-9564-5b8c65602400', '00000000-0000-0000-0000-000000000000')",
        ("6ccd780c-baba-1026-9564-5b8c65602400", "00000000-0000-0000-0000-000000000000"), on=MARIADB, since={"mariadb": (10, 7)}),
    one("compressed", "columns of every kind", "a varchar(300) compressed, b blob compressed, c text compressed charset latin1, d varbinary(300) compressed",
        "(REPEAT('a', 200), REPEAT('b', 300), REPEAT('é', 300), REPEAT('d', 200)), ('short', '', 'x', X'00'), ('', NULL, '', NULL)",
        ("a" * 200, b"b" * 300, "é" * 300, b"d" * 200), ("short", b"", "x", b"\0"), ("", None, "", None), on=MARIADB),
    Case("compressed", "with the wrapper of zlib",
         ("SET column_compression_zlib_wrap = 1", "CREATE TABLE t (a varchar(300) compressed)", "INSERT INTO t VALUES (REPEAT('a', 200))"),
         (("a" * 200,),), on=MARIADB),
]  # fmt: skip
_FIFTEEN = ", ".join(f"c{n} int" for n in range(14))
_ID = "id int PRIMARY KEY"
IMAGES = [
    Case("image", "MINIMAL: the key, and what changed",
         ("SET binlog_row_image = MINIMAL", f"CREATE TABLE t ({_ID}, {_FIFTEEN})", "INSERT INTO t (id, c3) VALUES (1, 7)",
          "UPDATE t SET " + ", ".join(f"c{n} = {n + 2}" for n in range(8)), "DELETE FROM t"),
         ({"id": 1, "c3": 7}, {"id": 1, **{f"c{n}": n + 2 for n in range(8)}}, {"id": 1}), ({},)),
    Case("image", "MINIMAL with a functional index: no bit leaks into the padding",
         ("SET binlog_row_image = MINIMAL", f"CREATE TABLE t ({_ID}, {_FIFTEEN}, INDEX ((c0 + 1)))",
          "INSERT INTO t (id, c0) VALUES (1, 1)", "UPDATE t SET " + ", ".join(f"c{n} = {n + 2}" for n in range(8))),
         ({"id": 1, "c0": 1}, {"id": 1, **{f"c{n}": n + 2 for n in range(8)}}), on=MYSQL, since={"mysql": (8, 0, 13)}),
    Case("image", "MINIMAL without a key: all columns before",
         ("SET binlog_row_image = MINIMAL", "CREATE TABLE t (a int, b int, c text)", "INSERT INTO t VALUES (1, 2, 'x')",
          "UPDATE t SET b = 3"), ((1, 2, "x"), {"a": 1, "b": 3, "c": "x"}), ({"b": 2},)),
    Case("image", "NOBLOB: texts only where they changed",
         ("SET binlog_row_image = NOBLOB", f"CREATE TABLE t ({_ID}, a int, b text, c blob)", "INSERT INTO t VALUES (1, 1, 'x', 'y')",
          "UPDATE t SET a = 2", "UPDATE t SET b = 'z'", "DELETE FROM t"),
         ((1, 1, "x", b"y"), {"id": 1, "a": 2}, {"id": 1, "a": 2, "b": "z"}, {"id": 1, "a": 2}), ({"a": 1}, {})),
    Case("image", "MINIMAL with more columns than a byte of the bitmap has",
         ("SET binlog_row_image = MINIMAL", f"CREATE TABLE t ({_ID}, {_FIFTEEN})", "INSERT INTO t (id, c13, c2) VALUES (1, NULL, 5)"),
         ({"id": 1, "c2": 5, "c13": None},)),
    Case("generated", "a functional index has no column, generated and invisible columns have",
         (f"CREATE TABLE t ({_ID}, a int, v int AS (a + 1) VIRTUAL, s int AS (a + 2) STORED, h int INVISIBLE DEFAULT 9, INDEX ((a + 5)))",
          "INSERT INTO t (id, a) VALUES (1, 1)"), ((1, 1, 2, 3, 9),), on=MYSQL, since={"mysql": (8, 0, 23)}),
    Case("generated", "virtual, stored and invisible columns",
         (f"CREATE TABLE t ({_ID}, a int, v int AS (a + 1) VIRTUAL, s int AS (a + 2) STORED, h int INVISIBLE DEFAULT 9)",
          "INSERT INTO t (id, a) VALUES (1, 1)"), ((1, 1, 2, 3, 9),), on=MARIADB),
    Case("generated", "a multi-valued index has no column",
         (f"CREATE TABLE t ({_ID}, j json, INDEX ((CAST(j->'$.a' AS UNSIGNED ARRAY))))", "INSERT INTO t VALUES (1, '{\"a\":[1,2]}')",
          "UPDATE t SET j = '{\"a\":[3]}'"), ((1, {"a": [1, 2]}), (1, {"a": [3]})), ({"j": {"a": [1, 2]}},), on=MYSQL, since={"mysql": (8, 0, 17)}),
    Case("generated", "an invisible primary key",
         ("SET sql_generate_invisible_primary_key = ON", "CREATE TABLE t (a int)", "INSERT INTO t VALUES (5)"),
         ({"my_row_id": 1, "a": 5},), on=MYSQL, since={"mysql": (8, 0, 30)}),
]  # fmt: skip
STATEMENTS = [
    Case("rows", "partitions: insert, move, stay, delete",
         ("CREATE TABLE t (a int, b int) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
          "INSERT INTO t VALUES (1, 1)", "UPDATE t SET a = 20", "UPDATE t SET b = 2", "DELETE FROM t"),
         ((1, 1), (20, 1), (20, 2), (20, 2)), ({"a": 1}, {"b": 1})),
    Case("rows", "an update of two tables",
         (f"CREATE TABLE a ({_ID}, x int)", f"CREATE TABLE b ({_ID}, y varchar(9))", "INSERT INTO a VALUES (1, 1)",
          "INSERT INTO b VALUES (1, 'b')", "UPDATE a JOIN b USING (id) SET x = 2, y = 'c'"),
         ({"id": 1, "x": 1}, {"id": 1, "y": "b"}, {"id": 1, "x": 2}, {"id": 1, "y": "c"}), in_any_order=True),
    Case("rows", "ON DUPLICATE KEY UPDATE, and REPLACE",
         (f"CREATE TABLE t ({_ID}, x int)", "INSERT INTO t VALUES (1, 1)",
          "INSERT INTO t VALUES (1, 9), (2, 2) ON DUPLICATE KEY UPDATE x = x + 1", "REPLACE INTO t VALUES (1, 5)"),
         ((1, 1), (1, 2), (2, 2), (1, 5)), ({"x": 1}, {"x": 2})),
    Case("rows", "ALTER, RENAME, and DROP with CREATE between inserts",
         ("CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", "ALTER TABLE t ADD COLUMN z varchar(9) DEFAULT 'z' FIRST",
          "INSERT INTO t (a) VALUES (2)", "RENAME TABLE t TO u", "INSERT INTO u VALUES ('y', 3)", "DROP TABLE u",
          "CREATE TABLE t (b varchar(9))", "INSERT INTO t VALUES ('x')"),
         ({"a": 1}, {"z": "z", "a": 2}, {"z": "y", "a": 3}, {"b": "x"}), full_only=True),
    Case("rows", "system versioning: the row and its history",
         (f"CREATE TABLE t ({_ID}, x int) WITH SYSTEM VERSIONING", "INSERT INTO t VALUES (1, 1)", "UPDATE t SET x = 2", "DELETE FROM t"),
         ({"id": 1, "x": 1}, {"id": 1, "x": 2}, {"id": 1, "x": 1}, {"id": 1, "x": 2}), on=MARIADB),
    Case("rows", "CREATE TABLE ... SELECT",
         ("CREATE TABLE a (x int, y varchar(9))", "INSERT INTO a VALUES (1, 'x'), (2, 'y')", "CREATE TABLE b SELECT y FROM a"),
         ((1, "x"), (2, "y"), ("x",), ("y",)), since={"mysql": (8, 0, 21)}),
    Case("rows", "256 columns",
         (f"CREATE TABLE t ({', '.join(f'c{n} tinyint' for n in range(256))})", "INSERT INTO t (c0, c255) VALUES (1, -1)"),
         ((1, *[None] * 254, -1),)),
]  # fmt: skip
CASES = [*NUMBERS, *TEMPORALS, *STRINGS, *LABELS, *NULLS, *DOCUMENTS, *OTHERS, *IMAGES, *STATEMENTS]


def run_type_cases(server: SqlServer) -> list[Outcome]:
    """All cases that the kind of server has, each with every kind of metadata that it can write."""
    return [outcome for metadata in metadata_kinds(server) for outcome in run_cases(server, metadata)]


def cases_of(server: SqlServer) -> list[Case]:
    """The cases of a kind of server, in its version or another."""
    return [case for case in CASES if kind_of(server) in case.on]


def kind_of(server: SqlServer) -> str:
    """`mysql` or `mariadb`."""
    return "mariadb" if isinstance(server, MariaDB) else "mysql"


def metadata_kinds(server: SqlServer) -> list[str]:
    """The values of binlog_row_metadata that make a difference; "" for a server that writes none at all."""
    if not server.query("SHOW VARIABLES LIKE 'binlog_row_metadata'"):
        return [""]
    return ["FULL", "NO_LOG", "MINIMAL"] if isinstance(server, MariaDB) else ["FULL", "MINIMAL"]


def version_of(server: SqlServer) -> tuple[int, ...]:
    """The version, without its suffix."""
    ((text,),) = server.query("SELECT VERSION()")
    return tuple(int(part) for part in text.partition("-")[0].split("."))


def run_cases(server: SqlServer, metadata: str, cases: Sequence[Case] | None = None) -> list[Outcome]:
    """All are written into one file, each in a database of its own, which are then read one by one."""
    cases, version = cases_of(server) if cases is None else cases, version_of(server)
    former = set_metadata(server, metadata)
    try:
        server.flush_logs()
        statuses = [_write(server, case, f"type_{number}", metadata, version) for number, case in enumerate(cases)]
    finally:
        set_metadata(server, former)
    path = server.flush_logs()
    outcomes = []
    for number, (case, status) in enumerate(zip(cases, statuses, strict=True)):
        found = status or _found(server, case, path, f"type_{number}")
        server.execute(f"DROP DATABASE IF EXISTS type_{number}")
        outcomes.append(Outcome(case.type, f"{case.title} ({metadata or 'no metadata'})", found))
    return outcomes


def set_metadata(server: SqlServer, metadata: str) -> str:
    """Sets it, where the server has it; the former one."""
    if not metadata:
        return ""
    ((former,),) = server.query("SELECT @@GLOBAL.binlog_row_metadata")
    server.execute(f"SET GLOBAL binlog_row_metadata = {metadata}")
    return str(former)


def _write(server: SqlServer, case: Case, database: str, metadata: str, version: tuple[int, ...]) -> str:
    """What is wrong with it, as far as that can be said before it is read."""
    least = (case.since or {}).get(kind_of(server), ())
    if version < least:
        return f"absent: it takes {'.'.join(map(str, least))}"
    if case.full_only and metadata != "FULL":
        return "absent: it takes FULL metadata"
    try:
        with server.connect(charset="utf8mb4") as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {database}")
            cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
            cursor.execute(f"USE {database}")
            cursor.execute("SET time_zone = '+00:00'")
            for statement in case.statements:
                cursor.execute(statement)
    except pymysql.Error as error:
        return f"wrong: the server says {error}"
    return ""


def _found(server: SqlServer, case: Case, path: Path, database: str) -> str:
    try:
        return _compare(case, read_database(server, path, database))
    except (WlfError, ValueError) as error:
        return f"wrong: {type(error).__name__}: {error}"


def read_database(server: SqlServer, path: Path, database: str) -> Reading:
    """The rows of one database, with all that a schema can tell: also what MariaDB's events never do."""
    reading, content = Reading(wants=lambda name, table: name == database), path.read_bytes()
    reading.decoder._tables._asks_types = True
    reading.decoder.open_file(path.name, content)
    reading.keep(reading.decoder.feed(content[4:]))
    while True:
        if reading.items and isinstance(need := reading.items[-1], NeedSchema):
            reading.items.pop()
            reading.decoder.provide(schema_of(server, need))
        elif not reading.decoder.pending:
            reading.decoder.end_file()
            return reading
        reading.keep(reading.decoder.feed(b""))


def schema_of(server: SqlServer, need: NeedSchema) -> list[SchemaColumn]:
    """What a collector asks of information_schema."""
    columns = server.query(
        "SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
        (need.database, need.table),
    )
    keys = server.query(
        "SELECT COLUMN_NAME, SEQ_IN_INDEX FROM information_schema.STATISTICS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY'",
        (need.database, need.table),
    )
    order = dict(keys)
    if len(columns) == need.n_columns - 2:  # of system versioning, which information_schema does not show
        columns += [("row_start", "timestamp(6)", None), ("row_end", "timestamp(6)", None)]
    text = [(name, kind.decode() if isinstance(kind, bytes) else kind, charset) for name, kind, charset in columns]
    return [SchemaColumn(name, kind, charset, order.get(name, 0)) for name, kind, charset in text]


def _compare(case: Case, reading: Reading) -> str:
    # MariaDB's row_start and row_end hold the time of the test.
    history = ("row_start", "row_end")
    rows = [{k: v for k, v in row.items() if k not in history} for row in reading.rows]
    olds = [{k: v for k, v in old.items() if k not in history} for old in reading.olds]
    pairs = [*_paired("row", case.rows, rows, case.in_any_order)]
    if case.olds is not None:
        pairs += _paired("former row", case.olds, olds, False)
    for what, expected, got in pairs:
        if expected != got:
            return f"wrong: {what}: expected {expected[:200]}, got {got[:200]}"
    written = [json.loads(line)["data"] for line in encode_lines(reading.events())]
    if [list(row) for row in written] != [list(row) for row in reading.rows]:
        return "wrong: the columns of the output are not those of the row images"
    return "ok"


def _paired(
    what: str, expected: tuple[Row, ...], got: list[dict[str, Any]], mixed: bool
) -> Iterator[tuple[str, str, str]]:
    texts = [_text(row if isinstance(row, Mapping) else tuple(row)) for row in expected]
    found = [
        _text(row if isinstance(like, Mapping) else tuple(row.values()))
        for like, row in zip(expected, got, strict=False)
    ]
    yield f"number of {what}s", str(len(expected)), str(len(got))
    if mixed:
        texts, found = sorted(texts), sorted(_text(row) for row in got)
    for number, (one_text, other) in enumerate(zip(texts, found, strict=False), 1):
        yield f"{what} {number}", one_text, other


def _text(value: Any) -> str:
    """A text that tells all types apart, decimals with their scale, zeros with their sign; members in their order."""
    if isinstance(value, Decimal):
        return f"decimal {value:f}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "[" + ", ".join(map(_text, value)) + "]"
    return repr(value)
