"""A picture as SVG: left to right, one colour and one shape a kind, no font or style from outside needed."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from wlf.graph.plan import NodeKind
from wlf.graph.render.layout import Layout, Link, Point, Route, Size, Spacing, lay_out
from wlf.graph.render.picture import Arrow, Box, Picture


class Look(NamedTuple):
    """The colours of a kind: its fill, and its border and type name."""

    fill: str
    line: str


LOOKS: dict[NodeKind, Look] = {
    "collector": Look("#e3f1e4", "#2e7d32"),
    "transformer": Look("#e4edf9", "#1f5fa8"),
    "router": Look("#f1e7f7", "#7b3fa0"),
    "dispatcher": Look("#fcefdc", "#b35c00"),
}
_INK, _FAINT, _WIRE, _DEAD = "#1c2330", "#5b6573", "#7a8594", "#c0392b"
_FONT = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
_LINE, _PAD, _MARGIN, _LEGEND = 16, 12, 24, 44
_SPACING = Spacing(cross_gap=26, main_gap=64, channel=14, lane=10, near=10)
_CHARS: dict[str, float] = {**dict.fromkeys("iljtfrI.,:;'|!()[]{}/ ", 0.4), **dict.fromkeys("mwMW%@—", 0.95)}


def width_of(text: str, size: float) -> float:
    """About how wide a text is, in pixels; drawn fonts differ, so rather too wide. East Asian signs are square."""
    return sum(_CHARS.get(c, 1.05 if ord(c) > 0x2E7F else 0.66) for c in text) * size


def svg(picture: Picture, words: str = "") -> str:
    """The whole document; `words` (the plan, say) stand below the drawing."""
    sizes = {box.id: _size(box) for box in picture.boxes}
    links = [_link(arrow) for arrow in picture.arrows]
    layout = lay_out(sizes, links, _SPACING)
    width = max(layout.size.main, 520) + 2 * _MARGIN
    height = layout.size.cross + 2 * _MARGIN + _LEGEND
    below = height + 4
    for row in words.splitlines():
        width, height = max(width, width_of(row, 12) + 2 * _MARGIN), height + _LINE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{_FONT}">',
        f"<title>{escape(picture.name)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *_legend(picture),
        f'<g transform="translate({_MARGIN} {_MARGIN + _LEGEND})">',
        *_wires(layout),
        *(_box(box, layout.at[box.id], sizes[box.id]) for box in picture.boxes),
        *_labels(picture, layout),
        "</g>",
        *_rows(words, below),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _size(box: Box) -> Size:
    widest = max(
        width_of(box.id, 14) * 1.06, width_of(box.type_name, 11), *(width_of(line, 11) for line in box.lines), 90
    )
    height = 2 * _PAD + 18 + 15 + len(box.lines) * _LINE + (4 if box.lines else 0)
    height += 6 if box.kind == "dispatcher" else 0
    # Slanted and pointed sides take room.
    return Size(widest + 2 * _PAD + (24 if box.kind in ("collector", "router") else 6), height)


def _link(arrow: Arrow) -> Link:
    room = width_of(arrow.label, 10) + 14
    return Link(
        arrow.source,
        arrow.target,
        arrow.kind,
        lead=room if arrow.at_source else 0,
        tail=18 if arrow.at_source else room + 12,
    )


def _outline(kind: NodeKind, at: Point, size: Size) -> str:
    """The shape of a kind: pill, rectangle, hexagon, cylinder."""
    (x, y), (w, h) = at, size
    if kind == "collector":
        r = min(h / 2, 30)
        return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{r:.1f}"'
    if kind == "transformer":
        return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="3"'
    if kind == "router":
        points = (
            (x + 12, y),
            (x + w - 12, y),
            (x + w, y + h / 2),
            (x + w - 12, y + h),
            (x + 12, y + h),
            (x, y + h / 2),
        )
        return f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"'
    r = 7
    return (
        f'<path d="M{x:.1f} {y + r:.1f} a{w / 2:.1f} {r} 0 0 1 {w:.1f} 0 V{y + h - r:.1f} '
        f'a{w / 2:.1f} {r} 0 0 1 {-w:.1f} 0 Z"'
    )


def _lid(at: Point, size: Size, colour: str) -> str:
    """The rim that makes a cylinder of it."""
    path = f"M{at[0]:.1f} {at[1] + 7:.1f} a{size.main / 2:.1f} 7 0 0 0 {size.main:.1f} 0"
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1"/>'


def _box(box: Box, at: Point, size: Size) -> str:
    look = LOOKS[box.kind]
    x = at[0] + _PAD + (10 if box.kind in ("collector", "router") else 2)
    y = at[1] + _PAD + 13 + (5 if box.kind == "dispatcher" else 0)
    lid = [_lid(at, size, look.line)] if box.kind == "dispatcher" else []
    text = [
        f'{_outline(box.kind, at, size)} fill="{look.fill}" stroke="{look.line}" stroke-width="1.5"/>',
        *lid,
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="14" font-weight="bold" fill="{_INK}">{escape(box.id)}</text>',
        f'<text x="{x:.1f}" y="{y + 16:.1f}" font-size="11" fill="{look.line}">{escape(box.type_name)}</text>',
    ]
    for index, line in enumerate(box.lines):
        place = f'x="{x:.1f}" y="{y + 36 + index * _LINE:.1f}"'
        text.append(f'<text {place} font-size="11" fill="{_FAINT}" xml:space="preserve">{escape(line)}</text>')
    return "\n".join(text)


def _wires(layout: Layout) -> list[str]:
    """All lines, then all heads. A pale border under each line makes a bridge of every crossing."""
    ways: dict[tuple[str, str], list[Route]] = {}
    for route in layout.routes:
        ways.setdefault((route.link.source, route.link.kind), []).append(route)
    lines, heads = [], []
    for (_, kind), routes in ways.items():
        colour, dash = (_DEAD, ' stroke-dasharray="6 4"') if kind == "error" else (_WIRE, "")
        paths = [_path(route.points) for route in routes]
        lines += [f'<path d="{path}" fill="none" stroke="#ffffff" stroke-width="5"/>' for path in paths]
        lines += [f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>' for path in paths]
        ends = (route.points[-1] for route in routes)
        heads += [f'<path d="M{x:.1f} {y:.1f} l-9 -4.5 v9 Z" fill="{colour}"/>' for x, y in ends]
    return lines + heads


def _path(points: tuple[Point, ...]) -> str:
    """Right angles with rounded corners; the line ends inside its arrow head."""
    text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(
            6.0, *(abs(a - b) / 2 for one in (before, after) for a, b in zip(corner, one, strict=True) if a != b)
        )
        one, other = _toward(corner, before, radius), _toward(corner, after, radius)
        text += f" L{one[0]:.1f} {one[1]:.1f} Q{corner[0]:.1f} {corner[1]:.1f} {other[0]:.1f} {other[1]:.1f}"
    return f"{text} L{points[-1][0] - 5:.1f} {points[-1][1]:.1f}"


def _toward(corner: Point, other: Point, length: float) -> Point:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    far = abs(dx) + abs(dy) or 1.0
    return corner[0] + dx / far * length, corner[1] + dy / far * length


def _labels(picture: Picture, layout: Layout) -> list[str]:
    found: dict[tuple[float, float, str], str] = {}
    for arrow, route in zip(picture.arrows, layout.routes, strict=True):
        colour = _DEAD if arrow.kind == "error" else _FAINT
        if arrow.at_source:
            (x, y), anchor, dx = route.points[0], "start", 6.0
        else:
            (x, y), anchor, dx = route.points[-1], "end", -12.0
        found[x, y, arrow.label] = (
            f'<text x="{x + dx:.1f}" y="{y - 5:.1f}" font-size="10" text-anchor="{anchor}" fill="{colour}" '
            f'stroke="#ffffff" stroke-width="3" paint-order="stroke">{escape(arrow.label)}</text>'
        )
    return list(found.values())


def _rows(words: str, y: float) -> list[str]:
    """Text below the drawing, letters of one width."""
    style = f'font-size="11" font-family="DejaVu Sans Mono, monospace" fill="{_FAINT}" xml:space="preserve"'
    return [
        f'<text x="{_MARGIN}" y="{y + i * _LINE:.1f}" {style}>{escape(row)}</text>'
        for i, row in enumerate(words.splitlines())
        if row
    ]


def _legend(picture: Picture) -> list[str]:
    parts = [
        f'<text x="{_MARGIN}" y="30" font-size="16" font-weight="bold" fill="{_INK}">{escape(picture.name)}</text>'
    ]
    x = _MARGIN + max(width_of(picture.name, 16) * 1.1 + 28, 60)
    for kind in dict.fromkeys(box.kind for box in picture.boxes):
        look = LOOKS[kind]
        shape = _outline(kind, (x, 16), Size(30, 20))
        parts.append(f'{shape} fill="{look.fill}" stroke="{look.line}" stroke-width="1.3"/>')
        if kind == "dispatcher":
            parts.append(_lid((x, 16), Size(30, 20), look.line))
        parts.append(f'<text x="{x + 38}" y="30" font-size="11" fill="{_FAINT}">{kind}</text>')
        x += 38 + width_of(kind, 11) + 22
    if any(arrow.kind == "error" for arrow in picture.arrows):
        parts.append(f'<path d="M{x} 26 h30" stroke="{_DEAD}" stroke-width="1.6" stroke-dasharray="6 4"/>')
        parts.append(f'<text x="{x + 38}" y="30" font-size="11" fill="{_FAINT}">dead letters</text>')
    return parts
