"""Statements such as people and tools write, each with the table that it leads to."""

from __future__ import annotations

import pytest

from wlf.binlog.ddl import Catalogue, Dialect, Table, apply

MYSQL = Dialect(version=80_036)
MARIADB = Dialect(mariadb=True, version=101_118)


def shown(table: Table | None, dialect: Dialect) -> str:
    """`a int*, b varchar(9) latin1`: the columns in order, * for those of the key; `?` where nothing is sure."""
    if table is None:
        return "-"
    if not table.sure:
        return "?"
    parts = []
    for column in table.columns:
        charset = f" {column.charset}" if column.charset not in (None, "utf8mb4") else ""
        key = f"*{table.key.index(column.name) + 1}" if column.name in table.key else ""
        parts.append(f"{column.name} {column.column_type(dialect)}{charset}{key}")
    return ", ".join(parts)


def catalogue_of(*statements: str, dialect: Dialect = MYSQL) -> Catalogue:
    catalogue = Catalogue()
    for sql in ("CREATE DATABASE d CHARSET utf8mb4", "CREATE DATABASE l CHARSET latin1", *statements):
        apply(catalogue, sql, "d", dialect)
    return catalogue


CREATED = [
    ("CREATE TABLE t (a INT)", "a int"),
    ("create table t(a int)", "a int"),
    ("CREATE TABLE `t`(`a` INT)", "a int"),
    ("CREATE TABLE d.t (a INT);", "a int"),
    ("CREATE TABLE `d` . `t` (a INT)", "a int"),
    ("CREATE\tTABLE\n t\n(\na INT\n)\n", "a int"),
    ("/* app */ CREATE /* x */ TABLE /* y */ t /* z */ (a /* , b INT */ INT)", "a int"),
    ("-- hello\nCREATE TABLE t (a INT -- a, b\n, b INT # c)\n)", "a int, b int"),
    ("CREATE TABLE t (a INT) /*!50100 PARTITION BY KEY (a) */", "a int"),
    ("/*!40101 CREATE TABLE t (a INT) */", "a int"),
    ("CREATE TABLE t (a INT /*!99999 , no INT */)", "a int"),
    ("CREATE TABLE t (a INT /*!50000 , b INT */)", "a int, b int"),
    ("CREATE TABLE t (a INT /*M! , no INT */)", "a int"),
    ("CREATE TABLE t (a INT /*M!100100 , no INT */)", "a int"),
    ("CREATE TABLE t (a INT, PRIMARY KEY (a))", "a int*1"),
    ("CREATE TABLE t (a INT PRIMARY KEY)", "a int*1"),
    ("CREATE TABLE t (a INT KEY)", "a int*1"),
    ("CREATE TABLE t (a INT NOT NULL AUTO_INCREMENT COMMENT 'x' PRIMARY KEY)", "a int*1"),
    ("CREATE TABLE t (a INT UNIQUE KEY)", "a int"),
    ("CREATE TABLE t (a INT UNIQUE, b INT KEY)", "a int, b int*1"),
    ("CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a))", "a int*2, b int*1"),
    ("CREATE TABLE t (a INT, b INT, PRIMARY KEY `x` USING BTREE (B DESC, A ASC))", "a int*2, b int*1"),
    ("CREATE TABLE t (a INT, CONSTRAINT `p``k` PRIMARY KEY (a) COMMENT 'a)')", "a int*1"),
    ("CREATE TABLE t (a INT, CONSTRAINT PRIMARY KEY (a))", "a int*1"),
    ("CREATE TABLE t (b VARCHAR(99), PRIMARY KEY (b(10)))", "b varchar(99)*1"),
    ("CREATE TABLE t (a INT, KEY (a), INDEX i (a), UNIQUE u (a), FULLTEXT KEY f (a), SPATIAL INDEX s (a))", "a int"),
    ("CREATE TABLE t (a INT, CHECK (a > 0 AND a IN (1, 2)), CONSTRAINT c CHECK (a < 9) NOT ENFORCED)", "a int"),
    ("CREATE TABLE t (a INT, CONSTRAINT f FOREIGN KEY (a) REFERENCES u (x, y) ON DELETE SET NULL)", "a int"),
    ("CREATE TABLE t (a INT REFERENCES u (x) MATCH FULL ON UPDATE CASCADE, b INT)", "a int, b int"),
    ("CREATE TABLE t (a INT, KEY f ((a + 1), (json_value(j, '$.a' RETURNING CHAR(9)))), j JSON)", "a int, j json"),
    (
        "CREATE TABLE t (a INT, b INT AS (a + 1), c INT GENERATED ALWAYS AS (if(a, 'x,)', b)) STORED NOT NULL)",
        "a int, b int, c int",
    ),
    ("CREATE TABLE t (j JSON, k VARCHAR(9) AS (j->>'$.a,b') VIRTUAL INVISIBLE)", "j json, k varchar(9)"),
    (
        "CREATE TABLE t (`key` INT, `primary` INT, `index` INT, `check` INT)",
        "key int, primary int, index int, check int",
    ),
    (
        "CREATE TABLE t (date DATE, time TIME, year YEAR, type INT, status INT)",
        "date date, time time, year year, type int, status int",
    ),
    ("CREATE TABLE t (period INT, vector INT, system INT)", "period int, vector int, system int"),
    (
        "CREATE TABLE t (`a,b` INT, `c(d` INT, `e``f` INT, `g'h` INT, `i j` INT)",
        "a,b int, c(d int, e`f int, g'h int, i j int",
    ),
    ("CREATE TABLE t (列 INT, naïve INT)", "列 int, naïve int"),
    (
        "CREATE TABLE t (a INT DEFAULT 1, b VARCHAR(9) DEFAULT 'x,y)', c INT DEFAULT (1 + (2)))",
        "a int, b varchar(9), c int",
    ),
    (
        "CREATE TABLE t (a TIMESTAMP DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), b INT)",
        "a timestamp, b int",
    ),
    ("CREATE TABLE t (a TIMESTAMP(6), b DATETIME(0), c TIME(3))", "a timestamp(6), b datetime, c time(3)"),
    (
        "CREATE TABLE t (a INTEGER UNSIGNED, b INT(10) UNSIGNED ZEROFILL, c BIGINT(20))",
        "a int unsigned, b int(10) unsigned zerofill, c bigint",
    ),
    (
        "CREATE TABLE t (a BOOL, b BOOLEAN, c TINYINT(1), d TINYINT(4), e BIT)",
        "a tinyint(1), b tinyint(1), c tinyint(1), d tinyint, e bit(1)",
    ),
    ("CREATE TABLE t (id SERIAL, x INT)", "id bigint unsigned, x int"),
    (
        "CREATE TABLE t (a DEC, b FIXED(5), c NUMERIC(7,3), d DECIMAL(0))",
        "a decimal(10,0), b decimal(5,0), c decimal(7,3), d decimal(10,0)",
    ),
    (
        "CREATE TABLE t (a DOUBLE PRECISION, b REAL, c FLOAT(24), d FLOAT(25), e FLOAT(7,3))",
        "a double, b double, c float, d double, e float(7,3)",
    ),
    (
        "CREATE TABLE t (a CHARACTER VARYING(9), b CHAR VARYING(8), c CHARACTER(7), d VARCHARACTER(6))",
        "a varchar(9), b varchar(8), c char(7), d varchar(6)",
    ),
    (
        "CREATE TABLE t (a NATIONAL CHAR(3), b NCHAR(4), c NATIONAL VARCHAR(5), d NVARCHAR(6))",
        "a char(3) utf8mb3, b char(4) utf8mb3, c varchar(5) utf8mb3, d varchar(6) utf8mb3",
    ),
    (
        "CREATE TABLE t (a NATIONAL CHARACTER VARYING(5), b NCHAR VARCHAR(6), c NCHAR VARYING(7))",
        "a varchar(5) utf8mb3, b varchar(6) utf8mb3, c varchar(7) utf8mb3",
    ),
    (
        "CREATE TABLE t (a LONG, b LONG VARCHAR, c LONG VARBINARY, d LONG CHAR VARYING)",
        "a mediumtext, b mediumtext, c mediumblob, d mediumtext",
    ),
    ("CREATE TABLE t (a LONG CHARACTER SET latin1, b LONG)", "a mediumtext latin1, b mediumtext"),
    (
        "CREATE TABLE t (a INT1, b INT2, c INT3, d INT4, e INT8, f MIDDLEINT, g FLOAT4, h FLOAT8)",
        "a tinyint, b smallint, c mediumint, d int, e bigint, f mediumint, g float, h double",
    ),
    (
        "CREATE TABLE t (a TEXT(10), b TEXT(100), c TEXT(70000), d BLOB(255), e BLOB(256))",
        "a tinytext, b text, c mediumtext, d tinyblob, e blob",
    ),
    (
        "CREATE TABLE t (a CHAR BYTE, b VARCHAR(9) CHARACTER SET binary, c TEXT CHARSET binary)",
        "a binary(1), b varbinary(9), c blob",
    ),
    (
        "CREATE TABLE t (a CHAR(3) ASCII, b CHAR(3) UNICODE, c CHAR(3) BINARY)",
        "a char(3) latin1, b char(3) ucs2, c char(3)",
    ),
    (
        "CREATE TABLE t (a VARCHAR(9) COLLATE latin1_bin, b VARCHAR(9) NOT NULL COLLATE utf8_bin)",
        "a varchar(9) latin1, b varchar(9) utf8mb3",
    ),
    ("CREATE TABLE t (a VARCHAR(9) CHAR SET utf8 COLLATE utf8_bin)", "a varchar(9) utf8mb3"),
    ("CREATE TABLE t (a VARCHAR(9)) DEFAULT CHARSET=latin1", "a varchar(9) latin1"),
    ("CREATE TABLE t (a VARCHAR(9)) ENGINE=InnoDB COLLATE latin1_bin COMMENT 'CHARSET=ucs2'", "a varchar(9) latin1"),
    ("CREATE TABLE t (a VARCHAR(9)) CHARACTER SET = DEFAULT", "a varchar(9)"),
    ("CREATE TABLE l.t (a VARCHAR(9))", "a varchar(9) latin1"),
    ("CREATE TABLE t (a ENUM('x','y,z','(',')','it''s','\\'','\"'))", "a enum('x','y,z','(',')','it''s','''','\"')"),
    ("CREATE TABLE t (a SET('a b', 'c') CHARACTER SET latin1, b INT)", "a set('a b','c') latin1, b int"),
    ("CREATE TABLE t (a ENUM('x ', 'a' 'b'), b INT)", "a enum('x','ab'), b int"),
    (
        "CREATE TABLE t (a POINT NOT NULL SRID 4326, b GEOMETRYCOLLECTION, c GEOMCOLLECTION)",
        "a point, b geomcollection, c geomcollection",
    ),
    ("CREATE TABLE t (v VECTOR(3), w VECTOR)", "v vector(3), w vector(2048)"),
    ("CREATE TABLE t (a INT) AS SELECT 1 AS b", "?"),
    ("CREATE TABLE t (a INT) IGNORE SELECT 1 AS b", "?"),
    ("CREATE TABLE t SELECT * FROM u", "?"),
    ("CREATE TABLE t ENGINE=MyISAM AS (SELECT 1)", "?"),
    ("CREATE TABLE t (SELECT 1 AS a)", "?"),
    ("CREATE TABLE t (WITH x AS (SELECT 1) SELECT * FROM x)", "?"),
    ("CREATE TABLE t TABLE u", "?"),
    ("CREATE TABLE t (\n `a` int DEFAULT NULL\n) START TRANSACTION", "a int"),
    ("CREATE TABLE t LIKE u", "x int*1, y text latin1"),
    ("CREATE TABLE t (LIKE u)", "x int*1, y text latin1"),
    ("CREATE TABLE IF NOT EXISTS t LIKE `d`.`u`", "x int*1, y text latin1"),
    ("CREATE TABLE t LIKE nothing", "?"),
    ("CREATE TEMPORARY TABLE t (a INT)", "-"),
    ("CREATE TABLE t (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (1) COMMENT = 'x, b INT')", "a int"),
    ("CREATE TABLE t (a INT) PARTITION BY KEY (a) PARTITIONS 4", "a int"),
    ("CREATE TABLE t (a INT) UNION=(x, y) INSERT_METHOD=LAST DATA DIRECTORY='/x, y'", "a int"),
    ("CREATE TABLE t (a INT COMMENT 'it''s, \\'so\\' (x', b INT COMMENT \"a\\\"b\")", "a int, b int"),
    ("CREATE TABLE t (a INT COLUMN_FORMAT DYNAMIC STORAGE MEMORY, b INT VISIBLE)", "a int, b int"),
    ("CREATE TABLE t ()", "-"),
    ("CREATE TABLE t (a)", "-"),
    ("CREATE TABLE t (a INT", "a int"),
]

