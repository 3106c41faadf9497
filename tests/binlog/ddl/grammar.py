"""Random definitions of tables, such as people write, for one server or the other."""

from __future__ import annotations

from random import Random

NUMBERS = (
    "INT",
    "int(11)",
    "INTEGER UNSIGNED",
    "TINYINT",
    "TINYINT(1)",
    "tinyint(3) unsigned",
    "BOOL",
    "BOOLEAN",
    "SMALLINT",
    "MEDIUMINT UNSIGNED",
    "BIGINT",
    "BIGINT(20) UNSIGNED",
    "INT ZEROFILL",
    "INT(5) ZEROFILL",
    "INT2",
    "int8",
    "MIDDLEINT",
    "DEC",
    "DEC(5)",
    "FIXED(7,2)",
    "NUMERIC(10, 3) UNSIGNED",
    "DECIMAL(65,30)",
    "DECIMAL(0)",
    "FLOAT",
    "FLOAT(7,3)",
    "FLOAT(20)",
    "FLOAT(30)",
    "FLOAT UNSIGNED",
    "DOUBLE",
    "DOUBLE PRECISION",
    "DOUBLE(9,2)",
    "REAL",
    "float4",
    "FLOAT8",
    "BIT",
    "BIT(9)",
    "YEAR",
    "YEAR(4)",
    "int1 unsigned",
    "int signed",
    "INT4 NOT NULL DEFAULT '1'",
)
TIMES = (
    "DATE",
    "TIME",
    "TIME(3)",
    "DATETIME",
    "DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)",
    "TIMESTAMP NULL",
    "TIMESTAMP(2) NULL DEFAULT NULL",
    "datetime(0)",
    "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP",
)
TEXTS = (
    "CHAR",
    "CHAR(3)",
    "CHARACTER(5)",
    "CHARACTER VARYING(20)",
    "CHAR VARYING(3)",
    "VARCHAR(10)",
    "VARCHARACTER(7)",
    "varchar(255) NOT NULL DEFAULT 'a,b(c'",
    "VARCHAR(3) DEFAULT 'it''s'",
    "VARCHAR(9) DEFAULT 'q\\'),('",
    "NCHAR(3)",
    "NATIONAL CHAR(4)",
    "NATIONAL VARCHAR(5)",
    "NVARCHAR(6)",
    "NCHAR VARCHAR(3)",
    "NATIONAL CHAR VARYING(8)",
    "NCHAR VARYING(5)",
    "NATIONAL CHARACTER(2)",
    "NATIONAL CHARACTER VARYING(3)",
    "TINYTEXT",
    "TEXT",
    "TEXT(10)",
    "TEXT(100)",
    "TEXT(20000)",
    "TEXT(70000)",
    "MEDIUMTEXT",
    "LONGTEXT",
    "LONG VARCHAR",
    "LONG",
    "LONG CHAR VARYING",
    "ENUM('a','b')",
    "ENUM('it''s', 'x,y', '(z)', 'w ')",
    "SET('a','b c','d\"e')",
    "ENUM('\\\\','n\\nl')",
    "SET ( 'o' )",
    "CHAR(7) BINARY",
    "TEXT BINARY",
    "LONG BINARY",
)
BINARIES = (
    "BINARY",
    "BINARY(16)",
    "VARBINARY(300)",
    "TINYBLOB",
    "BLOB",
    "BLOB(10)",
    "BLOB(70000)",
    "MEDIUMBLOB",
    "LONGBLOB",
    "LONG VARBINARY",
    "CHAR(3) BYTE",
    "TEXT BYTE",
    "VARCHAR(20) CHARACTER SET binary",
    "TEXT CHARSET binary",
    "JSON",
    "GEOMETRY",
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
    "JSON COMMENT 'a /* no */ comment -- here'",
)
MARIADB = (
    "UUID",
    "INET6",
    "INET4",
    "VARCHAR(50) COMPRESSED",
    "TEXT COMPRESSED",
    "BLOB COMPRESSED",
    "INT INVISIBLE DEFAULT 1",
    "VARCHAR(20) COMPRESSED=zlib CHARACTER SET latin1",
    "INT CHECK (1 > 0)",
    "VARCHAR(4) DEFAULT concat('a', 'b,')",
    "INT AS (1 + 2) PERSISTENT",
    "VARCHAR(30) AS (json_value('{\"a\": 1}', '$.a')) VIRTUAL",
    "INT WITHOUT SYSTEM VERSIONING",
    "TEXT DEFAULT 'x'",
    "DATETIME DEFAULT (now() + interval 1 day)",
)
MYSQL = (
    "VECTOR(3)",
    "VECTOR",
    "INT INVISIBLE",
    "INT /*!80023 INVISIBLE */",
    "POINT SRID 4326",
    "GEOMCOLLECTION",
    "INT CHECK (1 > 0) NOT ENFORCED",
    "JSON DEFAULT (JSON_ARRAY('a', ')'))",
    "INT GENERATED ALWAYS AS (1 + 2) STORED",
    "INT AS (2) VIRTUAL NULL",
    "VARCHAR(30) GENERATED ALWAYS AS (json_unquote(json_extract('{}', '$.a,b'))) VIRTUAL",
    "VARCHAR(3) DEFAULT (concat('a', 'b'))",
    "INT COLUMN_FORMAT FIXED STORAGE DISK",
    "INT ENGINE_ATTRIBUTE '{\"a\": 1}'",
)
CHARSETS = ("latin1", "utf8mb4", "utf8", "utf8mb3", "ascii", "ucs2", "gbk", "binary", "utf16", "koi8r", "cp932")
COLLATIONS = (
    "latin1_bin",
    "utf8mb4_general_ci",
    "utf8mb4_bin",
    "latin1_german1_ci",
    "ascii_bin",
    "gbk_chinese_ci",
    "binary",
)
NAMES = (
    "id",
    "a",
    "B",
    "c",
    "Name",
    "名",
    "order",
    "a b",
    "x`y",
    "key",
    "first",
    "after",
    "d.e",
    "q,r",
    "(s",
    "primary",
    "add",
)


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


