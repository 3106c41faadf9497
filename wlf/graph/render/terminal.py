"""A picture in characters: left to right where it fits the terminal, else top to bottom, else without options."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from wlf.graph.plan import NodeKind
from wlf.graph.render.layout import Layout, Link, Route, Size, Spacing, lay_out
from wlf.graph.render.picture import Arrow, Box, Picture

_BORDERS: dict[NodeKind, str] = {
    "collector": "╭─╮│╰╯",
    "transformer": "┌─┐│└┘",
    "router": "╔═╗║╚╝",
    "dispatcher": "┏━┓┃┗┛",
}
_COLOURS: dict[NodeKind, str] = {"collector": "32", "transformer": "34", "router": "35", "dispatcher": "33"}
_WIRE, _DEAD, _BOLD, _FAINT = "90", "31", "1", "2"
_UP, _DOWN, _RIGHT, _LEFT = 1, 2, 4, 8
_JOINTS = dict(enumerate(" │││─╰╭├─╯╮┤─┴┬┼"))
"""Sign by mask: which of the four sides a cell is joined to."""
_DASHES = {"│": "┆", "─": "┄"}


def cells(text: str) -> int:
    """How many columns a text takes; East Asian signs take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def terminal(picture: Picture, *, width: int = 100, colour: bool = False) -> str:
    """The drawing, at most `width` columns wide where that can be done."""
    bare = picture._replace(boxes=tuple(box._replace(lines=()) for box in picture.boxes))
    pictures = (picture, _wrapped(picture, 34), _wrapped(picture, 24), bare)
    drawings = (_Drawing(p, across) for p in pictures for across in (True, False))
    narrowest: _Drawing | None = None
    for drawing in drawings:
        if narrowest is None or drawing.width < narrowest.width:
            narrowest = drawing
        if drawing.width <= width:
            break
    assert narrowest is not None
    return narrowest.text(colour) + _legend(picture, colour)


def _wrapped(picture: Picture, width: int) -> Picture:
    """The same with options broken into lines of `width` columns."""
    return picture._replace(
        boxes=tuple(
            box._replace(lines=tuple(part for line in box.lines for part in _pieces(line, width)))
            for box in picture.boxes
        )
    )


