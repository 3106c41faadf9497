"""A picture as a Mermaid flowchart, which code hosts draw in Markdown (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from wlf.graph.plan import NodeKind
from wlf.graph.render.picture import Picture
from wlf.graph.render.svg import LOOKS

_SHAPES: dict[NodeKind, tuple[str, str]] = {
    "collector": ("([", "])"),
    "transformer": ("[", "]"),
    "router": ("{{", "}}"),
    "dispatcher": ("[(", ")]"),
}
_ENTITIES = {sign: f"#{ord(sign)};" for sign in '"#&<>`[]{}()|'}


def _text(text: str) -> str:
    """Inside quotes Mermaid takes all but these signs as they are."""
    return "".join(_ENTITIES.get(sign, sign) for sign in text)


def mermaid(picture: Picture) -> str:
    """The whole document. Nodes go by number: an id such as `end` would be a keyword."""
    number = {box.id: f"n{index}" for index, box in enumerate(picture.boxes)}
    rows = ["flowchart LR"]
    for box in picture.boxes:
        left, right = _SHAPES[box.kind]
        lines = [f"<b>{_text(box.id)}</b>", _text(box.type_name), *map(_text, box.lines)]
        rows.append(f'  {number[box.id]}{left}"{"<br/>".join(lines)}"{right}:::{box.kind}')
    for arrow in picture.arrows:
        line = "-.->" if arrow.kind == "error" else "-->"
        rows.append(f'  {number[arrow.source]} {line}|"{_text(arrow.label)}"| {number[arrow.target]}')
    for kind in dict.fromkeys(box.kind for box in picture.boxes):
        look = LOOKS[kind]
        rows.append(f"  classDef {kind} fill:{look.fill},stroke:{look.line},color:#1c2330,text-align:left")
    return "\n".join(rows) + "\n"
