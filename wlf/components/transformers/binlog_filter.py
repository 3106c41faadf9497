"""Include and exclude rules by database and table, in Maxwell's manner: the last match wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, UnsetType

from wlf.components.base import Context, Transformer
from wlf.components.config import TransformerConfig
from wlf.events import Event, RowChange, SchemaChange

ANY = "*"
_CACHE_LIMIT = 10_000


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which rows and DDL a rule is about. Names are compared exactly, case included."""

    database: Annotated[str, Meta(description="name of the database; `*`: every database", min_length=1)]
    table: Annotated[
        str,
        Meta(
            description="name of the table: its rows and DDL only; `*`: the whole database with its DDL", min_length=1
        ),
    ] = ANY

    def matches(self, database: str, table: str | UnsetType) -> bool:
        """Is the rule about this table? `table` is UNSET for DDL of the database itself."""
        return self.database in (ANY, database) and self.table in (ANY, table)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the rules: exactly one of `include` and `exclude`."""

    include: Annotated[Pattern | None, Meta(description="let this through")] = None
    exclude: Annotated[Pattern | None, Meta(description="leave this out")] = None

    def __post_init__(self) -> None:
        """msgspec turns the ValueError into a diagnostic with the rule's place in the file."""
        if (self.include is None) == (self.exclude is None):
            found = "both" if self.include else "neither"
            raise ValueError(f"expected one of `include` and `exclude` in a rule, got {found}")

    def verdict(self, database: str, table: str | UnsetType) -> bool | None:
        """True lets through, False leaves out, None has no opinion."""
        pattern = self.include or self.exclude
        assert pattern is not None
        return self.include is not None if pattern.matches(database, table) else None


class BinlogFilterConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of BinlogFilter."""

    rules: Annotated[
        tuple[Rule, ...],
        Meta(description="read in order, the last rule that matches decides; what no rule matches is let through"),
    ] = ()

    def passes(self, database: str, table: str | UnsetType) -> bool:
        """What the rules say about a table, or about the database itself where `table` is UNSET."""
        for rule in reversed(self.rules):
            verdict = rule.verdict(database, table)
            if verdict is not None:
                return verdict
        return True


class _Decisions(dict[tuple[str, Any], bool]):
    """What the rules said about each table so far; bounded, for servers where tables come and go."""

    def __init__(self, config: BinlogFilterConfig) -> None:
        self._config = config

    def __missing__(self, key: tuple[str, Any]) -> bool:
        if len(self) >= _CACHE_LIMIT:
            self.clear()
        self[key] = passes = self._config.passes(*key)
        return passes


class BinlogFilter(Transformer):
    """Leaves out the rows and DDL that the rules exclude.

    Rules are read in order and the last match wins; no match means include. A rule without a table, or with `*`, is
    about the whole database and its DDL; with a table, about that table's rows and DDL only.
    """

    type_name = "BinlogFilter"
    Config = BinlogFilterConfig
    accepts = frozenset((RowChange, SchemaChange))

    def __init__(self, config: BinlogFilterConfig, context: Context) -> None:
        super().__init__(config, context)
        self._passes = _Decisions(config)

    @classmethod
    def wants(cls, config: BinlogFilterConfig, database: str, table: str) -> bool:
        """What the rules say about rows of this table."""
        return config.passes(database, table)

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """The events that pass; the very sequence that came in where all do, so that it is encoded once for all."""
        passes = self._passes
        kept = [event for event in events if passes[event.database, event.table]]
        return events if len(kept) == len(events) else kept
