"""Statements to SchemaChange events, where `ddl: true` asks for them: one for each table that a statement changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import UNSET, UnsetType

from wlf.binlog import Statement
from wlf.binlog.ddl import ColumnModel, Effect, Table
from wlf.components.collectors._binlog.options import OutputOptions
from wlf.events import SchemaChange
from wlf.events.ddl import ColumnDefinition, TableDefinition

Wants = Callable[[str, str], bool]

_SPACE = r"(?:\s|/\*.*?\*/|--[^\n]*\n|#[^\n]*\n)*"
_ACCOUNTS = re.compile(
    rf"{_SPACE}(?:GRANT|REVOKE|SET\s+PASSWORD|(?:CREATE|ALTER|DROP|RENAME){_SPACE}(?:OR\s+REPLACE\s+)?(?:USER|ROLE|SERVER))\b"
    r"|.*\bIDENTIFIED\b",
    re.IGNORECASE | re.DOTALL,
)
"""Statements about accounts. They change no schema, and hold passwords or their hashes, which no sink should get."""

_INTEGERS = frozenset(("tinyint", "smallint", "mediumint", "int", "bigint"))
_FRACTIONAL = frozenset(("time", "datetime", "timestamp"))


def schema_changes(
    statement: Statement, effects: Sequence[Effect], wants: Wants, output: OutputOptions
) -> list[SchemaChange]:
    """The events of a statement; none where it is no definition, is about accounts, or changed nothing that is wanted.

    A statement about several tables makes one event for each of them, with the same `sql`: replaying it needs it once.
    """
    if not statement.is_ddl or (statement.kind == "ddl" and _ACCOUNTS.match(statement.sql)):
        return []
    if not effects:
        # A table that was there already (IF NOT EXISTS) is no change; of other definitions nothing more is known.
        is_other = statement.kind == "ddl" and wants(statement.database, "")
        return [_event(statement, statement.kind, statement.database, "", None, output)] if is_other else []
    return [_of_effect(statement, effect, output) for effect in effects if _is_wanted(effect, wants)]


def _is_wanted(effect: Effect, wants: Wants) -> bool:
    return any(wants(*name) for name in (effect.old_name, effect.new_name) if name is not None)


def _of_effect(statement: Statement, effect: Effect, output: OutputOptions) -> SchemaChange:
    database, table = effect.name
    kind = statement.kind
    if table:
        # One statement can do both: ALTER TABLE ... CONVERT TABLE x TO PARTITION p drops x.
        kind = "table-create" if effect.old_name is None else "table-drop" if effect.new_name is None else kind
    return _event(statement, kind, database, table, effect, output)


def _event(
    statement: Statement, kind: str, database: str, table: str, effect: Effect | None, output: OutputOptions
) -> SchemaChange:
    return SchemaChange(
        database=database,
        type=kind,
        ts=statement.ts,
        sql=statement.sql.encode("utf-8", "replace").decode(),
        table=table or UNSET,
        position=f"{statement.file}:{statement.end_position}" if output.position else UNSET,
        gtid=statement.gtid if output.gtid and statement.gtid is not None else UNSET,
        server_id=statement.server_id if output.server_id else UNSET,
        old=_definition(effect.old_name, effect.old) if effect else UNSET,
        definition=_definition(effect.new_name, effect.new) if effect else UNSET,
    )


def _definition(name: tuple[str, str] | None, table: Table | None) -> TableDefinition | UnsetType:
    if name is None or table is None or not table.sure:
        return UNSET
    columns = tuple(map(_column, table.columns))
    return TableDefinition(name[0], table.charset, name[1], columns, table.key)


def _column(column: ColumnModel) -> ColumnDefinition:
    has_fraction = column.type in _FRACTIONAL and column.arguments
    return ColumnDefinition(
        type=column.type,
        name=column.name,
        signed=not column.unsigned if column.type in _INTEGERS else UNSET,
        charset=column.charset if column.charset is not None and not column.members else UNSET,
        column_length=column.arguments[0] if has_fraction else UNSET,
        enum_values=column.members or UNSET,
    )
