"""Cuts a graph into segments: what runs over a batch in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wlf.components.base import StatefulTransformer
from wlf.graph.carry import topological
from wlf.graph.plan import Edge, Node, Segment, Step


class Segments(NamedTuple):
    """Of collectors and dead letters in the order of the file, of stateful transformers in that of the graph."""

    collectors: tuple[Segment, ...]
    errors: tuple[Segment, ...]
    held: tuple[Segment, ...]


def segments_of(nodes: Sequence[Node], edges: Iterable[Edge]) -> Segments:
    """What runs in one go: from each source of events up to the dispatchers."""
    out: dict[str, list[str]] = {node.id: [] for node in nodes}
    errors: list[tuple[str, str]] = []
    for edge in edges:
        if edge.kind == "event":
            out[edge.source].append(edge.target)
        else:
            errors.append((edge.source, edge.target))
    order = topological(out, ((source, target) for source, targets in out.items() for target in targets))
    final = {node.id for node in nodes if node.kind == "dispatcher"}
    stateful = {node.id for node in nodes if issubclass(node.component, StatefulTransformer)}
    # A segment ends at a stateful transformer, but the collector's positions wait for all that lies behind it.
    short = {id: [] if id in stateful else targets for id, targets in out.items()}

    def segment(source: str, entry: str) -> Segment:
        passed = _reached(entry, short) - final - stateful
        steps = tuple(Step(id, tuple(out[id])) for id in order if id in passed)
        reached = _reached(entry, out)
        return Segment(source, entry, steps, tuple(node.id for node in nodes if node.id in reached & final))

    return Segments(
        tuple(segment(node.id, out[node.id][0]) for node in nodes if node.kind == "collector"),
        tuple(segment(*way) for way in errors),
        tuple(segment(id, out[id][0]) for id in order if id in stateful),
    )


def _reached(entry: str, out: Mapping[str, Sequence[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [entry]
    while waiting:
        id = waiting.pop()
        if id not in reached:
            reached.add(id)
            waiting += out[id]
    return reached
