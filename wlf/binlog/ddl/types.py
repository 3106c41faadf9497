"""Column types: from the words of a definition, or of COLUMN_TYPE, to one normal form, and back to COLUMN_TYPE."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import structs

from wlf.binlog.ddl.charsets import WIDE, bytes_per_character, charset_named
from wlf.binlog.ddl.cursor import Cursor, NotReadable
from wlf.binlog.ddl.tokens import NUMBER, STRING, WORD, Dialect, Token, tokenise

_INTEGERS = {"tinyint": (4, 3), "smallint": (6, 5), "mediumint": (9, 8), "int": (11, 10), "bigint": (20, 20)}
_ALIASES = {
    "int1": "tinyint",
    "int2": "smallint",
    "int3": "mediumint",
    "middleint": "mediumint",
    "integer": "int",
    "int4": "int",
    "int8": "bigint",
    "dec": "decimal",
    "numeric": "decimal",
    "fixed": "decimal",
    "number": "decimal",
    "real": "double",
    "float8": "double",
    "float4": "float",
    "character": "char",
    "nchar": "char",
    "nvarchar": "varchar",
    "varcharacter": "varchar",
    "varchar2": "varchar",
    "raw": "varbinary",
    "clob": "longtext",
    "sql_tsi_year": "year",
    "geomcollection": "geometrycollection",
}
_BLOB_OF = {"tinytext": "tinyblob", "text": "blob", "mediumtext": "mediumblob", "longtext": "longblob"}
_TEXT_OF = {blob: text for text, blob in _BLOB_OF.items()}
_SIZES = (("tiny", 0xFF), ("", 0xFFFF), ("medium", 0xFFFFFF), ("long", 0xFFFFFFFF))
_CHARACTER = frozenset(("char", "varchar", "enum", "set", *_BLOB_OF))
_BINARY_OF = {"char": "binary", "varchar": "varbinary", **_BLOB_OF}
_MAX_VARCHAR_BYTES = 65_535
_ONE = frozenset(("bit", "char", "binary"))
_ORACLE, _REAL_AS_FLOAT = 1 << 9, 1 << 0


class ColumnModel(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One column, as far as rows need it.

    Args:
        name: as it is spelled in the table.
        type: the data type, aliases resolved: `int`, `varchar`, `mediumtext`, `geometrycollection` ...
        arguments: numbers in parentheses: length, precision and scale, digits of a fraction, display width.
        charset: the character set by name; None where the type has none, or it is not known.
        members: the labels of enum and set.
        compressed: MariaDB's column compression.
        hidden: a column that MariaDB adds for system versioning; it comes last and no `information_schema` shows it.
    """

    name: str
    type: str
    arguments: tuple[int, ...] = ()
    unsigned: bool = False
    zerofill: bool = False
    charset: str | None = None
    members: tuple[str, ...] = ()
    compressed: bool = False
    hidden: bool = False

    @property
    def takes_charset(self) -> bool:
        """Does it hold text?"""
        return self.type in _CHARACTER

    def column_type(self, dialect: Dialect) -> str:
        """What information_schema.COLUMNS.COLUMN_TYPE shows."""
        return _column_type(self, dialect)

    def converted(self, charset: str) -> ColumnModel:
        """The column behind CONVERT TO CHARACTER SET: texts grow where a character may take more bytes.

        Raises:
            NotReadable: labels to or from a wide character set, out of which the servers make other ones.
        """
        if not self.takes_charset or self.charset in (charset, "binary"):
            return self
        if self.members and (self.charset in WIDE or charset in WIDE):
            raise NotReadable
        column = structs.replace(self, charset=charset)
        if charset == "binary":
            return _as_binary(column)
        if self.type in _BLOB_OF and (old := self.charset) is not None:
            limit = next(limit for size, limit in _SIZES if self.type == f"{size}text")
            if bytes_per_character(charset) > bytes_per_character(old):
                needed = min(limit // bytes_per_character(old) * bytes_per_character(charset), 0xFFFFFFFF)
                column = structs.replace(column, type=_sized("text", needed))
        return column


class Read(NamedTuple):
    """A type as it was read. `charset` is None where the table's default holds."""

    column: ColumnModel
    charset: str | None


def read_column_type(name: str, text: str, charset: str | None, dialect: Dialect) -> ColumnModel:
    """A column from what information_schema says of it."""
    tokens = tokenise(text, Dialect(mariadb=True, version=99_999_999))  # opens /*M!100301 COMPRESSED*/
    try:
        column = read_type(name, Cursor(tokens, dialect._replace(sql_mode=0))).column
    except NotReadable:
        return ColumnModel(name, text.lower())
    if column.members and charset is None:
        charset = "binary"  # MySQL shows none for such labels, MariaDB does
    return structs.replace(column, charset=charset_named(charset) if charset else None)


def read_type(name: str, cursor: Cursor) -> Read:
    """The type that comes next, with what belongs to it; raises NotReadable where none does."""
    if cursor.ended or cursor.tokens[cursor.at].kind != WORD:
        raise NotReadable
    if cursor.upper in ("MARIADB_SCHEMA", "ORACLE_SCHEMA") and cursor.ahead(1) == ".":
        cursor.at += 2
    kind, charset = _name(cursor)
    arguments, members = _arguments(cursor, kind)
    column = ColumnModel(name, kind, arguments, members=members)
    column, explicit = _attributes(cursor, column)
    return Read(_defaults(column), explicit or charset)


def _name(cursor: Cursor) -> tuple[str, str | None]:
    """The data type and the character set that its name stands for."""
    word, dialect = cursor.upper.lower(), cursor.dialect
    if cursor.take("LONG"):
        return _long(cursor)
    if cursor.take("NATIONAL") or cursor.upper in ("NCHAR", "NVARCHAR"):
        return _national(cursor), "utf8mb3"
    cursor.at += 1
    if word in ("char", "character"):
        return ("varchar" if cursor.take("VARYING") else "char"), None
    if word in ("bool", "boolean"):
        return "bool", None
    if word == "double":
        cursor.take("PRECISION")
    if word == "real" and dialect.sql_mode & _REAL_AS_FLOAT:
        return "float", None
    if word == "json" and dialect.mariadb:
        return "longtext", "utf8mb4"
    if dialect.sql_mode & _ORACLE and dialect.mariadb:
        word = {"date": "datetime", "blob": "longblob"}.get(word, word)
    return _ALIASES.get(word, word), None


def _long(cursor: Cursor) -> tuple[str, str | None]:
    if cursor.take("VARBINARY"):
        return "mediumblob", None
    if not (cursor.take("VARCHAR") or cursor.take("VARCHARACTER")) and cursor.upper in ("CHAR", "CHARACTER"):
        # LONG CHAR VARYING, but not LONG CHARACTER SET latin1.
        before = cursor.at
        cursor.at += 1
        if not cursor.take("VARYING"):
            cursor.at = before
    return "mediumtext", None


def _national(cursor: Cursor) -> str:
    varying = cursor.upper in ("VARCHAR", "NVARCHAR", "VARCHARACTER")
    cursor.at += 1
    return "varchar" if cursor.take("VARYING") or cursor.take("VARCHAR") or varying else "char"


def _arguments(cursor: Cursor, kind: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    begin, stop = cursor.skip_brackets()
    inside = cursor.tokens[begin:stop]
    if kind in ("enum", "set"):
        return (), tuple(_labels(inside))
    return tuple(int(token.text) for token in inside if token.kind == NUMBER and token.text.isdecimal()), ()


def _labels(tokens: list[Token]) -> list[str]:
    """The members; adjacent strings are one, an introducer such as `_latin1` and `x'41'` are what they stand for."""
    labels: list[str] = []
    joined = False
    prefix = ""
    for token in tokens:
        if token.kind == STRING:
            text = _from_hexadecimal(token.text) if prefix == "X" else token.text
            if joined:
                labels[-1] += text
            else:
                labels.append(text)
            joined = True
        elif token.upper.startswith("0X") and token.kind == WORD:
            labels.append(_from_hexadecimal(token.text[2:]))
        if token.kind != STRING:
            joined, prefix = False, token.upper
        else:
            prefix = ""
    return labels


def _from_hexadecimal(text: str) -> str:
    try:
        return bytes.fromhex(text).decode("utf-8", "replace")
    except ValueError:
        return text


def _attributes(cursor: Cursor, column: ColumnModel) -> tuple[ColumnModel, str | None]:
    """What may stand right behind a type: signs, character sets and compression, in whatever order."""
    charset: str | None = None
    unsigned, zerofill, compressed = column.unsigned, column.zerofill, False
    while True:
        if cursor.take("UNSIGNED"):
            unsigned = True
        elif cursor.take("ZEROFILL"):
            unsigned = zerofill = True
        elif cursor.take("SIGNED") or cursor.take("BINARY"):
            pass
        elif cursor.take("ASCII"):
            charset = "latin1"
        elif cursor.take("UNICODE"):
            charset = "ucs2"
        elif cursor.take("BYTE"):
            charset = "binary"
        elif cursor.take("COMPRESSED"):
            compressed = True
            if cursor.take("="):
                cursor.at += 1
        elif (named := take_charset(cursor)) is not None:
            charset = named
        else:
            return structs.replace(column, unsigned=unsigned, zerofill=zerofill, compressed=compressed), charset


def take_charset(cursor: Cursor) -> str | None:
    """The name behind CHARACTER SET or CHARSET; None where no such words come next."""
    if not (cursor.take("CHARACTER", "SET") or cursor.take("CHAR", "SET") or cursor.take("CHARSET")):
        return None
    cursor.take("=")
    return charset_named(cursor.name())


def _defaults(column: ColumnModel) -> ColumnModel:
    """Lengths that go without saying, and names that stand for others."""
    kind, arguments = column.type, column.arguments
    if kind == "bool":
        return structs.replace(column, type="tinyint", arguments=(1,))
    if kind == "serial":
        return structs.replace(column, type="bigint", unsigned=True, arguments=())
    if kind in _ONE and not arguments:
        return structs.replace(column, arguments=(1,))
    if kind == "decimal":
        precision, scale = (*(arguments or (10,)), 0)[:2]
        return structs.replace(column, arguments=(precision or 10, scale))
    if kind == "float" and len(arguments) == 1:
        return structs.replace(column, type="float" if arguments[0] <= 24 else "double", arguments=())
    if kind in ("text", "blob") and arguments:
        return column  # how much it is depends on the character set: see `settled`
    if kind in ("time", "datetime", "timestamp") and arguments == (0,):
        return structs.replace(column, arguments=())
    if kind == "vector" and not arguments:
        return structs.replace(column, arguments=(2_048,))
    return column


def settled(column: ColumnModel, explicit: str | None, default: str | None) -> ColumnModel:
    """The column with its character set: that of its own, or the table's default."""
    if not column.takes_charset:
        if column.type == "blob" and column.arguments:
            return structs.replace(column, type=_sized("blob", column.arguments[0]), arguments=())
        return column
    charset = explicit or default
    column = structs.replace(column, charset=charset)
    if column.members and charset != "binary":
        column = structs.replace(column, members=tuple(label.rstrip(" ") for label in column.members))
    width = bytes_per_character(charset) if charset else 1
    if column.type == "text" and column.arguments:
        column = structs.replace(column, type=_sized("text", column.arguments[0] * width), arguments=())
    elif column.type == "varchar" and column.arguments and column.arguments[0] * width > _MAX_VARCHAR_BYTES:
        # Without a strict sql_mode the server takes a text in its place.
        column = structs.replace(column, type=_sized("text", column.arguments[0] * width), arguments=())
    return _as_binary(column) if charset == "binary" else column


def _as_binary(column: ColumnModel) -> ColumnModel:
    if column.type in _BINARY_OF:
        return structs.replace(column, type=_BINARY_OF[column.type], charset=None)
    return column


def _sized(family: str, needed: int) -> str:
    return next((f"{size}{family}" for size, limit in _SIZES if needed <= limit), f"long{family}")


def _column_type(column: ColumnModel, dialect: Dialect) -> str:
    kind, arguments = column.type, column.arguments
    text = kind
    if kind in _INTEGERS:
        text += _width(column, dialect)
    elif kind == "year":
        text += "(4)" if dialect.mariadb else ""
    elif kind in ("enum", "set"):
        text += "(" + ",".join(f"'{_quoted(member)}'" for member in column.members) + ")"
    elif arguments:
        text += "(" + ",".join(map(str, arguments)) + ")"
    if kind == "geometrycollection" and not dialect.mariadb and dialect.version >= 80_000:
        text = "geomcollection"
    text += " unsigned" * column.unsigned + " zerofill" * column.zerofill
    return text + " /*M!100301 COMPRESSED*/" * column.compressed


def _width(column: ColumnModel, dialect: Dialect) -> str:
    """The display width. MySQL 8.0.19 and later shows only those of zerofill and of tinyint(1)."""
    signed, unsigned = _INTEGERS[column.type]
    default = unsigned if column.unsigned else signed
    if not dialect.mariadb and dialect.version >= 80_019:
        if column.zerofill:
            return f"({column.arguments[0] if column.arguments else default})"
        return "(1)" if column.type == "tinyint" and column.arguments == (1,) and not column.unsigned else ""
    return f"({column.arguments[0] if column.arguments and column.arguments[0] else default})"


_QUOTES = str.maketrans({"'": "''", "\\": "\\\\", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"})


def _quoted(label: str) -> str:
    return label.translate(_QUOTES)
