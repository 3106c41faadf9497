"""A character of a scalar is found in the file, however the scalar is written."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wlf.graph.config import parse
from wlf.graph.spots import marked


@settings(deadline=None, max_examples=300)
@given(
    st.text(alphabet="abc ='\"\\:#[]{}(),.\n%-é", min_size=1, max_size=60),
    st.sampled_from([None, "'", '"', "|", ">"]),
    st.integers(20, 90),
)
def test_each_character_is_found_in_the_line_and_column_where_it_stands(text: str, style: str, width: int) -> None:
    document = yaml.dump({"x": {"where": text}}, default_style=style, width=width, allow_unicode=True)
    item = parse(document).root.at("x.where")
    lines = document.split("\n")
    assert item.text == text
    previous = (0, 0)
    for index, sign in enumerate(text):
        if sign.isspace():
            continue
        place = item.spot(index)
        found = lines[place.line - 1][place.column - 1]
        assert found == sign or found == "\\", (document, index, place)
        assert (place.line, place.column) >= previous
        previous = place


@pytest.mark.parametrize(
    ("yaml_text", "index", "place"),
    [
        ("where: a == b", 5, (1, 13)),
        ("where: 'it''s b'", 5, (1, 15)),
        ('where: "a\\"b c"', 4, (1, 14)),
        ('where: "\\x41b"', 1, (1, 13)),
        ("where: |\n  a and\n  b", 6, (3, 3)),
        ("where: >-\n  a and\n  b", 6, (3, 3)),
        ("where: a and\n  b", 6, (2, 3)),
        ("where: &anchor a == b", 5, (1, 21)),
        ("where: !!str a == b", 5, (1, 19)),
    ],
)
def test_a_place_in_every_style(yaml_text: str, index: int, place: tuple[int, int]) -> None:
    assert parse(yaml_text).root.at("where").spot(index) == place


def test_what_was_substituted_has_the_place_of_its_scalar() -> None:
    item = parse("where: a == ${X}", env={"X": "y"}).root.at("where")
    assert item.spot(5) == (1, 8)


def test_a_long_line_is_cut_around_the_mark() -> None:
    line, caret = marked("x" * 300 + "!" + "y" * 300, 300).split("\n")
    assert line[len(caret) - 1] == "!"
    assert len(line) <= 100
