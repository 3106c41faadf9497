"""Which event types travel along each edge, and what follows from it: edges that cannot carry them, template fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from wlf.components.base import Dispatcher
from wlf.events import DeadLetter, Event, Kinds
from wlf.events.base import kind_names, known_types
from wlf.events.template import ROW_FIELDS, Template
from wlf.graph.diagnostics import Findings, did_you_mean
from wlf.graph.inner import unknown_inner
from wlf.graph.outline import Draft, OutlineEdge
from wlf.graph.problems import note_problem

Carried: TypeAlias = Mapping[OutlineEdge, Kinds | None]
"""The event types of each edge; None where a mistake elsewhere hides them."""


def topological(ids: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """All ids, sources first; those on a cycle or behind one are left out. Stable in the order of `ids`."""
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(ids, ()))
    for source, target in edges:
        sorter.add(target, source)
    found: list[str] = []
    with suppress(CycleError):  # the cycle check reports it; the sorter still gives what lies before the cycle
        sorter.prepare()
    while ready := sorter.get_ready():
        found += ready
        sorter.done(*ready)
    return found


class Carrier:
    """Follows the event types from the collectors to the dispatchers."""

    def __init__(self, drafts: Iterable[Draft], findings: Findings) -> None:
        self._findings = findings
        self._drafts: dict[str, Draft] = {}
        for draft in drafts:
            self._drafts.setdefault(draft.id, draft)
        self._into: dict[str, list[OutlineEdge]] = {id: [] for id in self._drafts}
        for draft in self._drafts.values():
            for edge in draft.edges:
                self._into.get(edge.target, []).append(edge)
        self._carried: dict[OutlineEdge, Kinds | None] = {}

    def carried(self) -> Carried:
        """The event types of each edge, having noted the edges that cannot carry theirs."""
        edges = [edge for edges in self._into.values() for edge in edges]
        self._carried = dict.fromkeys(edges)
        for id in topological(self._drafts, ((e.source, e.target) for e in edges)):
            draft = self._drafts[id]
            arriving = self._accepted(draft)
            for edge in draft.edges:
                if edge in self._carried:
                    self._carried[edge] = _leaving(draft, arriving, edge)
        return self._carried

    def arriving(self, id: str) -> Kinds | None:
        """The event types that come to a node; None where they are not known."""
        found: set[type[Event]] = set()
        for edge in self._into.get(id, ()):
            kinds = self._carried[edge]
            if kinds is None:
                return None
            found |= kinds
        return frozenset(found) if self._into.get(id) else None

    def accepted(self, id: str) -> Kinds | None:
        """Those of them that the node takes."""
        arriving, component = self.arriving(id), self._drafts[id].component
        if arriving is None or component is None:
            return arriving
        return frozenset(kind for kind in arriving if issubclass(kind, tuple(component.accepts)))

    def switched_off(self, id: str) -> dict[str, tuple[str, str]]:
        """Fields that every collector above a node leaves out: (a collector's id, the option that would bring it)."""
        found: dict[str, tuple[str, str]] | None = None
        for collector in self._collectors_above(id):
            component: Any = collector.component
            if component is None or collector.guess is None:
                return {}
            off = {name: (collector.id, by) for name, by in component.switched_off(collector.guess).items()}
            found = off if found is None else {name: found[name] for name in found.keys() & off.keys()}
        return found or {}

    def _collectors_above(self, id: str) -> list[Draft]:
        found, waiting, seen = [], [id], {id}
        while waiting:
            for edge in self._into.get(waiting.pop(), ()):
                if edge.source in seen or edge.source not in self._drafts:
                    continue
                seen.add(edge.source)
                waiting.append(edge.source)
                if self._drafts[edge.source].kind == "collector":
                    found.append(self._drafts[edge.source])
        return found

    def _accepted(self, draft: Draft) -> Kinds | None:
        """What arrives and is accepted; the rest is noted."""
        arriving = self.arriving(draft.id)
        if draft.component is None or draft.kind == "collector" or arriving is None:
            return arriving
        accepts = tuple(draft.component.accepts)
        refused = frozenset(kind for kind in arriving if not issubclass(kind, accepts))
        for edge in self._into[draft.id]:
            bad = refused & (self._carried[edge] or frozenset())
            if bad:
                taken = f"{draft.type_name} accepts {kind_names(draft.component.accepts)}"
                message = f"{kind_names(bad)} cannot go from '{edge.source}' to '{draft.id}': {taken}"
                self._findings.add("E129", edge, edge.path, message)
        return arriving - refused


def _leaving(draft: Draft, arriving: Kinds | None, edge: OutlineEdge) -> Kinds | None:
    if edge.kind == "error":
        return frozenset((DeadLetter,))
    component: Any = draft.component
    if draft.guess is None or component is None:
        return None
    if draft.kind == "collector":
        return frozenset(component.emits(draft.guess))
    if arriving is None or draft.kind == "dispatcher":
        return None
    if draft.kind == "router":
        return frozenset(component.emits(draft.guess, arriving, edge.target))
    return frozenset(component.emits(draft.guess, arriving))


def check_problems(drafts: Iterable[Draft], carrier: Carrier, findings: Findings) -> None:
    """E105, E136, E137: what a component says itself."""
    for draft in drafts:
        component: Any = draft.component
        if component is None or draft.config is None or draft.kind == "collector":
            continue
        arriving = carrier.accepted(draft.id)
        if arriving is None:
            continue
        for problem in component.problems(draft.config, arriving):
            item = draft.item.at(problem.option)
            note_problem(item, f"{draft.path}.{problem.option}", problem, findings)


def check_templates(
    drafts: Iterable[Draft], carrier: Carrier, read: Mapping[str, Template], findings: Findings
) -> None:
    """E102, W201: templates name fields that arriving events have, and begin with a text of the config.

    `read` are the templates by path, for the nodes whose config could not be made.
    """
    for draft in drafts:
        if draft.component is None or not issubclass(draft.component, Dispatcher):
            continue
        if draft.config is not None:
            named = list(draft.component.names_of(draft.config))
        else:
            prefix = f"{draft.path}."
            named = [(path.removeprefix(prefix), t) for path, t in read.items() if path.startswith(prefix)]
        arriving = carrier.arriving(draft.id)
        for name, template in named:
            _check_template(draft, name, template, arriving, findings)
            if arriving and DeadLetter not in arriving:
                _check_switches(draft, name, template, carrier.switched_off(draft.id), findings)


def _check_switches(
    draft: Draft, name: str, template: Template, off: Mapping[str, tuple[str, str]], findings: Findings
) -> None:
    """A field that no collector is told to bring would have every event refused."""
    for pointer in template.pointers:
        if pointer.field in off:
            collector, option = off[pointer.field]
            message = f"no event has '{pointer.field}': it is switched off"
            hint = f"{option}: true on '{collector}' brings it"
            findings.add("E102", draft.item.at(name), f"{draft.path}.{name}", message, hint)


def _check_template(draft: Draft, name: str, template: Template, arriving: Kinds | None, findings: Findings) -> None:
    place, path = draft.item.at(name), f"{draft.path}.{name}"
    if template.pointers and not template.literal_prefix:
        hint = f'write a text in front: "wlf-{place.shown}"'
        findings.add("W201", place, path, "the template has no literal prefix: rows choose the whole name", hint)
    # A bare Event may be of any type, of other packages too.
    if not arriving or Event in arriving:
        return
    types = known_types(arriving)
    fields = dict.fromkeys(f for t in sorted(types, key=_name) for f in t.__struct_encode_fields__)
    for pointer in template.unknown_pointers(types):
        message = f"no field '{pointer.field}' in {kind_names(arriving)}"
        hint = did_you_mean(pointer.field, fields)
        if DeadLetter in arriving and pointer.field in ROW_FIELDS:
            hint = f"the refused event has it: %{{/event{pointer.text}}}"
        findings.add("E102", place, path, message, hint)
    for pointer in template.pointers:
        unknown = unknown_inner(pointer, types)
        if unknown is not None:
            name, above, known = unknown
            findings.add("E102", place, path, f"no field '{name}' in '{above}'", did_you_mean(name, known))


def _name(kind: type) -> str:
    return kind.__name__