CREATED_BY_MARIADB = [
    ("CREATE OR REPLACE TABLE t (a INT)", "a int(11)"),
    (
        "CREATE TABLE t (a INT /*M!100100 , b INT */ /*!50701 , no INT */ /*!100100 , c INT */)",
        "a int(11), b int(11), c int(11)",
    ),
    ("SET STATEMENT max_statement_time=1, sort_buffer_size=(1) FOR CREATE TABLE t (a INT)", "a int(11)"),
    ("CREATE TABLE t (u UUID, i INET6, j INET4, k JSON)", "u uuid, i inet6, j inet4, k longtext"),
    (
        "CREATE TABLE t (a VARCHAR(9) COMPRESSED, b BLOB COMPRESSED=zlib)",
        "a varchar(9) /*M!100301 COMPRESSED*/, b blob /*M!100301 COMPRESSED*/",
    ),
    (
        "CREATE TABLE t (a INT AS (1) PERSISTENT, b INT DEFAULT uuid_short(), c INT CHECK (c > 0))",
        "a int(11), b int(11), c int(11)",
    ),
    ("CREATE TABLE t (a INT) WITH SYSTEM VERSIONING", "a int(11), row_start timestamp(6), row_end timestamp(6)"),
    ("CREATE TABLE t (a INT WITH SYSTEM VERSIONING)", "a int(11), row_start timestamp(6), row_end timestamp(6)"),
    (
        "CREATE TABLE t (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) AS ROW END, "
        "PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
        "a int(11), s timestamp(6), e timestamp(6)",
    ),
    (
        "CREATE TABLE t (a INT, s DATE, e DATE, PERIOD FOR p (s, e), UNIQUE (a, p WITHOUT OVERLAPS))",
        "a int(11), s date, e date",
    ),
    ("CREATE TABLE t (a VARCHAR(9) COLLATE uca1400_ai_ci) CHARSET latin1", "a varchar(9) latin1"),
    ("CREATE TABLE t ENGINE=CONNECT TABLE_TYPE=ODBC", "?"),
    ("CREATE SEQUENCE u2", "-"),
    (
        "CREATE TABLE t (a SMALLINT, b TINYINT UNSIGNED, c BIGINT, d YEAR, e MEDIUMINT ZEROFILL)",
        "a smallint(6), b tinyint(3) unsigned, c bigint(20), d year(4), e mediumint(8) unsigned zerofill",
    ),
    ("CREATE TABLE t (a mariadb_schema.date)", "a date"),
]


