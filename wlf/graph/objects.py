"""Components that were made in Python, on their way to the same checks as those of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from wlf.components.base import Component, Router
from wlf.components.config import ComponentConfig
from wlf.components.registry import kind_of
from wlf.graph.config import Item
from wlf.graph.outline import Draft, OutlineEdge

_EDGES = ("destination", "destinations", "dead_letter")


def draft_objects(parts: Sequence[tuple[type[Component], ComponentConfig]]) -> list[Draft]:
    """One draft for each class and its config, in the order collectors, transformers, dispatchers."""
    counts = dict.fromkeys(("collector", "transformer", "dispatcher"), 0)
    drafts: dict[str, list[Draft]] = {kind: [] for kind in counts}
    for component, config in parts:
        kind = kind_of(component)
        section: Literal["collector", "transformer", "dispatcher"] = "transformer" if kind == "router" else kind
        path = f"{section}s[{counts[section]}]"
        counts[section] += 1
        type_name = getattr(component, "type_name", component.__name__)
        draft = Draft(section, path, Item({}, 0, 0), config.id, type_name, component, config, config)
        draft.edges = list(_edges(draft, component, config))
        drafts[section].append(draft)
    return [draft for kind in counts for draft in drafts[kind]]


def _edges(draft: Draft, component: type[Component], config: ComponentConfig) -> Iterator[OutlineEdge]:
    found: dict[tuple[str, Literal["event", "error"]], str] = {}
    for name in _EDGES:
        value = getattr(config, name, None)
        for target in [value] if isinstance(value, str) else value or ():
            found[target, "error" if name == "dead_letter" else "event"] = name
    if issubclass(component, Router):
        for target in component.destinations(config):
            found.setdefault((target, "event"), "destinations")
    for (target, kind), name in found.items():
        yield OutlineEdge(config.id, target, kind, f"{draft.path}.{name}", 0, 0, target)
