"""What information_schema says of a table, put into a table map whose event says too little."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wlf.binlog.items import SchemaColumn
from wlf.binlog.tablemap import ENUM, OLD_TIMES, SET, Column, TableMap

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "Z": "\x1a"}
_FRACTION = re.compile(r"\((\d)\)")
_MEMBER = re.compile(r"'((?:[^']|'')*)'")


def complete(table: TableMap, schema: Sequence[SchemaColumn]) -> None:
    """Fill in names, signedness, character sets, labels and the primary key that the event did not have.

    Raises:
        ValueError: the schema has another number of columns than the event: it is of another version of the table.
    """
    if len(schema) != len(table.columns):
        raise ValueError(
            f"expected {len(table.columns)} columns of {table.database}.{table.table} as in its rows, "
            f"got {len(schema)}: the table was altered since"
        )
    table.asks_types = False
    for column, known in zip(table.columns, schema, strict=True):
        _complete_column(column, known)
    if not table.has_key:
        keyed = sorted((known.key_position, index) for index, known in enumerate(schema) if known.key_position)
        table.primary_key = tuple(index for _, index in keyed)
        table.has_key = True


def _complete_column(column: Column, known: SchemaColumn) -> None:
    declared = known.column_type.lower()
    column.declared = re.split(r"[ (]", declared, maxsplit=1)[0]
    if column.name is None:
        column.name = known.name
    if column.unsigned is None:
        column.unsigned = " unsigned" in declared or " zerofill" in declared
    if column.type in OLD_TIMES and (fraction := _FRACTION.search(declared)):
        column.meta = int(fraction[1])  # the event does not say it: such a column has another form
    if column.collation is None:
        column.charset = known.charset or "binary"
    if column.members is None and column.type in (ENUM, SET):
        # The labels are text here, of whatever character set.
        column.members = tuple(_label(text).encode() for text in _MEMBER.findall(known.column_type))
        column.charset, column.collation = "utf8mb4", None


def _label(text: str) -> str:
    """A label as it was before the server quoted it for COLUMN_TYPE."""
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text.replace("''", "'"))