@pytest.mark.parametrize(("sql", "table"), CREATED)
def test_create(sql: str, table: str) -> None:
    catalogue = catalogue_of("CREATE TABLE u (x INT PRIMARY KEY, y TEXT CHARSET latin1)", sql)
    assert shown(catalogue.get("l" if " l.t" in sql else "d", "t"), MYSQL) == table


@pytest.mark.parametrize(("sql", "table"), CREATED_BY_MARIADB)
def test_create_on_mariadb(sql: str, table: str) -> None:
    assert shown(catalogue_of(sql, dialect=MARIADB).get("d", "t"), MARIADB) == table


# Of t (a INT, b VARCHAR(10), c DATE, PRIMARY KEY (a)), the parts of ALTER TABLE t.
BEFORE = "CREATE TABLE t (a INT, b VARCHAR(10), c DATE, PRIMARY KEY (a))"
SAME = "a int*1, b varchar(10), c date"
ALTERED = [
    ("ADD d INT", f"{SAME}, d int"),
    ("ADD COLUMN d INT", f"{SAME}, d int"),
    ("ADD d INT FIRST", f"d int, {SAME}"),
    ("ADD d INT NOT NULL DEFAULT 0 COMMENT 'first' AFTER A", "a int*1, d int, b varchar(10), c date"),
    ("ADD d INT AFTER `a`, ADD e INT AFTER d", "a int*1, d int, e int, b varchar(10), c date"),
    ("ADD (d INT, e INT)", f"{SAME}, d int, e int"),
    ("ADD COLUMN (d INT, e ENUM('x,y', ')'))", f"{SAME}, d int, e enum('x,y',')')"),
    ("ADD (d INT, PRIMARY KEY (d))", "a int, b varchar(10), c date, d int*1"),
    ("DROP b", "a int*1, c date"),
    ("DROP COLUMN B", "a int*1, c date"),
    ("DROP a", "b varchar(10), c date"),
    ("DROP b, DROP c", "a int*1"),
    ("DROP b CASCADE, ADD b INT", "a int*1, c date, b int"),
    ("MODIFY b TEXT", "a int*1, b text, c date"),
    ("MODIFY COLUMN B TEXT FIRST", "B text, a int*1, c date"),
    ("MODIFY c DATE AFTER a", "a int*1, c date, b varchar(10)"),
    ("MODIFY a INT AFTER c, MODIFY b INT AFTER a", "c date, a int*1, b int"),
    ("CHANGE b x INT", "a int*1, x int, c date"),
    ("CHANGE COLUMN `b` `B` VARCHAR(20) AFTER c", "a int*1, c date, B varchar(20)"),
    ("CHANGE a id BIGINT UNSIGNED", "id bigint unsigned*1, b varchar(10), c date"),
    ("CHANGE a b INT, CHANGE b a INT", "b int*1, a int, c date"),
    ("RENAME COLUMN b TO x", "a int*1, x varchar(10), c date"),
    ("RENAME COLUMN A TO `Id`", "Id int*1, b varchar(10), c date"),
    ("RENAME COLUMN a TO b, RENAME COLUMN b TO a", "b int*1, a varchar(10), c date"),
    ("RENAME COLUMN b TO x, ADD y INT AFTER x", "a int*1, x varchar(10), y int, c date"),
    ("DROP PRIMARY KEY", "a int, b varchar(10), c date"),
    ("DROP INDEX `PRIMARY`", "a int, b varchar(10), c date"),
    ("DROP PRIMARY KEY, ADD PRIMARY KEY (c, b(3))", "a int, b varchar(10)*2, c date*1"),
    ("ADD CONSTRAINT pk PRIMARY KEY USING BTREE (c)", "a int, b varchar(10), c date*1"),
    ("DROP PRIMARY KEY, ADD d INT AUTO_INCREMENT PRIMARY KEY FIRST", "d int*1, a int, b varchar(10), c date"),
    ("CONVERT TO CHARACTER SET latin1", "a int*1, b varchar(10) latin1, c date"),
    ("CONVERT TO CHARSET utf8 COLLATE utf8_bin", "a int*1, b varchar(10) utf8mb3, c date"),
    ("CONVERT TO CHARACTER SET binary", "a int*1, b varbinary(10), c date"),
    ("CHARSET latin1, ADD d TEXT", f"{SAME}, d text latin1"),
    ("DEFAULT CHARACTER SET = latin1 COLLATE = latin1_bin, ADD d TEXT", f"{SAME}, d text latin1"),
    ("COLLATE latin1_bin, MODIFY b TEXT", "a int*1, b text latin1, c date"),
    ("MODIFY b VARCHAR(10) CHARACTER SET ucs2", "a int*1, b varchar(10) ucs2, c date"),
    *(
        (sql, SAME)
        for sql in (
            "ENGINE=InnoDB",
            "COMMENT='DROP b', AUTO_INCREMENT = 7",
            "ADD INDEX (b)",
            "ADD KEY `drop` (b, c)",
            "ADD UNIQUE KEY u (b)",
            "ADD FULLTEXT INDEX f (b)",
            "ADD SPATIAL INDEX (b)",
            "ADD CONSTRAINT x CHECK (a > 1)",
            "ADD CHECK (a IN (1, 2))",
            "ADD FOREIGN KEY (a) REFERENCES u (x)",
            "ADD CONSTRAINT f FOREIGN KEY f (a) REFERENCES u (x) ON DELETE CASCADE",
            "DROP INDEX b",
            "DROP KEY `b`",
            "DROP FOREIGN KEY f",
            "DROP CHECK c",
            "DROP CONSTRAINT c",
            "RENAME INDEX a TO b",
            "RENAME KEY a TO b",
            "ALTER COLUMN b SET DEFAULT 'x, DROP b'",
            "ALTER b DROP DEFAULT",
            "ALTER b SET INVISIBLE",
            "ALTER INDEX b INVISIBLE",
            "ALTER CHECK c NOT ENFORCED",
            "DISABLE KEYS",
            "ENABLE KEYS",
            "ORDER BY b, c, drop",
            "FORCE",
            "ADD PARTITION (PARTITION p VALUES IN (1, 2))",
            "DROP PARTITION p, q",
            "TRUNCATE PARTITION ALL",
            "COALESCE PARTITION 2",
            "REORGANIZE PARTITION p INTO (PARTITION q VALUES LESS THAN (3), PARTITION r VALUES LESS THAN MAXVALUE)",
            "EXCHANGE PARTITION p WITH TABLE u WITHOUT VALIDATION",
            "REMOVE PARTITIONING",
            "PARTITION BY KEY (a) PARTITIONS 3",
            "PARTITION BY HASH (a)",
            "DISCARD TABLESPACE",
            "ALGORITHM=INPLACE, LOCK=NONE",
            "ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8",
            "ALGORITHM=INSTANT",
            "UNION=(x, y)",
            "ADD INDEX f ((CAST(b->'$.x' AS UNSIGNED ARRAY)))",
            "SECONDARY_LOAD",
            "ADD KEY k ((json_value(b, '$.a, ADD z INT')))",
            "STATS_SAMPLE_PAGES=DEFAULT",
            "COMMENT 'x' /* , DROP b */",
            "WITH VALIDATION",
            "ENCRYPTION='Y'",
            "RENAME TO t",
            "RENAME = t",
            "",
        )
    ),
    ("ADD", "?"),
    ("DROP nothing", "?"),
    ("ADD b INT", "?"),
    ("CHANGE x y INT", "?"),
    ("RENAME COLUMN x TO y", "?"),
    ("ADD d INT AFTER nothing", "?"),
]

