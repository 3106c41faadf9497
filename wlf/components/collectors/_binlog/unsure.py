"""What is said of tables whose columns are not known for sure: once for each, with the place and what to do."""

from __future__ import annotations

import logging

from wlf.binlog import NeedSchema
from wlf.binlog.ddl import Misfit, Table
from wlf.errors import SetupError

FULL_METADATA = "SET GLOBAL binlog_row_metadata = FULL (and flush the binary log), so that events name their columns"


class Unsure:
    """Makes errors and warnings; a table is warned of once in a run."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._told: set[tuple[str, str, str]] = set()

    def reason(self, known: Table | None, wrong: Misfit | None) -> str:
        """Why a table's columns are not sure."""
        if known is None:
            return "nothing is known of its columns at this place"
        if wrong is not None and known.sure:
            return f"the columns known of it do not fit its rows: {wrong.text}"
        return "its columns at this place are not known for sure"

    def refusal(self, need: NeedSchema, reason: str, *, has_server: bool) -> SetupError:
        """The rows may not be read, as `on_schema_mismatch: stop` says, or as no server can be asked."""
        if has_server:
            hint = (
                "on_schema_mismatch: refetch takes the columns that the server tells now, if the account has SELECT "
                f"on the table; or {FULL_METADATA}"
            )
            return SetupError(f"{_place(need)}: {_name(need)}: {reason}", hint=hint)
        return SetupError(
            f"{_place(need)}: the file does not name the columns of {_name(need)}, and {reason}",
            hint="SET GLOBAL binlog_row_metadata = FULL where it is written, or name a `host` that has the table",
        )

    def blind(self, address: str) -> None:
        """The account sees no table that is read: only those made from now on will be known."""
        self._logger.warning(
            "%s: the account sees none of the tables that are read, and the binlog does not name their columns: GRANT "
            "SELECT on them (with no table there yet: nothing to do), or %s",
            address,
            FULL_METADATA,
        )

    def gone(self, need: NeedSchema) -> SetupError:
        """The server does not have the table."""
        return SetupError(
            f"{_place(need)}: the columns of {_name(need)} are unknown: the table is gone, or the account may not see "
            "it",
            hint=f"GRANT SELECT ON the table, or {FULL_METADATA}; or name it in `tables.exclude`, or "
            "on_schema_mismatch: drop",
        )

    def altered(self, need: NeedSchema, wrong: Misfit) -> SetupError:
        """The server's columns are not those of the rows."""
        return SetupError(
            f"{_place(need)}: {_name(need)} was altered since this event: {wrong.text} on the server",
            hint=f"{FULL_METADATA}; on_schema_mismatch: drop leaves these rows out",
        )

    def taken(self, need: NeedSchema, reason: str) -> None:
        """The server's columns are taken."""
        if self._first("taken", need):
            self._logger.warning(
                "%s: %s: %s; those that the server has now are taken, as they fit (%s)",
                _place(need),
                _name(need),
                reason,
                FULL_METADATA,
            )

    def dropped(self, need: NeedSchema, reason: str) -> None:
        """The rows are left out."""
        if self._first("dropped", need):
            self._logger.error(
                "%s: %s: %s: its rows are dropped, counted in wlf_dropped_events_total with reason schema_mismatch "
                "(on_schema_mismatch: drop)",
                _place(need),
                _name(need),
                reason,
            )

    def _first(self, what: str, need: NeedSchema) -> bool:
        told = (what, need.database, need.table)
        if told in self._told:
            return False
        self._told.add(told)
        return True


def _place(need: NeedSchema) -> str:
    return f"{need.file}:{need.position}"


def _name(need: NeedSchema) -> str:
    return f"{need.database}.{need.table}"
