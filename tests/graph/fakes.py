"""Components that need no client library: the graph sees only their types, options and event types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from wlf.components.base import Collected, Collector, Dispatcher, Outgoing, Partial, Router, Transformer
from wlf.components.config import CollectorConfig, DispatcherConfig, RouterConfig, Secret, TransformerConfig
from wlf.components.registry import Registry
from wlf.events import Event, Kinds, LogLine, RowChange, RowDelete, RowInsert, RowUpdate, SchemaChange
from wlf.events.template import Template

ROWS: Kinds = frozenset((RowInsert, RowUpdate, RowDelete))


class RowsConfig(CollectorConfig, frozen=True, kw_only=True):
    """Options of Rows."""

    host: Annotated[str, Meta(description="name or address of the server")] = "localhost"
    port: Annotated[int, Meta(description="TCP port of the server", ge=1, le=65535)] = 3306
    password: Annotated[Secret, Meta(description="password of the user")] = Secret("")
    ddl: Annotated[bool, Meta(description="emit schema changes too")] = False
    weight: Annotated[float, Meta(description="a number")] = 1.0
    limit: Annotated[int | None, Meta(description="an optional number")] = None


class Rows(Collector):
    """Brings row changes."""

    type_name = "Rows"
    Config = RowsConfig

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        return ROWS | {SchemaChange} if config.ddl else ROWS

    async def open(self, positions: Mapping[str, bytes]) -> None: ...

    async def collect(self) -> Collected | None:
        return None


class Logs(Rows):
    """Brings log lines."""

    type_name = "Logs"
    Config = CollectorConfig

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        return frozenset((LogLine,))


class Broken(Rows):
    """A component of another kind than its section says."""

    type_name = "Broken"


class KeepConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Keep."""

    tables: Annotated[list[str], Meta(description="tables to keep, as database.table; empty: all")] = []


class Keep(Transformer):
    """Keeps the rows of some tables."""

    type_name = "Keep"
    Config = KeepConfig
    accepts = frozenset((RowChange, SchemaChange))

    @classmethod
    def wants(cls, config: Any, database: str, table: str) -> bool:
        return not config.tables or f"{database}.{table}" in config.tables

    def transform(self, events: Sequence[Event]) -> Sequence[Event]:
        return events


class Inserts(Transformer):
    """Lets inserts through, and takes anything."""

    type_name = "Inserts"
    Config = TransformerConfig

    @classmethod
    def emits(cls, config: Any, incoming: Kinds) -> Kinds:
        return incoming & {RowInsert}

    def transform(self, events: Sequence[Event]) -> Sequence[Event]:
        return events


class Split(Router):
    """Sends all to all."""

    type_name = "Split"
    Config = RouterConfig

    def route(self, events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
        return dict.fromkeys(self.config.destinations, events)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule of ByTable."""

    table: Annotated[str, Meta(description="the table")]
    to: Annotated[str, Meta(description="id of the node that takes its rows")]


class ByTableConfig(KeepConfig, frozen=True, kw_only=True):
    """Options of ByTable: it names its destinations in its own way."""

    destination: str = ""
    rules: Annotated[tuple[Rule, ...], Meta(description="table by table")] = ()


class ByTable(Router):
    """Routes by table."""

    type_name = "ByTable"
    Config = ByTableConfig

    @classmethod
    def destinations(cls, config: Any) -> Sequence[str]:
        return [rule.to for rule in config.rules]

    @classmethod
    def wants(cls, config: Any, database: str, table: str, destination: str) -> bool:
        return any(rule.table == f"{database}.{table}" and rule.to == destination for rule in config.rules)

    def route(self, events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
        return {}


class Push(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="Push", tag_field="type"):
    """Append to a list."""

    key: Annotated[Template, Meta(description="name of the list")] = Template("wlf")


class Publish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="Pub", tag_field="type"):
    """Publish to a channel."""

    channel: Annotated[Template, Meta(description="name of the channel")]


class SinkConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Options of Sink."""

    topic: Annotated[Template, Meta(description="where an event goes")] = Template("wlf")
    mode: Annotated[Push | Publish, Meta(description="how it gets there")] = Push()
    url: Annotated[str | None, Meta(description="address of the system")] = None
    brokers: Annotated[tuple[str, ...], Meta(description="addresses, HOST:PORT", min_length=1)] = ("localhost:1",)
    headers: Annotated[dict[str, int], Meta(description="numbers by name")] = {}
    level: Annotated[Literal["low", "high"], Meta(description="how much")] = "low"
    token: Annotated[Secret | None, Meta(description="access token")] = None


class Sink(Dispatcher):
    """Takes anything."""

    type_name = "Sink"
    Config = SinkConfig

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        return None


class RowSink(Sink):
    """Takes row changes alone."""

    type_name = "RowSink"
    accepts = frozenset((RowChange,))


def registry() -> Registry:
    """A registry that knows all of the above."""
    return Registry(
        {
            "collector": {"Rows": Rows, "Logs": Logs},
            "transformer": {"Keep": Keep, "Inserts": Inserts, "Split": Split, "ByTable": ByTable, "Broken": Broken},
            "dispatcher": {"Sink": Sink, "RowSink": RowSink},
        }
    )