ALTERED_BY_MARIADB = [
    ("ALTER TABLE IF EXISTS t ADD COLUMN IF NOT EXISTS d INT", "a int(11)*1, b varchar(10), c date, d int(11)"),
    (
        "ALTER ONLINE IGNORE TABLE t ADD COLUMN IF NOT EXISTS b INT, ADD COLUMN d INT AFTER a",
        "a int(11)*1, d int(11), b varchar(10), c date",
    ),
    ("ALTER TABLE t WAIT 5 DROP COLUMN IF EXISTS x, DROP COLUMN IF EXISTS b", "a int(11)*1, c date"),
    (
        "ALTER TABLE t NOWAIT MODIFY COLUMN IF EXISTS x INT, CHANGE COLUMN IF EXISTS b y INT",
        "a int(11)*1, y int(11), c date",
    ),
    (
        "ALTER TABLE t RENAME COLUMN IF EXISTS x TO y, RENAME COLUMN IF EXISTS b TO z",
        "a int(11)*1, z varchar(10), c date",
    ),
    (
        "ALTER TABLE t ADD PRIMARY KEY IF NOT EXISTS (a), DROP INDEX IF EXISTS i, ADD INDEX IF NOT EXISTS (b)",
        "a int(11)*1, b varchar(10), c date",
    ),
    (
        "ALTER TABLE t ADD SYSTEM VERSIONING",
        "a int(11)*1, b varchar(10), c date, row_start timestamp(6), row_end timestamp(6)",
    ),
    (
        "ALTER TABLE t ADD SYSTEM VERSIONING, ADD d INT",
        "a int(11)*1, b varchar(10), c date, d int(11), row_start timestamp(6), row_end timestamp(6)",
    ),
    ("ALTER TABLE t DROP SYSTEM VERSIONING", "a int(11)*1, b varchar(10), c date"),
    ("ALTER TABLE t ADD PERIOD FOR p (a, c), DROP PERIOD FOR p", "a int(11)*1, b varchar(10), c date"),
    ("SET STATEMENT a = 'FOR' FOR ALTER TABLE t DROP b", "a int(11)*1, c date"),
    (
        "ALTER TABLE t ADD FOREIGN KEY IF NOT EXISTS f (a) REFERENCES u (x), DROP FOREIGN KEY IF EXISTS g",
        "a int(11)*1, b varchar(10), c date",
    ),
    (
        "ALTER TABLE t DROP CONSTRAINT IF EXISTS c, ALTER COLUMN IF EXISTS b SET DEFAULT 1",
        "a int(11)*1, b varchar(10), c date",
    ),
    ("ALTER TABLE t CONVERT PARTITION p TO TABLE x", "a int(11)*1, b varchar(10), c date"),
]


