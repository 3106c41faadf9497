"""Lets through the events for which an expression is true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from msgspec import Meta

from wlf.components.base import Context, Problem, Transformer
from wlf.components.config import TransformerConfig
from wlf.events import Event, Kinds
from wlf.events.commits import rest_of
from wlf.events.expressions import Expression
from wlf.events.expressions.check import check
from wlf.events.expressions.codegen import filtering
from wlf.events.expressions.partly import decide


class FilterConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Filter."""

    where: Annotated[
        Expression, Meta(description='which events go on, such as `database == "shop" and data.amount > 100`')
    ]


class Filter(Transformer):
    """Lets through the events for which `where` is true; what is null is not true.

    The expression is checked against the events that arrive. Where it looks at the database and table of a row, rows of
    other tables are not even decoded. Where the last row of a transaction is left out, `commit` goes to the last one
    that is left, if that is in the same batch.
    """

    type_name = "Filter"
    Config = FilterConfig

    def __init__(self, config: FilterConfig, context: Context) -> None:
        super().__init__(config, context)
        self._keep = filtering(config.where.tree, context.incoming, context.clock.time)

    @classmethod
    def problems(cls, config: FilterConfig, incoming: Kinds) -> Iterable[Problem]:
        """Mistakes in the expression."""
        return [Problem.of("where", error) for error in check(config.where.tree, incoming, condition=True)]

    @classmethod
    def wants(cls, config: FilterConfig, database: str, table: str) -> bool:
        """Could the expression be true of a row of this table?"""
        return decide(config.where.tree, database, table) is not False

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """The events that pass; the very sequence that came in where all do, so that it is encoded once for all."""
        return rest_of(events, self._keep(events))
