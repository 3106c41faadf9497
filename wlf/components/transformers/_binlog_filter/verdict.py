"""What rules say about one table: all of it, nothing of it, or it depends on the row.

Maxwell asks twice: the plain rules alone about a table (are its rows decoded at all, unless an include rule with a
column could bring some back?), then all rules in order about each row. The last one that matches decides. So only the
column rules behind the last plain rule that is about the table can change anything, and most tables have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from wlf.components.transformers._binlog_filter.grammar import ColumnTest, Kind, MaxwellRule
from wlf.events.java_text import java_text


class Verdict(NamedTuple):
    """What is known of a table before its rows are."""

    plain: bool
    """What the rules without a column say: this is what counts for DDL."""
    tests: tuple[tuple[ColumnTest, bool], ...] = ()
    """Conditions with what follows from them, the last rule first; the first that holds decides about a row."""

    @property
    def possible(self) -> bool:
        """Could a row pass?"""
        return self.plain or any(include for _, include in self.tests)

    def passes(self, row: Any) -> bool:
        """Does this row pass?"""
        columns = getattr(row, "__columns__", None)
        for test, include in self.tests:
            if columns is None:
                value = row.get(test.column, UNSET) if isinstance(row, dict) else UNSET
            else:
                index = columns.get(test.column)
                value = UNSET if index is None else getattr(row, f"f{index}")
            if value is not UNSET and _holds(test, value):
                return include
        return self.plain


def verdict(rules: Sequence[MaxwellRule], database: str, table: str | None) -> Verdict:
    """What the rules say about a table, or (None) about statements for the whole database."""
    if any(_blacklists(rule, database, table) for rule in rules):
        return Verdict(False)
    tests: list[tuple[ColumnTest, bool]] = []
    plain = True
    for rule in reversed(rules):
        if not rule.about(database, table):
            continue
        include = rule.kind is Kind.INCLUDE
        if rule.column is None:
            plain = include
            break
        tests.append((rule.column, include))
    if all(include is plain for _, include in tests):
        tests.clear()
    return Verdict(plain, tuple(tests))


def _blacklists(rule: MaxwellRule, database: str, table: str | None) -> bool:
    """A blacklisted table stays out whatever later rules say; a database does where all its tables are."""
    if rule.kind is not Kind.BLACKLIST or rule.column is not None or not rule.about(database, table):
        return False
    return table is not None or not rule.table.text


def _holds(test: ColumnTest, value: Any) -> bool:
    if test.of_any:
        return True
    if test.of_null:
        return value is None or value in ("null", "NULL")
    text = java_text(value)
    return text is not None and test.value.found(text)
