"""The options of components: typed structs that forbid unknown keys and know their secrets, templates and units."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from wlf.events.expressions import Expression
from wlf.events.template import Template


class Secret:
    """A password or key: prints as `***` everywhere; `reveal()` is called only where it goes to the client library."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__


def decode_hook(kind: type, value: Any) -> Any:
    """`msgspec.convert(..., dec_hook=decode_hook)`: the option types that msgspec does not know."""
    if kind in (Secret, Template, Expression):
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise ValueError(f"expected a text, got {type(value).__name__}")
        return kind(value)
    raise NotImplementedError(kind)


class ComponentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every node may say. `type` is read by the graph and is not an option of the component."""

    id: Annotated[str, Meta(description="the node's name, unique in the file", min_length=1)]
    dead_letter: Annotated[
        str | None, Meta(description="id of the node that takes events refused here, as DeadLetter")
    ] = None

    @property
    def effective_on_error(self) -> str:
        """What `on_error` says, with its default worked out; for nodes without that option the default."""
        return getattr(self, "on_error", None) or ("dead_letter" if self.dead_letter else "stop")


class CollectorConfig(ComponentConfig, frozen=True, kw_only=True):
    """Options of every collector."""

    destination: Annotated[str, Meta(description="id of the node that takes the events")]


class TransformerConfig(ComponentConfig, frozen=True, kw_only=True):
    """Options of every transformer with one way out."""

    destination: Annotated[str, Meta(description="id of the node that takes the events")]
    on_error: Annotated[
        Literal["stop", "drop", "pass", "dead_letter"] | None,
        Meta(
            description="what happens to an event that cannot be transformed (pass: it goes on as it came); "
            "default: dead_letter where one is named, else stop"
        ),
    ] = None


class RoutingConfig(ComponentConfig, frozen=True, kw_only=True):
    """Options of every component that fans out, by whatever option it names its destinations."""

    on_error: Annotated[
        Literal["stop", "drop", "dead_letter"] | None,
        Meta(
            description="what happens to an event that cannot be routed; default: dead_letter where one is named, "
            "else stop"
        ),
    ] = None


class RouterConfig(RoutingConfig, frozen=True, kw_only=True):
    """Options of every component that fans out to a list of destinations."""

    destinations: Annotated[list[str], Meta(description="ids of the nodes that take the events")]


class BatchConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a batch is full enough to be dispatched."""

    max_events: Annotated[int, Meta(description="events in one dispatched batch at most", ge=1)] = 2000
    max_bytes: Annotated[int, Meta(description="estimated bytes in one dispatched batch at most", ge=1024)] = 4_194_304
    max_delay_ms: Annotated[
        int, Meta(description="how long a batch that is not full may wait for more events", ge=0)
    ] = 5


class RetryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the runtime tries again; the delay doubles each time, with jitter."""

    initial_delay_ms: Annotated[int, Meta(description="delay before the first retry", ge=1)] = 100
    max_delay_ms: Annotated[int, Meta(description="longest delay between two tries", ge=1)] = 10_000
    max_attempts: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="tries of a delivery before `on_error` decides; null: for ever"),
    ] = None


class DispatcherConfig(ComponentConfig, frozen=True, kw_only=True):
    """Options of every dispatcher."""

    format: Annotated[
        Literal["json", "msgpack", "wlf", "maxwell", "debezium", "debezium_schema", "canal"],
        Meta(
            description="how events are encoded; wlf is another name of json; maxwell, debezium (with its schema in "
            "each message: debezium_schema) and canal (FlatMessage) as those tools write them"
        ),
    ] = "json"
    batch: Annotated[BatchConfig, Meta(description="when a batch is dispatched")] = BatchConfig()
    retry: Annotated[RetryConfig, Meta(description="how failed deliveries are tried again")] = RetryConfig()
    timeout_ms: Annotated[int, Meta(description="time one delivery may take", ge=1)] = 30_000
    on_error: Annotated[
        Literal["stop", "drop", "dead_letter"] | None,
        Meta(
            description="what happens to an event that is refused; default: dead_letter where one is named, else stop"
        ),
    ] = None
    on_missing: Annotated[
        str,
        Meta(
            description="template fields an event lacks: `reject` refuses the event, any other text takes their place"
        ),
    ] = "reject"
    names: Annotated[
        Literal["replace", "reject"],
        Meta(description="names the system refuses: replace the characters, or refuse the event"),
    ] = "replace"