class Grammar:
    """Writes statements about one table whose columns it is told."""

    def __init__(self, random: Random, *, mariadb: bool) -> None:
        self.random, self.mariadb = random, mariadb

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def name(self, name: str) -> str:
        if (
            name.isascii()
            and name.isalnum()
            and name not in ("order", "key", "primary", "add")
            and self.random.random() < 0.5
        ):
            return self.pick(name, name.upper(), name)
        return quoted(name)

    def type(self) -> str:
        own = MARIADB if self.mariadb else MYSQL
        family = self.random.choices((NUMBERS, TIMES, TEXTS, BINARIES, own), (3, 1, 4, 2, 2))[0]
        text = self.random.choice(family)
        if (
            family is TEXTS
            and not text.startswith(("N", "LONG "))
            and "BINARY" not in text
            and self.random.random() < 0.4
        ):
            head, _, rest = text.partition(" NOT NULL") if " NOT NULL" in text else text.partition(" DEFAULT")
            rest = text[len(head) :]
            return head + self.charset_of_column() + rest
        return text

    def charset_of_column(self) -> str:
        return self.pick(
            f" CHARACTER SET {self.pick(*CHARSETS)}",
            f" CHARSET {self.pick(*CHARSETS)}",
            f" COLLATE {self.pick(*COLLATIONS)}",
            " CHARACTER SET latin1 COLLATE latin1_bin",
            " ASCII",
            " UNICODE",
            f" CHAR SET {self.pick(*CHARSETS)}",
        )

    def comment(self) -> str:
        return self.pick("", "", "", "", " COMMENT 'x, y (z'", " /* a, ) comment */", ' COMMENT "it\'s; `so`"')

    def column(self, name: str) -> str:
        space = self.pick(" ", "  ", "\n\t", " /* c */ ")
        return f"{self.name(name)}{space}{self.type()}{self.comment()}"

    def place(self, others: list[str]) -> str:
        if not others or self.random.random() < 0.4:
            return ""
        return self.pick(
            " FIRST",
            f" AFTER {self.name(self.random.choice(others))}",
            f" after {self.name(self.random.choice(others))}",
        )

    def fresh(self, taken: list[str]) -> str:
        lower = {name.lower() for name in taken}
        free = [name for name in NAMES if name.lower() not in lower]
        return self.random.choice(free) if free else f"n{self.random.randrange(10**6)}"

    def option(self) -> str:
        return self.pick(
            " ENGINE=InnoDB",
            f" DEFAULT CHARSET={self.pick(*CHARSETS)}",
            f" CHARACTER SET {self.pick(*CHARSETS)}",
            f" COLLATE={self.pick(*COLLATIONS)}",
            f" COLLATE {self.pick(*COLLATIONS)}",
            " COMMENT='CHARSET=ucs2, (x'",
            " ROW_FORMAT=DYNAMIC",
            " /*!40101 DEFAULT CHARSET=latin1 */",
            f" DEFAULT COLLATE {self.pick(*COLLATIONS)}",
            " AUTO_INCREMENT=5",
            " MAX_ROWS = 10",
            " /*M! CHARSET=ascii */",
            "",
            "",
        )

    def create(self, table: str) -> str:
        names: list[str] = []
        for _ in range(self.random.randrange(1, 6)):
            names.append(self.fresh(names))
        parts = [self.column(name) for name in names]
        if self.random.random() < 0.6:
            keyed = self.fresh(names)
            if self.random.random() < 0.4:
                kind = self.pick(
                    "INT AUTO_INCREMENT PRIMARY KEY",
                    "BIGINT NOT NULL KEY",
                    "SERIAL PRIMARY KEY",
                    "VARCHAR(5) PRIMARY KEY COMMENT 'k'",
                )
                parts.insert(self.random.randrange(len(parts) + 1), f"{quoted(keyed)} {kind}")
            else:
                other = self.fresh([*names, keyed])
                parts.insert(0, f"{quoted(keyed)} INT NOT NULL")
                parts.append(f"{quoted(other)} VARCHAR(20) NOT NULL")
                key = f"{quoted(keyed.upper() if keyed.isascii() else keyed)}, {quoted(other)}(3) DESC"
                parts.append(
                    self.pick(
                        "PRIMARY KEY", "CONSTRAINT PRIMARY KEY", "CONSTRAINT pk PRIMARY KEY", "PRIMARY KEY USING BTREE"
                    )
                    + f" ({key})"
                )
                parts.append(
                    self.pick(
                        f"KEY ({quoted(keyed)})",
                        f"UNIQUE INDEX i ({quoted(keyed)})",
                        f"INDEX ({quoted(other)}(2))",
                        f"CONSTRAINT u UNIQUE ({quoted(keyed)}, {quoted(other)})",
                    )
                )
        if self.random.random() < 0.2:
            parts.append(self.pick("CHECK (1 < 2)", "CONSTRAINT ch CHECK ((1 + 2) > 0)"))
        options = self.option() + self.option()
        head = self.pick("CREATE TABLE", "create table if not exists", "CREATE /* x */ TABLE")
        return f"{head} {table} ({self.pick(', ', ',', chr(10) + ', ').join(parts)}){options}"

    def change(self, columns: list[str], key: list[str]) -> str:
        random = self.random
        column = random.choice(columns)
        new = self.fresh(columns)
        others = [name for name in columns if name != column]
        kinds = [
            "add",
            "add",
            "add",
            "modify",
            "change",
            "rename",
            "drop",
            "swap",
            "multi",
            "bracket",
            "convert",
            "charset",
            "index",
            "key",
            "combo",
            "same",
        ]
        kind = random.choice(kinds)
        maybe = self.pick("", " IF EXISTS") if self.mariadb else ""
        absent = self.pick("", " IF NOT EXISTS") if self.mariadb else ""
        word = self.pick("", " COLUMN")
        if kind == "add":
            word = " COLUMN" if absent else word
            return f"ADD{word}{absent} {self.column(new)}{self.place(columns)}"
        if kind == "modify":
            return f"MODIFY{word}{maybe if word else ''} {self.column(column)}{self.place(others)}"
        if kind == "change":
            to = self.column(self.pick(new, column.upper(), column))
            return f"CHANGE{word}{maybe if word else ''} {self.name(column)} {to}{self.place(others)}"
        if kind == "rename":
            return f"RENAME COLUMN {self.name(column)} TO {quoted(new)}, ADD COLUMN z1 INT AFTER {quoted(new)}"
        if kind == "drop":
            return f"DROP{' COLUMN' if maybe else word}{maybe} {self.name(column)}{self.pick('', '', ' RESTRICT')}"
        if kind == "swap" and len(columns) > 1:
            one, two = random.sample(columns, 2)
            return self.pick(
                f"RENAME COLUMN {quoted(one)} TO {quoted(two)}, RENAME COLUMN {quoted(two)} TO {quoted(one)}",
                f"CHANGE {quoted(one)} {quoted(two)} INT, CHANGE {quoted(two)} {quoted(one)} VARCHAR(30)",
            )
        if kind == "multi":
            more = self.fresh([*columns, new])
            return f"DROP {quoted(column)}, ADD {self.column(new)} FIRST, ADD {self.column(more)} AFTER {quoted(new)}"
        if kind == "bracket":
            more = self.fresh([*columns, new])
            return f"ADD{word} ({self.column(new)}, {self.column(more)})"
        if kind == "convert":
            return self.pick(
                f"CONVERT TO CHARACTER SET {self.pick(*CHARSETS)}",
                f"CONVERT TO CHARSET latin1 COLLATE {self.pick('latin1_bin', 'latin1_swedish_ci')}",
                "CONVERT TO CHARACTER SET DEFAULT",
            )
        if kind == "charset":
            word = self.pick("DEFAULT CHARACTER SET", "CHARSET =", "CHARACTER SET", "DEFAULT CHARSET")
            return f"{word} {self.pick(*CHARSETS)}, ADD {self.column(new)}"
        if kind == "index":
            return self.pick(
                f"ADD INDEX ({quoted(column)})",
                f"ADD UNIQUE KEY `add` ({quoted(column)}), COMMENT='drop a'",
                "ENGINE=InnoDB",
                "FORCE",
                f"ORDER BY {quoted(column)}",
                f"ALTER COLUMN {quoted(column)} DROP DEFAULT",
                "ADD CONSTRAINT CHECK (2 > 1)",
                "ALGORITHM=COPY, LOCK=SHARED",
                "COMMENT 'x, DROP COLUMN a'",
            )
        if kind == "key":
            return self.pick(
                "DROP PRIMARY KEY",
                f"ADD PRIMARY KEY ({quoted(column)})",
                f"DROP PRIMARY KEY, ADD PRIMARY KEY ({quoted(column)})",
                f"ADD {quoted(new)} INT AUTO_INCREMENT PRIMARY KEY",
                f"ADD CONSTRAINT PRIMARY KEY ({quoted(column)})",
                "DROP INDEX `PRIMARY`",
            )
        if kind == "combo":
            return (
                f"MODIFY {self.column(column)}, ADD {self.column(new)} AFTER {quoted(column)}, DEFAULT CHARSET latin1"
            )
        return f"DROP {quoted(column)}, ADD {self.column(column)}{self.place(others)}"
