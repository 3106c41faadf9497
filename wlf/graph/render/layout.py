"""Layered drawing of a directed acyclic graph: layers, order within them, coordinates, right-angled routes.

The classic steps of Sugiyama, Tagawa and Toda (1981), in abstract units, so that characters and pixels share them.
`main` is the axis along which events flow, `cross` the other one. Long edges run through lanes that their source's
edges share, and a source's edges into the next layer share one trunk: a fan-out of ten is one comb, not ten lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

Point: TypeAlias = tuple[float, float]
Way: TypeAlias = tuple[str, str]
"""(source, kind): the edges of one kind out of one node."""

_SWEEPS = 12


class Size(NamedTuple):
    """The extent of a box."""

    main: float
    cross: float


class Link(NamedTuple):
    """An edge to draw. `lead` and `tail` are the lengths its labels need at its source and at its target."""

    source: str
    target: str
    kind: str = "event"
    lead: float = 0
    tail: float = 0


class Spacing(NamedTuple):
    """Distances: between boxes of a layer, between layers, between trunks, and the width of a lane."""

    cross_gap: float
    main_gap: float
    channel: float
    lane: float
    near: float
    """A line that misses a box's middle by no more than this goes straight on."""
    whole: bool = False
    """Put everything on whole numbers (characters)."""


class Route(NamedTuple):
    """A link's corners, from its source's border to its target's."""

    link: Link
    points: tuple[Point, ...]


class Layout(NamedTuple):
    """Where everything goes; `at` is the corner of each box with the smallest coordinates."""

    at: dict[str, Point]
    routes: tuple[Route, ...]
    size: Size


class _Spot:
    """A box, or a lane that passes through a layer."""

    __slots__ = ("after", "before", "box", "cross", "layer", "size")

    def __init__(self, layer: int, size: Size, box: str | None) -> None:
        self.layer = layer
        self.size = size
        self.box = box
        self.cross = 0.0
        self.before: list[_Spot] = []
        self.after: list[_Spot] = []

    @property
    def middle(self) -> float:
        return self.cross + self.size.cross / 2


def layers_of(ids: Sequence[str], links: Iterable[Link]) -> dict[str, int]:
    """The layer of each node: one behind its farthest predecessor; sources move up to their nearest successor."""
    links = list(links)
    layer = dict.fromkeys(ids, 0)
    for _ in ids:
        moved = False
        for link in links:
            if layer[link.target] <= layer[link.source]:
                layer[link.target] = layer[link.source] + 1
                moved = True
        if not moved:
            break
    targets = {link.target for link in links}
    for id in ids:
        below = [layer[link.target] for link in links if link.source == id]
        if id not in targets and below:
            layer[id] = min(below) - 1
    return layer


def lay_out(sizes: Mapping[str, Size], links: Sequence[Link], spacing: Spacing) -> Layout:
    """Place all boxes and route all links. `links` must be free of cycles."""
    return _Drawing(sizes, links, spacing).layout()


_Trunk: TypeAlias = tuple[_Spot, str]


