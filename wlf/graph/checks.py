"""The checks of a graph's structure: what is connected to what. The types along the edges are checked in carry.py."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import networkx as nx

from wlf.graph.diagnostics import CODES, Diagnostic, Findings, did_you_mean
from wlf.graph.outline import Outline, OutlineEdge, OutlineNode

__all__ = ["CHECKS", "CODES", "check_structure"]


class Structure:
    """The outline as a directed graph, with what several checks ask of it."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.nodes: dict[str, OutlineNode] = {}
        for node in outline.nodes:
            self.nodes.setdefault(node.id, node)
        self.graph: nx.DiGraph[str] = nx.DiGraph()
        self.graph.add_nodes_from(self.nodes)
        self.graph.add_edges_from((e.source, e.target) for e in outline.edges if e.target in self.nodes)
        self.knots = [
            knot
            for knot in map(frozenset, nx.strongly_connected_components(self.graph))
            if len(knot) > 1 or any(self.graph.has_edge(id, id) for id in knot)
        ]
        self.knotted = frozenset(id for knot in self.knots for id in knot)

    def edge(self, source: str, target: str) -> OutlineEdge:
        """The first edge between two nodes."""
        return next(e for e in self.outline.edges if (e.source, e.target) == (source, target))

    def takers(self, source: str) -> list[str]:
        """The ids that `source` could send to."""
        return [n.id for n in self.nodes.values() if n.kind != "collector" and n.id != source]

    def below(self, ids: Iterable[str]) -> set[str]:
        """The nodes of `ids` and all that they reach."""
        found = set(ids)
        return found.union(*(nx.descendants(self.graph, id) for id in found))


def duplicate_ids(structure: Structure, findings: Findings) -> None:
    """E108: an id names one node."""
    for node in structure.outline.nodes:
        first = structure.nodes[node.id]
        if first is not node:
            message = f"the id '{node.id}' is taken by {first.path} on line {first.line}"
            findings.add("E108", node, f"{node.path}.id", message)


def unknown_destinations(structure: Structure, findings: Findings) -> None:
    """E120: an edge ends at a node of the file."""
    for edge in structure.outline.edges:
        if edge.target not in structure.nodes:
            hint = did_you_mean(edge.shown, structure.takers(edge.source))
            findings.add("E120", edge, edge.path, f"no node '{edge.shown}'", hint)


def edges_into_collectors(structure: Structure, findings: Findings) -> None:
    """E121: nothing can be sent to a collector."""
    for edge in structure.outline.edges:
        target = structure.nodes.get(edge.target)
        if target is not None and target.kind == "collector":
            hint = "name a transformer or dispatcher"
            findings.add("E121", edge, edge.path, f"'{edge.shown}' is a collector: it takes no events", hint)


def edges_out_of_dispatchers(structure: Structure, findings: Findings) -> None:
    """E122: events end in a dispatcher; only dead letters leave it."""
    for edge in structure.outline.edges:
        source = structure.nodes.get(edge.source)
        if source is not None and source.kind == "dispatcher" and edge.kind == "event":
            hint = "for what it refuses write dead_letter: ID"
            findings.add("E122", edge, edge.path, "a dispatcher has no way out", hint)


def cycles(structure: Structure, findings: Findings) -> None:
    """E123: events, dead letters included, never come back."""
    order = {id: index for index, id in enumerate(structure.nodes)}
    for knot in structure.knots:
        start = min(knot, key=order.__getitem__)
        ring = _ring(structure, knot, start)
        last = structure.edge(ring[-1], start)
        steps = [*ring, start]
        kinds = [structure.edge(a, b).kind for a, b in pairwise(steps)]
        text = steps[0] + "".join(
            f" {'->' if kind == 'event' else '-dead_letter->'} {id}" for kind, id in zip(kinds, steps[1:], strict=True)
        )
        findings.add("E123", last, last.path, f"cycle: {text}", "events must not come back: remove one of these edges")


def _ring(structure: Structure, knot: frozenset[str], start: str) -> list[str]:
    """The shortest way from a node back to itself, without the return."""
    if structure.graph.has_edge(start, start):
        return [start]
    inside = structure.graph.subgraph(knot)
    ways = (list(nx.shortest_path(inside, start, before)) for before in inside.predecessors(start))
    return min(ways, key=lambda way: (len(way), way))


def fan_out(structure: Structure, findings: Findings) -> None:
    """E125, E126: a component that fans out has destinations, each once."""
    for node in structure.outline.nodes:
        if node.kind != "router":
            continue
        edges = [e for e in structure.outline.edges if e.source == node.id and e.kind == "event"]
        if not edges and node.complete:
            findings.add("E125", node, node.path, f"{node.type_name} has no destinations", "destinations: [ID, ...]")
        seen: dict[str, OutlineEdge] = {}
        for edge in edges:
            if edge.target in seen:
                message = f"'{edge.shown}' is there already: each event would arrive twice"
                findings.add("E126", edge, edge.path, message)
            seen.setdefault(edge.target, edge)


def unreached_nodes(structure: Structure, findings: Findings) -> None:
    """E127: every node gets events from some collector, be it as dead letters."""
    # Whatever an unreadable node would have sent to cannot be told.
    if not all(node.complete for node in structure.nodes.values()):
        return
    collectors = [n.id for n in structure.nodes.values() if n.kind == "collector"]
    if not collectors:
        return
    reached = structure.below(collectors)
    # A misspelt destination is one mistake, not two; what hangs on a cycle waits for the cycle's end.
    meant = {_meant(structure, edge) for edge in structure.outline.edges if edge.target not in structure.nodes}
    excused = structure.below((meant & set(structure.nodes)) | structure.knotted)
    for node in structure.nodes.values():
        if node.kind == "collector" or node.id in reached | excused:
            continue
        before = sorted(set(structure.graph.predecessors(node.id)))
        message = f"reached only from {', '.join(before)}, which nothing reaches" if before else "nothing reaches it"
        routers = [n.id for n in structure.nodes.values() if n.kind == "router" and n.id in reached]
        hint = f"add it to the destinations of {routers[0]}, or remove it" if routers and not before else ""
        findings.add(
            "E127", node, node.path, f"'{node.id}': {message}", hint or "name it as a destination, or remove it"
        )


def _meant(structure: Structure, edge: OutlineEdge) -> str:
    """The node that a misspelt destination probably means, or ""."""
    hint = did_you_mean(edge.target, structure.takers(edge.source))
    return hint.split("'")[1] if hint.startswith("did") else ""


def dead_ends(structure: Structure, findings: Findings) -> None:
    """E128: every event can get to some dispatcher."""
    broken = {e.source for e in structure.outline.edges if e.target not in structure.nodes}
    broken |= {node.id for node in structure.nodes.values() if not node.complete} | structure.knotted
    for node in structure.nodes.values():
        if node.kind == "dispatcher" or (node.kind == "router" and not structure.graph.succ[node.id]):
            continue
        below = nx.descendants(structure.graph, node.id)
        if any(structure.nodes[id].kind == "dispatcher" for id in below) or (below | {node.id}) & broken:
            continue
        findings.add("E128", node, node.path, f"'{node.id}' reaches no dispatcher")


CHECKS = (
    duplicate_ids,
    unknown_destinations,
    edges_into_collectors,
    edges_out_of_dispatchers,
    cycles,
    fan_out,
    unreached_nodes,
    dead_ends,
)
"""Every check; all of them run, whatever the others found."""


def check_structure(outline: Outline, file: str) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with the structure."""
    structure = Structure(outline)
    findings = Findings(file)
    for check in CHECKS:
        check(structure, findings)
    return findings.sorted()
