"""Drawings as golden files, in every format; what they show, and what they never show."""

from __future__ import annotations

import os
import re
import struct
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.fakes import registry
from tests.graph.test_graphs import sound_graphs
from wlf.errors import SetupError
from wlf.graph.compile import compile_text
from wlf.graph.plan import Plan
from wlf.graph.render import FORMATS, format_of, render
from wlf.graph.render.terminal import cells

GOLDEN = Path(__file__).parents[1] / "golden" / "render"


def plan_of(name: str) -> Plan:
    path = GOLDEN / f"{name}.yaml"
    return compile_text(path.read_text(), path.name, registry(), {})


def text_of(name: str, *args: object, **options: object) -> str:
    drawing = render(plan_of(name), *args, **options)  # type: ignore[arg-type]
    assert isinstance(drawing, str)
    return drawing


CASES = [
    ("three.txt", "three", "text", {"width": 140}),
    ("eight.txt", "eight", "text", {"width": 140}),
    ("eight_in_80_columns.txt", "eight", "text", {"width": 80}),
    ("eight_coloured.txt", "eight", "text", {"width": 140, "colour": True}),
    ("eight_with_plan.txt", "eight", "text", {"width": 100, "show_plan": True}),
    ("forty.txt", "forty", "text", {"width": 200}),
    ("eight.svg", "eight", "svg", {"show_plan": True}),
    ("forty.svg", "forty", "svg", {}),
    ("eight.dot", "eight", "dot", {"show_plan": True}),
    ("eight.mmd", "eight", "mmd", {"show_plan": True}),
]


@pytest.mark.parametrize(("golden", "name", "format", "options"), CASES, ids=[case[0] for case in CASES])
def test_drawing(golden: str, name: str, format: str, options: dict[str, object]) -> None:
    got = text_of(name, format, **options)
    if os.environ.get("WLF_GOLDEN") == "write":
        (GOLDEN / golden).write_text(got)
    assert got == (GOLDEN / golden).read_text()


@pytest.mark.parametrize("format", ["text", "svg", "dot", "mmd"])
def test_secrets_are_masked(format: str) -> None:
    text = """
    collectors: [{id: r, type: Rows, destination: s, password: hunter2}]
    dispatchers: [{id: s, type: Sink, token: hunter2, url: "http://me:hunter2@host/x", headers: {api_key: 42424}}]
    """
    drawing = render(compile_text(text, registry=registry()), format, show_plan=True)
    assert isinstance(drawing, str)
    assert "***" in drawing
    assert "hunter2" not in drawing
    assert "42424" not in drawing


def test_the_terminal_drawing_keeps_to_the_width_where_it_can() -> None:
    for width in (60, 80, 100, 140, 250):
        drawing = text_of("eight", width=width).rsplit("\n\n", 1)[0]
        assert max(cells(line) for line in drawing.splitlines()) <= width


def test_a_wide_terminal_gets_the_drawing_from_left_to_right() -> None:
    first = text_of("eight", width=300).splitlines()
    row = next(line for line in first if "┃ redis" in line or "│ filter" in line)
    assert "binlog_collector" in text_of("eight", width=300)
    assert "▶" in text_of("eight", width=300)
    assert "▼" not in text_of("eight", width=300)
    assert row


def test_colour_changes_nothing_but_the_colour() -> None:
    coloured = text_of("eight", width=140, colour=True)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == text_of("eight", width=140)


def test_kinds_differ_in_shape_and_in_colour() -> None:
    from wlf.graph.render.svg import LOOKS
    from wlf.graph.render.terminal import _BORDERS

    assert len({look.line for look in LOOKS.values()}) == len(LOOKS)
    assert len(set(_BORDERS.values())) == len(LOOKS)
    root = ElementTree.fromstring(text_of("eight", "svg"))
    shapes = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert {"rect", "polygon", "path"} <= shapes


def test_dead_letter_edges_are_dashed() -> None:
    assert "stroke-dasharray" in text_of("eight", "svg")
    assert "stroke-dasharray" not in text_of("three", "svg")
    assert "style=dashed" in text_of("eight", "dot")
    assert "-.->" in text_of("eight", "mmd")
    assert "┆" in text_of("eight", width=140)


def test_names_in_any_script_are_drawn_in_line() -> None:
    text = """
    collectors: [{id: "表<&>", type: Rows, destination: "a\\"b"}]
    dispatchers: [{id: "a\\"b", type: Sink, url: "<x> | {y}"}]
    """
    plan = compile_text(text, registry=registry())
    drawing = render(plan, width=140)
    assert isinstance(drawing, str)
    boxes = [line for line in drawing.splitlines() if line.startswith(("│", "╭", "╰"))][:4]
    ends = {max(cells(line[: line.rindex(c)]) for c in "│╮╯" if c in line) for line in boxes}
    assert len(ends) == 1
    svg = render(plan, "svg")
    assert isinstance(svg, str)
    assert "表<&>" in [element.text for element in ElementTree.fromstring(svg).iter()]
    dot = render(plan, "dot")
    assert isinstance(dot, str)
    assert r'"表<&>" -> "a\"b"' in dot


@settings(max_examples=40, deadline=None)
@given(sound_graphs(), st.sampled_from([40, 100, 200]))
def test_every_sound_graph_can_be_drawn(config: dict[str, Any], width: int) -> None:
    plan = compile_text(msgspec.json.encode(config).decode(), registry=registry(), env={})
    drawing = render(plan, width=width, show_plan=True)
    assert isinstance(drawing, str)
    picture = drawing.partition("pipeline pipeline")[0]
    targets = {edge.target for edge in plan.edges}
    # Arrows into one node share their head; a head may stand on each side where lines come in at different heights.
    assert picture.count("▶") + picture.count("▼") >= len(targets)
    svg = render(plan, "svg")
    assert isinstance(svg, str)
    texts = [element.text for element in ElementTree.fromstring(svg).iter()]
    for node in plan.nodes:
        assert f" {node.id} " in picture
        assert node.id in texts


def test_options_cannot_steer_the_terminal() -> None:
    text = """
    collectors: [{id: r, type: Rows, destination: s, host: "x\\e[2J\\nz"}]
    dispatchers: [{id: s, type: Sink}]
    """
    drawing = render(compile_text(text, registry=registry()), width=100)
    assert isinstance(drawing, str)
    assert "host: x?[2J?z" in drawing


def test_png_has_two_pixels_a_unit() -> None:
    pytest.importorskip("resvg_py", reason="the extra wlf[png] is not installed")
    try:
        drawing = render(plan_of("eight"), "png")
    except SetupError as error:
        pytest.skip(str(error))
    assert isinstance(drawing, bytes)
    width = float(ElementTree.fromstring(text_of("eight", "svg")).attrib["width"])
    assert drawing[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", drawing[16:20]) == (int(width * 2),)


def test_png_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(SetupError, match=r'PNG needs the library resvg_py\n  hint: pip install "wlf\[png\]"'):
        render(plan_of("three"), "png")


def test_the_format_follows_the_name() -> None:
    assert [format_of(f"out.{ending}") for ending in ("svg", "PNG", "dot", "gv", "mmd", "txt")] == [
        "svg", "png", "dot", "dot", "mmd", "text",
    ]  # fmt: skip
    assert set(FORMATS) == {"text", "svg", "png", "dot", "mmd"}
    with pytest.raises(SetupError, match=r"expected a name that ends in \.svg"):
        format_of("out.pdf")
