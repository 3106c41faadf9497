"""What a layered drawing promises: boxes apart, routes between them, events flowing one way."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from wlf.graph.render.layout import Layout, Link, Size, Spacing, lay_out

PIXELS = Spacing(cross_gap=20, main_gap=40, channel=10, lane=8, near=8)
CELLS = Spacing(cross_gap=1, main_gap=6, channel=2, lane=1, near=4, whole=True)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Size], list[Link]]:
    count = draw(st.integers(1, 10))
    sizes = {
        f"n{i}": Size(draw(st.integers(3, 30)), draw(st.integers(3, 9))) for i in draw(st.permutations(range(count)))
    }
    links = []
    for i in range(count):
        for j in draw(st.lists(st.integers(i + 1, count), max_size=3, unique=True)):
            if j < count:
                kind = draw(st.sampled_from(["event", "error"]))
                links.append(Link(f"n{i}", f"n{j}", kind, draw(st.integers(0, 12)), 2))
    return sizes, links


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sampled_from([PIXELS, CELLS]))
def test_boxes_keep_apart_and_routes_run_between_them(
    graph: tuple[dict[str, Size], list[Link]], spacing: Spacing
) -> None:
    sizes, links = graph
    layout = lay_out(sizes, links, spacing)
    for one, other in combinations(sizes, 2):
        assert apart(layout, sizes, one, other, spacing.cross_gap), (one, other)
    for route in layout.routes:
        check_ends(layout, sizes, route.link, route.points)
        for start, stop in pairwise(route.points):
            assert start[0] == stop[0] or start[1] == stop[1], "right angles only"
            assert stop[0] >= start[0], "never back"
            for id in sizes:
                assert not cuts(layout, sizes, id, start, stop), (route, id)
    if spacing.whole:
        assert all(v == int(v) for point in layout.at.values() for v in point)


def apart(layout: Layout, sizes: dict[str, Size], one: str, other: str, gap: float) -> bool:
    (a, b), (c, d) = layout.at[one], layout.at[other]
    beside = a + sizes[one].main <= c or c + sizes[other].main <= a
    return beside or b + sizes[one].cross + gap <= d + 1e-6 or d + sizes[other].cross + gap <= b + 1e-6


def check_ends(layout: Layout, sizes: dict[str, Size], link: Link, points: tuple[tuple[float, float], ...]) -> None:
    (x, y), (to_x, to_y) = points[0], points[-1]
    at, to = layout.at[link.source], layout.at[link.target]
    assert x == at[0] + sizes[link.source].main
    assert at[1] <= y <= at[1] + sizes[link.source].cross
    assert to_x == to[0]
    assert to[1] <= to_y <= to[1] + sizes[link.target].cross


def cuts(
    layout: Layout, sizes: dict[str, Size], id: str, start: tuple[float, float], stop: tuple[float, float]
) -> bool:
    """Does a piece of a route pass through the inside of a box?"""
    (x, y), size = layout.at[id], sizes[id]
    low, high = sorted((start[1], stop[1]))
    return start[0] < x + size.main and stop[0] > x and low < y + size.cross and high > y


def test_a_chain_is_a_straight_line() -> None:
    sizes = {"a": Size(10, 5), "b": Size(10, 9), "c": Size(10, 3)}
    layout = lay_out(sizes, [Link("a", "b"), Link("b", "c")], CELLS)
    assert all(len(route.points) == 2 for route in layout.routes)


def test_a_fan_out_shares_one_trunk() -> None:
    sizes = {"a": Size(10, 5), **{f"t{i}": Size(10, 5) for i in range(6)}}
    layout = lay_out(sizes, [Link("a", f"t{i}") for i in range(6)], CELLS)
    assert len({route.points[1][0] for route in layout.routes if len(route.points) > 2}) == 1


def test_order_within_a_layer_avoids_crossings() -> None:
    sizes = {id: Size(10, 5) for id in ("a", "b", "c", "x", "y", "z")}
    layout = lay_out(sizes, [Link("a", "z"), Link("b", "y"), Link("c", "x")], CELLS)
    rows = [layout.at[id][1] for id in ("a", "b", "c")]
    assert rows == [layout.at[id][1] for id in ("z", "y", "x")]


def test_a_source_stands_next_to_what_it_feeds() -> None:
    sizes = {id: Size(10, 5) for id in ("a", "b", "c", "late")}
    layout = lay_out(sizes, [Link("a", "b"), Link("b", "c"), Link("late", "c")], CELLS)
    assert layout.at["late"][0] == layout.at["b"][0]
