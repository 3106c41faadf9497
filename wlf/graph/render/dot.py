"""A picture in the DOT language, for whoever has Graphviz and wants to lay it out anew (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from wlf.graph.plan import NodeKind
from wlf.graph.render.picture import Picture
from wlf.graph.render.svg import LOOKS

_SHAPES: dict[NodeKind, str] = {
    "collector": 'shape=box, style="rounded,filled"',
    "transformer": 'shape=box, style="filled"',
    "router": 'shape=hexagon, style="filled"',
    "dispatcher": 'shape=cylinder, style="filled"',
}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def dot(picture: Picture) -> str:
    """The whole document."""
    rows = [f"digraph {_quoted(picture.name)} {{", "  rankdir=LR;", '  node [fontname="sans-serif", fontsize=11];']
    rows.append('  edge [fontname="sans-serif", fontsize=9, color="#7a8594"];')
    for box in picture.boxes:
        look = LOOKS[box.kind]
        # \l ends a line that is aligned to the left.
        label = "".join(_quoted(line)[1:-1] + r"\l" for line in (box.id, box.type_name, *box.lines))
        colours = f'fillcolor="{look.fill}", color="{look.line}"'
        rows.append(f'  {_quoted(box.id)} [label="{label}", {_SHAPES[box.kind]}, {colours}];')
    for arrow in picture.arrows:
        dashed = ', style=dashed, color="#c0392b"' if arrow.kind == "error" else ""
        rows.append(f"  {_quoted(arrow.source)} -> {_quoted(arrow.target)} [label={_quoted(arrow.label)}{dashed}];")
    return "\n".join([*rows, "}"]) + "\n"
