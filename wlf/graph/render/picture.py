"""What a drawing says, whatever it is drawn with: boxes with the options that matter, arrows with event types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from wlf.components.config import Secret
from wlf.events import Event, Kinds, RowChange, RowDelete, RowInsert, RowUpdate
from wlf.events.base import kind_names
from wlf.events.template import Template
from wlf.graph.plan import Edge, Node, NodeKind, Plan

_NOT_SHOWN = frozenset(("id", "destination", "destinations", "dead_letter"))
_ROWS = frozenset((RowInsert, RowUpdate, RowDelete))
_USERINFO = re.compile(r"(\w+://)[^/@\s]*@")
_SECRET_NAME = re.compile(r"passw|secret|token|api_?key|credential|sasl_plain", re.IGNORECASE)
MAX_LINES = 5
MAX_WIDTH = 52
MAX_LABEL = 40


class Box(NamedTuple):
    """A node: its id, its type, and its options that are not the default."""

    id: str
    kind: NodeKind
    type_name: str
    lines: tuple[str, ...]


class Arrow(NamedTuple):
    """An edge. `at_source`: the label stands where it leaves, since all arrows of the kind from there say the same."""

    source: str
    target: str
    kind: Literal["event", "error"]
    label: str
    at_source: bool


class Picture(NamedTuple):
    """All that is drawn."""

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def picture_of(plan: Plan, *, max_lines: int = MAX_LINES, max_width: int = MAX_WIDTH) -> Picture:
    """Boxes and arrows of a plan, secrets masked, long values cut to `max_width` characters."""
    labels: dict[tuple[str, str], set[str]] = {}
    for edge in plan.edges:
        labels.setdefault((edge.source, edge.kind), set()).add(_written(edge))
    boxes = tuple(
        Box(node.id, node.kind, node.type_name, tuple(_few(option_lines(node), max_lines, max_width)))
        for node in plan.nodes
    )
    arrows = tuple(
        Arrow(e.source, e.target, e.kind, _written(e), len(labels[e.source, e.kind]) == 1) for e in plan.edges
    )
    return Picture(plan.options.name, boxes, arrows)


def _written(edge: Edge) -> str:
    """What stands at an arrow: what the router says of it, else the event types."""
    label = "".join(c if c.isprintable() else "?" for c in edge.label)
    return (label if len(label) <= MAX_LABEL else f"{label[: MAX_LABEL - 1]}…") or label_of(edge)


def label_of(edge: Edge) -> str:
    """The event types of an edge."""
    return label_of_kinds(edge.events)


def label_of_kinds(kinds: Kinds) -> str:
    """Event types as text; all three row changes together are called RowChange."""
    found: set[type[Event]] = set(kinds)
    if found >= _ROWS:
        found = (found - _ROWS) | {RowChange}
    return kind_names(frozenset(found))


def option_lines(node: Node) -> Iterator[str]:
    """`host: db`, one option a line, only what differs from the default; a list of rules takes a line each."""
    for name, value in _changed(node.config):
        if name in _NOT_SHOWN:
            continue
        if isinstance(value, list | tuple) and any(isinstance(v, msgspec.Struct) for v in value):
            yield from (f"{name.removesuffix('s')}: {show(v)}" for v in value)
        else:
            yield f"{name}: {show(value, name)}"


def show(value: Any, name: str = "") -> str:
    """A value as text; secrets, and what looks like one, as `***`."""
    if isinstance(value, Secret):
        return "***"
    if value is not None and not isinstance(value, bool | msgspec.Struct) and _SECRET_NAME.search(name):
        return "***"
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        inner = list(_changed(value))
        if len(inner) == 1 and tag is None:
            return f"{inner[0][0]} {show(inner[0][1], inner[0][0])}"
        return " ".join(([str(tag)] if tag is not None else []) + [f"{n}={show(v, n)}" for n, v in inner])
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={show(below, str(key))}" for key, below in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(show(below, name) for below in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.text if isinstance(value, Template) else str(value)
    return _USERINFO.sub(r"\1***@", text)


def _changed(struct: Any) -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if default is msgspec.NODEFAULT or value != default:
            yield field.encode_name, value


def _few(lines: Iterator[str], limit: int, width: int) -> Iterator[str]:
    found = ["".join(c if c.isprintable() else "?" for c in line) for line in lines]
    kept = found if len(found) <= limit else found[: max(limit - 1, 0)]
    for line in kept:
        yield line if len(line) <= width else line[: width - 1] + "…"
    if limit and len(kept) < len(found):
        yield f"… {len(found) - len(kept)} more"
