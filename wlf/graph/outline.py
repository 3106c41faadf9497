"""The nodes and edges of a file as far as they can be read: the checks run on this even where options are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from wlf.components.base import Component, Router
from wlf.components.config import ComponentConfig
from wlf.components.registry import Kind, Registry, UnknownType, kind_of
from wlf.errors import SetupError
from wlf.graph.config import Document, Item
from wlf.graph.convert import FAILED, Converter, describe
from wlf.graph.diagnostics import Findings, did_you_mean
from wlf.graph.plan import NodeKind

_SECTION_KINDS: dict[str, Kind] = {
    "collectors": "collector",
    "transformers": "transformer",
    "dispatchers": "dispatcher",
}


class OutlineNode(NamedTuple):
    """A node as the structural checks see it. No option is in here, so it may leave the process."""

    id: str
    kind: NodeKind
    type_name: str
    path: str
    line: int
    column: int
    complete: bool
    """Are all edges that it has known? False where reading them failed, which is noted already."""


class OutlineEdge(NamedTuple):
    """An edge as written; `shown` is the target's id as it may be shown."""

    source: str
    target: str
    kind: Literal["event", "error"]
    path: str
    line: int
    column: int
    shown: str


class Outline(NamedTuple):
    """All nodes and edges, in the order of the file."""

    nodes: tuple[OutlineNode, ...]
    edges: tuple[OutlineEdge, ...]


@dataclass(slots=True)
class Draft:
    """One node on its way to the plan."""

    section: Kind
    path: str
    item: Item
    id: str = ""
    type_name: str = ""
    component: type[Component] | None = None
    config: ComponentConfig | None = None
    guess: ComponentConfig | None = None
    """The config, or what it would be without its wrong options: enough to say which events go on."""
    complete: bool = True
    edges: list[OutlineEdge] = field(default_factory=list)

    @property
    def kind(self) -> NodeKind:
        """What it is; the section's kind where the type is unknown."""
        return kind_of(self.component) if self.component is not None else self.section


