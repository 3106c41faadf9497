"""From a type's name in the YAML to its class, without importing the others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from wlf.components.base import Collector, Component, Dispatcher, Router, Transformer
from wlf.components.own import load_own
from wlf.errors import SetupError

Kind = Literal["collector", "transformer", "dispatcher"]

BUILTINS: dict[Kind, dict[str, str]] = {
    "collector": {
        "Binlog": "wlf.components.collectors.binlog:BinlogCollector",
        "Docker": "wlf.components.collectors.docker:DockerCollector",
        "File": "wlf.components.collectors.file:FileCollector",
        "Kubernetes": "wlf.components.collectors.kubernetes:KubernetesCollector",
    },
    "transformer": {
        "Aggregator": "wlf.components.transformers.aggregator:Aggregator",
        "BinlogFilter": "wlf.components.transformers.binlog_filter:BinlogFilter",
        "Dedupe": "wlf.components.transformers.dedupe:Dedupe",
        "Encryptor": "wlf.components.transformers.encryptor:Encryptor",
        "EventReplicator": "wlf.components.transformers.event_replicator:EventReplicator",
        "Filter": "wlf.components.transformers.filter:Filter",
        "Map": "wlf.components.transformers.map:Map",
        "Sample": "wlf.components.transformers.sample:Sample",
        "Separator": "wlf.components.transformers.separator:Separator",
        "Throttle": "wlf.components.transformers.throttle:Throttle",
        "Parse": "wlf.components.transformers.parse:Parse",
        "Wasm": "wlf.components.transformers.wasm:Wasm",
    },
    "dispatcher": {
        "Elasticsearch": "wlf.components.dispatchers.elasticsearch:ElasticsearchDispatcher",
        "File": "wlf.components.dispatchers.file:FileDispatcher",
        "HTTP": "wlf.components.dispatchers.http:HttpDispatcher",
        "Kafka": "wlf.components.dispatchers.kafka:KafkaDispatcher",
        "MongoDB": "wlf.components.dispatchers.mongodb:MongodbDispatcher",
        "Redis": "wlf.components.dispatchers.redis:RedisDispatcher",
        "Stdout": "wlf.components.dispatchers.stdout:StdoutDispatcher",
    },
}

SUFFIXES: Mapping[Kind, str] = {"collector": "Collector", "transformer": "Transformer", "dispatcher": "Dispatcher"}

ENTRY_POINT_GROUP = "wlf.components"


class UnknownType(LookupError):
    """No component of that kind has this name."""


class Registry:
    """The component classes that a config may name.

    Args:
        extra: classes beside the built-in ones, by kind and name.
        beside: where the modules of `type: module:Class` are looked for first.
    """

    def __init__(
        self, extra: Mapping[Kind, Mapping[str, type[Component]]] | None = None, beside: Path | None = None
    ) -> None:
        self._extra = extra or {}
        self._beside = beside or Path()
        self._installed: dict[str, str] | None = None

    def names(self, kind: Kind) -> list[str]:
        """All type names of a kind, sorted."""
        return sorted({*BUILTINS[kind], *self._extra.get(kind, {})})

    def resolve(self, kind: Kind, type_name: str) -> type[Component]:
        """The class behind `Kafka`, `KafkaDispatcher` or `my_module:MyClass`.

        Raises:
            UnknownType: there is none.
            SetupError: it is there, but a library that it needs is not installed, or it cannot be imported.
        """
        if ":" in type_name:
            return load_own(type_name, self._beside)
        for name in dict.fromkeys((type_name, type_name.removesuffix(SUFFIXES[kind]))):
            found = self._extra.get(kind, {}).get(name)
            if found is not None:
                return found
            target = BUILTINS[kind].get(name) or self._from_packages().get(name)
            if target:
                return _load(target, name)
        raise UnknownType(type_name)

    def _from_packages(self) -> dict[str, str]:
        if self._installed is None:
            # It brings half of the library for electronic mail along: not for a file that names built-in types only.
            from importlib.metadata import entry_points

            self._installed = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
        return self._installed

    def every(self) -> Iterator[tuple[Kind, str, type[Component]]]:
        """(kind, name, class) of all built-in components, for documentation and the conformance suite."""
        for kind in BUILTINS:
            for name in self.names(kind):
                yield kind, name, self.resolve(kind, name)


def _load(target: str, name: str) -> type[Component]:
    module, _, attribute = target.partition(":")
    try:
        found: type[Component] = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        if (error.name or "").startswith("wlf."):
            raise
        extra = name.lower() if name != "Binlog" else "mysql"
        raise SetupError(f"{name} needs the library {error.name}", hint=f'pip install "wlf[{extra}]"') from error
    assert issubclass(found, Component)
    return found


def kind_of(component: type[Component]) -> Literal["collector", "transformer", "router", "dispatcher"]:
    """What a component class is: routers stand under `transformers:` in the YAML but fan out."""
    if issubclass(component, Collector):
        return "collector"
    if issubclass(component, Dispatcher):
        return "dispatcher"
    if issubclass(component, Router):
        return "router"
    assert issubclass(component, Transformer)
    return "transformer"
