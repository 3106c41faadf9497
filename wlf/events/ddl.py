"""A change of a schema, emitted only where the collector is told to (`ddl: true`)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from wlf.events.base import Event


class SchemaChange(Event, frozen=True, gc=False, rename={"definition": "def"}):
    """One DDL statement.

    Args:
        type: `table-create`, `table-alter`, `table-drop`, `table-rename`, `table-truncate`, `database-create`,
            `database-alter`, `database-drop`, or `ddl` where the statement's kind is not known.
        ts: the event header's timestamp, Unix seconds.
        sql: the statement as logged.
    """

    database: str
    type: str
    ts: int
    sql: str
    table: str | UnsetType = UNSET
    position: str | UnsetType = UNSET
    gtid: str | UnsetType = UNSET
    server_id: int | UnsetType = UNSET
    old: Any = UNSET
    definition: Any = UNSET