class Drafter:
    """Reads the three sections of a file into drafts."""

    def __init__(self, findings: Findings, registry: Registry, converter: Converter) -> None:
        self._findings = findings
        self._registry = registry
        self._converter = converter

    def drafts(self, document: Document) -> list[Draft]:
        """All nodes, in the order collectors, transformers, dispatchers. A node without an id goes by its path."""
        sections = document.root.mapping or {}
        made = [d for name in _SECTION_KINDS for d in self._section(name, sections.get(name))]
        if document.root.mapping is not None:
            for name, kind in (("collectors", "collector"), ("dispatchers", "dispatcher")):
                place = sections.get(name, document.root)
                unread = name in sections and (place.mapping is not None or place.sequence or place.text)
                if not unread and not any(draft.section == kind for draft in made):
                    self._findings.add("E132", place, name, f"no {kind}", f"a pipeline needs at least one {kind}")
        return made

    def _section(self, name: str, item: Item | None) -> Iterator[Draft]:
        if item is None or (item.value is None and not item.substituted):
            return
        if item.sequence is None:
            hint = "start each node with '- '" if item.mapping is not None else ""
            self._findings.add("E105", item, name, f"expected list of nodes, got {describe(item)}", hint)
            return
        for index, below in enumerate(item.sequence):
            path = f"{name}[{index}]"
            if below.mapping is None:
                self._findings.add("E105", below, path, f"expected a mapping, got {describe(below)}")
                continue
            draft = Draft(_SECTION_KINDS[name], path, below)
            self._identify(draft)
            self._configure(draft)
            yield draft

    def _text(self, draft: Draft, name: str) -> str:
        """A text that every node needs, or "" with the problem noted."""
        found = (draft.item.mapping or {}).get(name)
        if found is None:
            self._findings.add("E104", draft.item, f"{draft.path}.{name}", "missing option")
            return ""
        if not isinstance(found.value, str) or not found.value:
            scalar = found.mapping is None and found.sequence is None and found.value not in (None, "")
            hint = f'quote it: "{found.shown}"' if scalar else ""
            self._findings.add("E105", found, f"{draft.path}.{name}", f"expected text, got {describe(found)}", hint)
            return ""
        if not found.value.isprintable():
            # It goes into log lines, drawings and metrics.
            self._findings.add("E105", found, f"{draft.path}.{name}", "expected printable text on one line")
            return ""
        return found.value

    def _identify(self, draft: Draft) -> None:
        draft.id = self._text(draft, "id") or draft.path
        draft.type_name = self._text(draft, "type")
        if not draft.type_name:
            return
        place, path = draft.item.at("type"), f"{draft.path}.type"
        try:
            draft.component = self._registry.resolve(draft.section, draft.type_name)
        except UnknownType:
            self._findings.add("E106", place, path, f"unknown {draft.section} '{place.shown}'", self._other(draft))
        except SetupError as error:
            self._findings.add("E107", place, path, error.message, error.hint)
        if draft.component is None:
            return
        draft.type_name = draft.component.type_name
        actual = kind_of(draft.component)
        if actual != draft.section and (actual, draft.section) != ("router", "transformer"):
            section = "transformer" if actual == "router" else actual
            message = f"{place.shown} is a {section}"
            self._findings.add("E106", place, path, message, f"move it to '{section}s'")
            draft.component = None

    def _other(self, draft: Draft) -> str:
        """A type of that name in another section, or a near one in this."""
        word = draft.type_name
        suffix = draft.section.capitalize()
        names = self._registry.names(draft.section)
        near = did_you_mean(word.removesuffix(suffix), names)
        for hint in (near, did_you_mean(word, (name + suffix for name in names))):
            if hint.startswith("did"):
                return hint
        for kind in _SECTION_KINDS.values():
            if word.removesuffix(kind.capitalize()) in self._registry.names(kind):
                return f"it is a {kind}: move it to '{kind}s'"
        return near

    def _configure(self, draft: Draft) -> None:
        component = draft.component
        if component is None:
            for name in ("destination", "destinations"):
                if name in (draft.item.mapping or {}):
                    self._connect(draft, name, draft.item.at(name))
            draft.complete = draft.section == "dispatcher" or bool(draft.edges)
            self._dead_letter(draft)
            return
        given: dict[str, Any] = {"type": None, "id": draft.id}
        given |= self._event_edges(draft, component.Config.__struct_encode_fields__)
        known = draft.section == "dispatcher" or bool(draft.edges)
        self._dead_letter(draft)
        made = self._converter.struct(draft.item, component.Config, draft.path, given)
        if made is FAILED:
            draft.guess = self._converter.guesses.get(draft.path)
            draft.complete = draft.complete and known
            return
        draft.config = draft.guess = made
        if issubclass(component, Router):
            self._add_declared(draft, component)

    def _add_declared(self, draft: Draft, component: type[Router]) -> None:
        """A router may name destinations in options of its own: what it declares is what counts."""
        known = {edge.target for edge in draft.edges if edge.kind == "event"}
        options = component.options_of(draft.config)
        for target in component.destinations(draft.config):
            if target not in known:
                known.add(target)
                option = options.get(target)
                place = draft.item.at(option) if option else draft.item
                path = f"{draft.path}.{option}" if option else draft.path
                shown = place.shown if option else target
                draft.edges.append(OutlineEdge(draft.id, target, "event", path, place.line, place.column, shown))

    def _event_edges(self, draft: Draft, options: Iterable[str]) -> dict[str, Any]:
        """Notes the edges; the keys that it dealt with, each with a value that the config can be made with."""
        entries = draft.item.mapping or {}
        dealt: dict[str, Any] = {}
        one, several = entries.get("destination"), entries.get("destinations")
        for name, item in (("destination", one), ("destinations", several)):
            if item is None:
                continue
            if name in options and (name == "destinations") == (item.sequence is not None):
                self._connect(draft, name, item)
            elif draft.kind == "dispatcher" and name not in options:
                self._refuse_way_out(draft, name)
                dealt[name] = None
            elif draft.kind != "router" and (item.sequence is not None or name == "destinations"):
                self._refuse_fan_out(draft, name, item)
                dealt |= {"destination": "?", "destinations": None}
        return dealt

    def _connect(self, draft: Draft, path: str, item: Item, kind: Literal["event", "error"] = "event") -> None:
        if item.sequence is not None:
            for index, below in enumerate(item.sequence):
                self._connect(draft, f"{path}[{index}]", below, kind)
        elif isinstance(item.value, str) and item.value:
            where = f"{draft.path}.{path}"
            draft.edges.append(OutlineEdge(draft.id, item.value, kind, where, item.line, item.column, item.shown))
        else:
            draft.complete = False

    def _dead_letter(self, draft: Draft) -> None:
        item = (draft.item.mapping or {}).get("dead_letter")
        if item is not None and item.sequence is None and item.value is not None:
            complete = draft.complete
            self._connect(draft, "dead_letter", item, "error")
            draft.complete = complete

    def _refuse_way_out(self, draft: Draft, name: str) -> None:
        place = draft.item.keys[name]
        hint = "events end in a dispatcher; for what it refuses write dead_letter: ID"
        self._findings.add("E122", place, f"{draft.path}.{name}", "a dispatcher has no way out", hint)

    def _refuse_fan_out(self, draft: Draft, name: str, item: Item) -> None:
        place, path = draft.item.keys[name], f"{draft.path}.{name}"
        self._connect(draft, name, item)
        targets = [below.shown for below in item.sequence or [item]]
        if len(targets) == 1:
            message = f"{draft.type_name or draft.kind} has one destination"
            self._findings.add("E124", place, path, message, f"destination: {targets[0]}")
            return
        fan_out = f"{draft.id}_replicator"
        hint = (
            f"send its events to an EventReplicator:\n  destination: {fan_out}\ntransformers:\n"
            f"  - id: {fan_out}\n    type: EventReplicator\n    destinations: [{', '.join(targets)}]"
        )
        message = (
            f"{draft.type_name or draft.kind} is not made to fan out: expected one destination, got {len(targets)}"
        )
        self._findings.add("E124", place, path, message, hint)


def outline_of(drafts: Iterable[Draft]) -> Outline:
    """What the structural checks need of the drafts."""
    drafts = tuple(drafts)
    nodes = tuple(
        OutlineNode(d.id, d.kind, d.type_name, d.path, *_place_of(d.item.at("id")), d.complete) for d in drafts
    )
    return Outline(nodes, tuple(edge for draft in drafts for edge in draft.edges))


def _place_of(item: Item) -> tuple[int, int]:
    return item.line, item.column
