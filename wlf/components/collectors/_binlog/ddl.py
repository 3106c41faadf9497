"""Statements to SchemaChange events, where `ddl: true` asks for them."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import UNSET

from wlf.binlog import Statement
from wlf.components.collectors._binlog.options import OutputOptions
from wlf.events import SchemaChange

Wants = Callable[[str, str], bool]

_SPACE = r"(?:\s|/\*.*?\*/|--[^\n]*\n|#[^\n]*\n)*"
_ACCOUNTS = re.compile(
    rf"{_SPACE}(?:GRANT|REVOKE|SET\s+PASSWORD|(?:CREATE|ALTER|DROP|RENAME){_SPACE}(?:OR\s+REPLACE\s+)?(?:USER|ROLE|SERVER))\b"
    r"|.*\bIDENTIFIED\b",
    re.IGNORECASE | re.DOTALL,
)
"""Statements about accounts. They change no schema, and hold passwords or their hashes, which no sink should get."""


def schema_change(statement: Statement, wants: Wants, output: OutputOptions) -> SchemaChange | None:
    """The event of a DDL statement; None where it is no DDL, is about accounts, or about nothing that is wanted.

    One event a statement: replaying `sql` twice would fail. It names the first wanted one of several tables.
    """
    if not statement.is_ddl or (statement.kind == "ddl" and _ACCOUNTS.match(statement.sql)):
        return None
    wanted = [named for named in statement.objects or ((statement.database, ""),) if wants(*named)]
    if not wanted:
        return None
    database, table = wanted[0]
    return SchemaChange(
        database=database,
        type=statement.kind,
        ts=statement.ts,
        sql=statement.sql,
        table=table or UNSET,
        position=f"{statement.file}:{statement.end_position}" if output.position else UNSET,
        gtid=statement.gtid if output.gtid and statement.gtid is not None else UNSET,
        server_id=statement.server_id if output.server_id else UNSET,
    )
