"""The numbers of java.sql.Types, by MySQL's type names."""

from __future__ import annotations

BIT, TINYINT, SMALLINT, INTEGER, BIGINT = -7, -6, 5, 4, -5
REAL, DOUBLE, DECIMAL = 7, 8, 3
CHAR, VARCHAR, CLOB, BINARY, BLOB = 1, 12, 2005, -2, 2004
DATE, TIME, TIMESTAMP, OTHER = 91, 92, 93, 1111

_TYPES = {
    "bit": BIT,
    "tinyint": SMALLINT,
    "smallint": SMALLINT,
    "mediumint": INTEGER,
    "int": INTEGER,
    "bigint": BIGINT,
    "float": REAL,
    "double": DOUBLE,
    "decimal": DECIMAL,
    "char": CHAR,
    "enum": CHAR,
    "set": CHAR,
    **dict.fromkeys(("varchar", "tinytext", "text", "mediumtext", "longtext", "uuid", "inet4", "inet6"), VARCHAR),
    "binary": BINARY,
    "varbinary": -3,
    **dict.fromkeys(("tinyblob", "blob", "mediumblob", "longblob"), BLOB),
    "date": DATE,
    "time": TIME,
    "datetime": TIMESTAMP,
    "timestamp": 2014,
    "year": INTEGER,
}


def jdbc_type(name: str) -> int:
    """The number that Debezium's schema changes give a type; OTHER where JDBC has none."""
    return _TYPES.get(name, OTHER)