@pytest.mark.parametrize(("sql", "table"), ALTERED)
def test_alter(sql: str, table: str) -> None:
    assert shown(catalogue_of(BEFORE, f"ALTER TABLE t {sql}").get("d", "t"), MYSQL) == table


@pytest.mark.parametrize(("sql", "table"), ALTERED_BY_MARIADB)
def test_alter_on_mariadb(sql: str, table: str) -> None:
    assert shown(catalogue_of(BEFORE, sql, dialect=MARIADB).get("d", "t"), MARIADB) == table


TABLES = ["CREATE TABLE a (x INT)", "CREATE TABLE b (y INT)", "CREATE TABLE l.c (z INT)"]
NAMES = [
    ("RENAME TABLE a TO n", {"d.n": "x", "d.b": "y", "l.c": "z"}),
    ("RENAME TABLES a TO b2, b TO a, b2 TO b", {"d.b": "x", "d.a": "y", "l.c": "z"}),
    ("RENAME TABLE a TO l.a, l.c TO d.c", {"l.a": "x", "d.b": "y", "d.c": "z"}),
    ("RENAME TABLE IF EXISTS a WAIT 5 TO n, b NOWAIT TO m", {"d.n": "x", "d.m": "y", "l.c": "z"}),
    ("RENAME TABLE unknown TO a2", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("RENAME USER a TO b", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("ALTER TABLE a RENAME n", {"d.n": "x", "d.b": "y", "l.c": "z"}),
    ("ALTER TABLE a RENAME TO l.n", {"l.n": "x", "d.b": "y", "l.c": "z"}),
    ("ALTER TABLE a RENAME AS `n`, ADD w INT", {"d.n": "x w", "d.b": "y", "l.c": "z"}),
    ("DROP TABLE a", {"d.b": "y", "l.c": "z"}),
    ("DROP TABLE IF EXISTS `d`.`a`, b, `l`.c RESTRICT", {}),
    ("DROP TABLES a,b", {"l.c": "z"}),
    ("DROP TABLE /*!40000 IF EXISTS */ `a` /* generated by server */", {"d.b": "y", "l.c": "z"}),
    ("DROP TEMPORARY TABLE IF EXISTS a", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("DROP VIEW a", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("DROP DATABASE l", {"d.a": "x", "d.b": "y"}),
    ("DROP SCHEMA IF EXISTS `d`", {"l.c": "z"}),
    ("TRUNCATE TABLE a", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("CREATE TABLE IF NOT EXISTS a (other INT)", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("CREATE OR REPLACE TABLE a (other INT)", {"d.a": "other", "d.b": "y", "l.c": "z"}),
    ("CREATE OR REPLACE TABLE a LIKE b", {"d.a": "y", "d.b": "y", "l.c": "z"}),
    ("CREATE OR REPLACE DATABASE l", {"d.a": "x", "d.b": "y"}),
    ("ALTER TABLE a CONVERT TABLE b TO PARTITION p VALUES LESS THAN (3)", {"d.a": "x", "l.c": "z"}),
    ("ALTER TABLE a CONVERT PARTITION p TO TABLE n", {"d.a": "x", "d.n": "x", "d.b": "y", "l.c": "z"}),
    ("CREATE PROCEDURE p() BEGIN DROP TABLE a; END", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    (
        "CREATE DEFINER=`root`@`%` TRIGGER t AFTER INSERT ON a FOR EACH ROW ALTER TABLE b DROP y",
        {"d.a": "x", "d.b": "y", "l.c": "z"},
    ),
    ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DROP TABLE a", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("CREATE VIEW v AS SELECT 'DROP TABLE a'", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("CREATE INDEX i ON a (x)", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("INSERT INTO a VALUES ('DROP TABLE a')", {"d.a": "x", "d.b": "y", "l.c": "z"}),
    ("", {"d.a": "x", "d.b": "y", "l.c": "z"}),
]


@pytest.mark.parametrize(("sql", "tables"), NAMES)
def test_names(sql: str, tables: dict[str, str]) -> None:
    catalogue = catalogue_of(*TABLES, sql)
    found = {".".join(name): " ".join(c.name for c in table.columns) for name, table in catalogue.tables.items()}
    assert found == tables


@pytest.mark.parametrize(
    ("statements", "charset"),
    [
        (["ALTER DATABASE d CHARACTER SET latin1"], "latin1"),
        (["ALTER DATABASE CHARACTER SET = latin1"], "latin1"),
        (["ALTER SCHEMA DEFAULT COLLATE latin1_bin"], "latin1"),
        (["ALTER DATABASE d READ ONLY = 1"], "utf8mb4"),
        (["DROP DATABASE d", "CREATE DATABASE d /*!40100 DEFAULT CHARACTER SET ucs2 */"], "ucs2"),
        (["CREATE DATABASE IF NOT EXISTS d CHARSET latin1"], "utf8mb4"),
    ],
)
def test_tables_inherit_the_character_set_of_their_database(statements: list[str], charset: str) -> None:
    table = catalogue_of(*statements, "CREATE TABLE t (a TEXT)").get("d", "t")
    assert table is not None
    assert (table.charset, table.columns[0].charset) == (charset, charset)


def test_a_new_database_has_the_character_set_of_the_session() -> None:
    catalogue = Catalogue()
    apply(catalogue, "CREATE DATABASE x", "", MYSQL, server_charset="latin1")
    apply(catalogue, "CREATE TABLE x.t (a TEXT)", "", MYSQL)
    assert catalogue.tables["x", "t"].columns[0].charset == "latin1"


def test_text_of_an_unknown_character_set_is_not_sure() -> None:
    catalogue = Catalogue()
    apply(catalogue, "CREATE TABLE t (a TEXT)", "unknown", MYSQL)
    apply(catalogue, "CREATE TABLE u (a INT)", "unknown", MYSQL)
    assert {name[1]: table.sure for name, table in catalogue.tables.items()} == {"t": False, "u": True}


def test_a_statement_without_a_readable_name_leaves_its_database_unsure() -> None:
    catalogue = catalogue_of(*TABLES, "ALTER TABLE 5+5")
    assert {".".join(name): table.sure for name, table in catalogue.tables.items()} == {
        "d.a": False,
        "d.b": False,
        "l.c": True,
    }