class _Drawing:
    def __init__(self, sizes: Mapping[str, Size], links: Sequence[Link], spacing: Spacing) -> None:
        self.sizes = sizes
        self.links = links
        self.spacing = spacing
        self.layer = layers_of(list(sizes), links)
        self.spots = {id: _Spot(self.layer[id], size, id) for id, size in sizes.items()}
        self.rows: list[list[_Spot]] = [[] for _ in range(max(self.layer.values(), default=0) + 1)]
        for spot in self.spots.values():
            self.rows[spot.layer].append(spot)
        self.lanes: dict[tuple[Way, int], _Spot] = {}
        self.hops: dict[int, dict[_Trunk, list[_Spot]]] = {i: {} for i in range(len(self.rows))}
        self.trunks: dict[tuple[int, int, str], float] = {}
        self.chains = {link: self._chain(link) for link in dict.fromkeys(links)}

    def _chain(self, link: Link) -> list[_Spot]:
        """The spots a link passes through, source and target included; registers its hops."""
        chain = [self.spots[link.source]]
        way = (link.source, link.kind)
        for layer in range(self.layer[link.source] + 1, self.layer[link.target]):
            lane = self.lanes.get((way, layer))
            if lane is None:
                lane = self.lanes[way, layer] = _Spot(layer, Size(0, self.spacing.lane), None)
                self.rows[layer].append(lane)
            chain.append(lane)
        chain.append(self.spots[link.target])
        for one, other in pairwise(chain):
            targets = self.hops[one.layer].setdefault((one, link.kind), [])
            if other not in targets:
                targets.append(other)
                one.after.append(other)
                other.before.append(one)
        return chain

    def layout(self) -> Layout:
        self._order()
        self._place()
        starts = self._columns()
        at = {id: (starts[spot.layer], spot.cross) for id, spot in self.spots.items()}
        routes = tuple(Route(link, self._route(link, starts)) for link in self.links)
        main = starts[-1] + max((s.size.main for s in self.rows[-1]), default=0)
        cross = max((s.cross + s.size.cross for row in self.rows for s in row), default=0)
        return Layout(at, routes, Size(main, cross))

    # Order within the layers: barycentres, keeping the best of all sweeps.

    def _order(self) -> None:
        best, fewest = [list(row) for row in self.rows], self._crossings()
        for sweep in range(_SWEEPS):
            rows = self.rows[1:] if sweep % 2 == 0 else self.rows[-2::-1]
            for row in rows:
                rank = {id(s): i for r in self.rows for i, s in enumerate(r)}
                key = {id(s): _mean([rank[id(o)] for o in _beside(s, sweep)], rank[id(s)]) for s in row}
                row.sort(key=lambda s: key[id(s)])
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self.rows], crossings
        self.rows = best

    def _crossings(self) -> int:
        count = 0
        for row, after in zip(self.rows, self.rows[1:], strict=False):
            rank = {id(s): i for i, s in enumerate(after)}
            ends = [sorted(rank[id(t)] for t in s.after) for s in row]
            count += sum(
                a > b for i, one in enumerate(ends) for other in ends[i + 1 :] for a in one for b in other
            )  # fmt: skip
        return count

    # Coordinates across: every spot wants to be level with its neighbours; the order is kept.

    def _place(self) -> None:
        for row in self.rows:
            self._settle(row, [0.0] * len(row))
        for sweep in range(_SWEEPS):
            for row in self.rows[1:] if sweep % 2 == 0 else self.rows[-2::-1]:
                wanted = [
                    _mean([o.middle for o in _beside(s, sweep)], s.middle) - s.size.cross / 2 for s in row
                ]  # fmt: skip
                self._settle(row, wanted)
        lowest = min((s.cross for row in self.rows for s in row), default=0.0)
        for row in self.rows:
            for spot in row:
                spot.cross -= lowest
            if self.spacing.whole:
                self._snap(row)

    def _snap(self, row: list[_Spot]) -> None:
        free = 0.0
        for spot in row:
            spot.cross = max(free, float(round(spot.cross)))
            free = spot.cross + spot.size.cross + self.spacing.cross_gap

    def _settle(self, row: list[_Spot], wanted: list[float]) -> None:
        """The places nearest to `wanted` that keep the order and the gaps: least squares, pooling what collides."""
        offsets: list[float] = []
        free = 0.0
        for spot in row:
            offsets.append(free)
            free += spot.size.cross + self.spacing.cross_gap
        pools: list[tuple[float, int]] = []
        for want, offset in zip(wanted, offsets, strict=True):
            total, count = want - offset, 1
            while pools and pools[-1][0] / pools[-1][1] > total / count:
                other, more = pools.pop()
                total, count = total + other, count + more
            pools.append((total, count))
        levels = [total / count for total, count in pools for _ in range(count)]
        for spot, level, offset in zip(row, levels, offsets, strict=True):
            spot.cross = level + offset

    # Coordinates along: layers as wide as their widest box, gaps as wide as their labels and trunks need.

    def _columns(self) -> list[float]:
        starts: list[float] = []
        here = 0.0
        leads = self._label_room()
        for index, row in enumerate(self.rows):
            starts.append(here)
            here += max((s.size.main for s in row), default=0)
            lead, tail = leads[index]
            channels = self._channels(index)
            for (spot, kind), channel in channels.items():
                self.trunks[index, id(spot), kind] = here + lead + (channel + 1) * self.spacing.channel
            used = max(channels.values(), default=-1) + 1
            here += max(self.spacing.main_gap, lead + tail + (used + 1) * self.spacing.channel)
        return starts

    def _label_room(self) -> list[tuple[float, float]]:
        room = [(0.0, 0.0)] * len(self.rows)
        for link in self.links:
            first, last = self.layer[link.source], self.layer[link.target] - 1
            room[first] = (max(room[first][0], link.lead), room[first][1])
            room[last] = (room[last][0], max(room[last][1], link.tail))
        return room

    def _channels(self, layer: int) -> dict[_Trunk, int]:
        """Which trunk runs in which channel, counted from the source's side; straight hops have none."""
        trunks: dict[_Trunk, tuple[float, list[float]]] = {}
        for way, targets in self.hops[layer].items():
            height = self._exit(*way)
            entries = [self._enter(target, height) for target in targets]
            if any(abs(entry - height) > 1e-6 for entry in entries):
                trunks[way] = (height, entries)
        waiting = sorted(trunks, key=lambda way: (way[1] != "event", -_reach(*trunks[way])))
        placed: dict[_Trunk, int] = {}
        while waiting:
            # An exit must turn off before another trunk's branch comes in at its height.
            chosen = next((w for w in waiting if not _blocked(w, waiting, trunks)), waiting[0])
            waiting.remove(chosen)
            after = max(
                (c for o, c in placed.items() if _overlap(trunks[chosen], trunks[o], self.spacing.lane)), default=-1
            )
            placed[chosen] = after + 1
        return placed

    def _exit(self, spot: _Spot, kind: str) -> float:
        """Where lines leave: in the middle, dead letters a little further on where events leave as well."""
        both = {k for (s, k) in self.hops[spot.layer] if s is spot}
        if spot.box is None or kind == "event" or len(both) < 2:
            middle = spot.middle
        else:
            middle = spot.cross + spot.size.cross * 0.8
        return float(int(middle)) if self.spacing.whole else middle

    def _enter(self, spot: _Spot, height: float) -> float:
        """Where a line at `height` arrives: in the middle, or straight ahead where that is near enough to it."""
        middle = float(int(spot.middle)) if self.spacing.whole else spot.middle
        near = spot.box is not None and abs(middle - height) <= min(spot.size.cross / 4, self.spacing.near)
        return height if near else middle

    def _route(self, link: Link, starts: Sequence[float]) -> tuple[Point, ...]:
        chain = self.chains[link]
        here = self._exit(chain[0], link.kind)
        points: list[Point] = [(starts[chain[0].layer] + chain[0].size.main, here)]
        for one, other in pairwise(chain):
            there = self._enter(other, here)
            trunk = self.trunks.get((one.layer, id(one), link.kind))
            if abs(there - here) > 1e-6:
                assert trunk is not None
                points += [(trunk, here), (trunk, there)]
                here = there  # else it goes straight on: sums of fractions differ in the last digit
        return (*points, (starts[chain[-1].layer], here))


def _beside(spot: _Spot, sweep: int) -> list[_Spot]:
    return spot.before if sweep % 2 == 0 else spot.after


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _reach(exit: float, targets: Sequence[float]) -> float:
    return max((*targets, exit)) - min((*targets, exit))


def _enters(trunk: tuple[float, list[float]], height: float) -> bool:
    return any(abs(target - height) < 1e-6 for target in trunk[1])


def _blocked(way: _Trunk, waiting: Sequence[_Trunk], trunks: Mapping[_Trunk, tuple[float, list[float]]]) -> bool:
    """Would a branch of `way` come in at the height of an exit that has not turned off yet?"""
    return any(other != way and _enters(trunks[way], trunks[other][0]) for other in waiting)


def _overlap(one: tuple[float, list[float]], other: tuple[float, list[float]], room: float) -> bool:
    return (
        min(one[0], *one[1]) < max(other[0], *other[1]) + room
        and min(other[0], *other[1]) < max(one[0], *one[1]) + room
    )
