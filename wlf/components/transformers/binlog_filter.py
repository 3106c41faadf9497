"""Include and exclude rules by database and table, in Maxwell's manner: the last match wins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from wlf.components.base import Context, Transformer
from wlf.components.config import TransformerConfig
from wlf.components.transformers._binlog_filter.grammar import MaxwellRule, parse
from wlf.components.transformers._binlog_filter.verdict import Verdict, verdict
from wlf.events import Event, Kinds, RowChange, SchemaChange
from wlf.events.commits import keep_commits

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


_parsed = lru_cache(maxsize=64)(parse)


class BinlogFilterConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of BinlogFilter."""

    rules: Annotated[
        tuple[Rule, ...],
        Meta(description="read in order, the last rule that matches decides; what no rule matches is let through"),
    ] = ()
    filter: Annotated[
        str | None,
        Meta(
            description="the rules as a text in Maxwell's grammar, in place of `rules`: "
            "`exclude: *.*, include: shop./^order_[0-9]+$/, exclude: shop.orders.state = test`"
        ),
    ] = None
    only: Annotated[
        Literal["rows", "ddl"] | None,
        Meta(description="rows: leave out all DDL; ddl: leave out all rows; null: both pass, as the rules say"),
    ] = None

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic."""
        if self.filter is not None and self.rules:
            raise ValueError("expected one of `rules` and `filter`, got both")
        self.maxwell_rules()

    def maxwell_rules(self) -> tuple[MaxwellRule, ...]:
        """The rules of `filter`. Raises ValueError with the place in the text."""
        return _parsed(self.filter) if self.filter else ()

    def verdict(self, database: str, table: str | None) -> Verdict:
        """What the rules say about a table, or about the database itself where `table` is None."""
        if self.filter is not None:
            return verdict(self.maxwell_rules(), database, table)
        for rule in reversed(self.rules):
            found = rule.verdict(database, UNSET if table is None else table)
            if found is not None:
                return Verdict(found)
        return Verdict(True)


class _Decisions(dict[tuple[str, Any], bool | Verdict]):
    """What the rules said about each table so far; bounded, for servers where tables come and go."""

    def __init__(self, config: BinlogFilterConfig) -> None:
        self._config = config

    def __missing__(self, key: tuple[str, Any]) -> bool | Verdict:
        if len(self) >= _CACHE_LIMIT:
            self.clear()
        found = self._config.verdict(key[0], None if key[1] is UNSET else key[1])
        self[key] = decided = found if found.tests else found.plain
        return decided


class BinlogFilter(Transformer):
    """Leaves out the rows and DDL that the rules exclude.

    Rules are read in order and the last match wins; no match means include. A rule without a table, or with `*`, is
    about the whole database and its DDL; with a table, about that table's rows and DDL only.

    `filter` takes the rules as Maxwell writes them, regular expressions and rules about column values included. There
    `blacklist` is an exclude that no later rule lifts, and DDL of a whole database follows the last rule whose database
    matches. Where such a rule leaves out the last row of a transaction, `commit` goes to the last one that is left, if
    that is in the same batch.
    """

    type_name = "BinlogFilter"
    Config = BinlogFilterConfig
    accepts = frozenset((RowChange, SchemaChange))

    def __init__(self, config: BinlogFilterConfig, context: Context) -> None:
        super().__init__(config, context)
        self._decided = _Decisions(config)
        self._by_row = any(rule.column is not None for rule in config.maxwell_rules())
        self._only = {"rows": RowChange, "ddl": SchemaChange}.get(config.only or "")

    @classmethod
    def emits(cls, config: BinlogFilterConfig, incoming: Kinds) -> Kinds:
        """What comes in, without what `only` leaves out."""
        if config.only == "rows":
            return frozenset(kind for kind in incoming if not issubclass(kind, SchemaChange))
        if config.only == "ddl":
            return frozenset(kind for kind in incoming if not issubclass(kind, RowChange))
        return incoming

    @classmethod
    def wants(cls, config: BinlogFilterConfig, database: str, table: str) -> bool:
        """Could the rules let a row of this table through?"""
        return config.only != "ddl" and config.verdict(database, table).possible

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """The events that pass; the very sequence that came in where all do, so that it is encoded once for all."""
        decided, only = self._decided, self._only
        if self._by_row:
            kept = [e for e in events if (d := decided[e.database, e.table]) is True or (d and _passes(d, e))]
            if len(kept) != len(events):
                kept = keep_commits(events, kept)
        else:
            kept = [event for event in events if decided[event.database, event.table]]
        if only is not None:
            kept = [event for event in kept if isinstance(event, only)]
        return events if len(kept) == len(events) else kept


def _passes(found: Any, event: Any) -> bool:
    """Where it depends on the row. DDL has none: the rules without a column decide."""
    return found.passes(event.data) if isinstance(event, RowChange) else found.plain  # type: ignore[no-any-return]