def _pieces(line: str, width: int) -> list[str]:
    """Breaks behind a blank or a mark where there is one in reach."""
    pieces = []
    while cells(line) > width:
        blank = max((i + 1 for i, c in enumerate(line[: width - 1]) if c in " ," and i > 2), default=0)
        mark = max((i + 1 for i, c in enumerate(line[: width - 1]) if c in ".-:=" and i > width // 2), default=width)
        # An address stays whole where it fits the next line.
        cut = blank if blank > width // 2 or (blank and cells(line[blank:]) + 2 <= width) else mark
        pieces.append(line[:cut].rstrip())
        line = "  " + line[cut:]
    return [*pieces, line]


def _legend(picture: Picture, colour: bool) -> str:
    kinds = dict.fromkeys(box.kind for box in picture.boxes)
    parts = [_paint(_BORDERS[k][0] + _BORDERS[k][1] + _BORDERS[k][2], _COLOURS[k], colour) + f" {k}" for k in kinds]
    if any(arrow.kind == "error" for arrow in picture.arrows):
        parts.append(_paint("┄┄▶", _DEAD, colour) + " dead letters")
    return f"\n{'   '.join(parts)}\n"


def _paint(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colour and style else text


class _Drawing:
    """One attempt: a picture in one direction, painted into cells."""

    def __init__(self, picture: Picture, across: bool) -> None:
        self.across = across
        self.grid: dict[tuple[int, int], tuple[str, str]] = {}
        sizes = {box.id: self._size(box, picture) for box in picture.boxes}
        layout = lay_out(sizes, [self._link(arrow) for arrow in picture.arrows], self._spacing())
        self._wires(layout)
        for box in picture.boxes:
            main, cross = (int(v) for v in layout.at[box.id])
            size = sizes[box.id] if across else Size(sizes[box.id].cross, sizes[box.id].main)
            self._box(box, *((main, cross) if across else (cross, main)), int(size.main), int(size.cross))
        self._labels(picture, layout)
        self.width = max((x for x, _ in self.grid), default=0) + 1
        self.height = max((y for _, y in self.grid), default=0) + 1

    def _spacing(self) -> Spacing:
        if self.across:
            return Spacing(cross_gap=1, main_gap=6, channel=2, lane=1, near=4, whole=True)
        return Spacing(cross_gap=2, main_gap=3, channel=1, lane=1, near=4, whole=True)

    def _size(self, box: Box, picture: Picture) -> Size:
        wide = max(map(cells, (box.id, box.type_name, *box.lines))) + 4
        high = 4 + len(box.lines)
        if self.across:
            return Size(wide, high)
        labels = [a.label for a in picture.arrows if box.id == (a.source if a.at_source else a.target)]
        return Size(high, max(wide, *(cells(label) for label in labels), 0) if labels else wide)

    def _link(self, arrow: Arrow) -> Link:
        room = cells(arrow.label) + 3 if self.across else 1
        tail = 2 if self.across else 1
        return Link(
            arrow.source,
            arrow.target,
            arrow.kind,
            lead=room if arrow.at_source else 0,
            tail=tail if arrow.at_source else tail + room,
        )

    def _box(self, box: Box, x: int, y: int, w: int, h: int) -> None:
        style = _COLOURS[box.kind]
        left_top, flat, right_top, side, left_low, right_low = list(_BORDERS[box.kind])
        self._write(x, y, left_top + flat * (w - 2) + right_top, style)
        self._write(x, y + h - 1, left_low + flat * (w - 2) + right_low, style)
        for row in range(y + 1, y + h - 1):
            self._write(x, row, side + " " * (w - 2) + side, style)
        self._write(x + 2, y + 1, box.id, _BOLD)
        self._write(x + 2, y + 2, box.type_name, style)
        for index, line in enumerate(box.lines):
            self._write(x + 2, y + 3 + index, line, "")

    def _write(self, x: int, y: int, text: str, style: str) -> None:
        for sign in text:
            self.grid[x, y] = (sign, style)
            if cells(sign) == 2:
                self.grid[x + 1, y] = ("", style)
            x += cells(sign)

    def _wires(self, layout: Layout) -> None:
        masks: dict[tuple[int, int], dict[tuple[str, str], int]] = {}
        heads: dict[tuple[int, int], str] = {}
        for route in layout.routes:
            way = (route.link.source, route.link.kind)
            trail = list(self._trail(route))
            for one, other in pairwise(trail):
                there, back = _directions(one, other)
                masks.setdefault(one, {}).setdefault(way, 0)
                masks.setdefault(other, {}).setdefault(way, 0)
                masks[one][way] |= there
                masks[other][way] |= back
            masks.setdefault(trail[0], {}).setdefault(way, 0)
            masks[trail[0]][way] |= _LEFT if self.across else _UP
            heads[trail[-1]] = _DEAD if route.link.kind == "error" else _WIRE
        for place, ways in masks.items():
            self.grid[place] = _joint(ways)
        for place, style in heads.items():
            self.grid[place] = ("▶" if self.across else "▼", style)

    def _trail(self, route: Route) -> Iterator[tuple[int, int]]:
        """Every cell of a route; the last one, in front of the box, is the arrow's head."""
        points = [(int(a), int(b)) for a, b in route.points]
        points[-1] = (points[-1][0] - 1, points[-1][1])
        here = points[0]
        yield here if self.across else here[::-1]
        for point in points[1:]:
            while here != point:
                here = (here[0] + _sign(point[0] - here[0]), here[1] + _sign(point[1] - here[1]))
                yield here if self.across else here[::-1]

    def _labels(self, picture: Picture, layout: Layout) -> None:
        for arrow, route in zip(picture.arrows, layout.routes, strict=True):
            style = _DEAD if arrow.kind == "error" else _FAINT
            main, cross = (int(v) for v in (route.points[0] if arrow.at_source else route.points[-1]))
            text = f" {arrow.label} "
            if self.across:
                self._write(main + 1 if arrow.at_source else main - 3 - cells(arrow.label), cross, text, style)
            else:
                row = main + 1 if arrow.at_source else main - 2
                self._write(max(0, cross - cells(arrow.label) // 2), row, arrow.label, style)

    def text(self, colour: bool) -> str:
        """The rows, without blanks at their ends."""
        rows = []
        for y in range(self.height):
            last = max((x for x in range(self.width) if self.grid.get((x, y), (" ", ""))[0] != " "), default=-1)
            rows.append("".join(self._runs(y, last, colour)))
        return "\n".join(rows) + "\n"

    def _runs(self, y: int, last: int, colour: bool) -> Iterator[str]:
        """Neighbours of one style are painted together."""
        run, style = "", ""
        for x in range(last + 1):
            sign, own = self.grid.get((x, y), (" ", ""))
            if own != style:
                yield _paint(run, style, colour)
                run, style = "", own
            run += sign
        yield _paint(run, style, colour)


def _joint(ways: dict[tuple[str, str], int]) -> tuple[str, str]:
    """The sign of a cell. Lines that only cross are not joined: the upright one passes in front."""
    masks = sorted(ways.values())
    if len(masks) == 2 and masks == [_UP | _DOWN, _LEFT | _RIGHT]:
        shown = _UP | _DOWN
        ways = {way: mask for way, mask in ways.items() if mask == shown}
    else:
        shown = 0
        for mask in masks:
            shown |= mask
    dead = all(kind == "error" for _, kind in ways)
    sign = _JOINTS[shown]
    return (_DASHES.get(sign, sign), _DEAD) if dead else (sign, _WIRE)


def _directions(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    dx, dy = other[0] - one[0], other[1] - one[1]
    if dx:
        return (_RIGHT, _LEFT) if dx > 0 else (_LEFT, _RIGHT)
    return (_DOWN, _UP) if dy > 0 else (_UP, _DOWN)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
