"""The page about expressions is true: its examples give what stands beside them, and no function is without one."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import UNSET

from tests.components.rows import row
from wlf.events import RowDelete, RowInsert, RowUpdate
from wlf.events.codec import encode_json
from wlf.events.expressions.check import check
from wlf.events.expressions.codegen import evaluating
from wlf.events.expressions.functions import FUNCTIONS
from wlf.events.expressions.reader import read
from wlf.events.expressions.values import text_of

PAGE = (Path(__file__).parents[2] / "docs" / "transformers.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"^\| `(.*)` \| `(.*)` \|$", PAGE.partition("### Examples")[2].partition("\n## ")[0], re.MULTILINE
)
KINDS = frozenset((RowInsert, RowUpdate, RowDelete))
DATA = {
    "id": 7,
    "item": "Tea pot",
    "price": Decimal("12.50"),
    "amount": 3,
    "note": None,
    "paid": 1,
    "tags": ("new", "gift"),
    "address": {"city": "Accra", "zip": ["GA", "184"]},
}
EVENT = RowUpdate(
    "shop",
    "orders",
    "update",
    1767260760,
    data=row("shop", "orders", DATA),
    old=row("shop", "orders", {**dict.fromkeys(DATA, UNSET), "amount": 2}),
)


def test_the_examples_are_about_the_row_that_is_shown() -> None:
    assert encode_json([EVENT])[0].decode() in PAGE
    assert len(EXAMPLES) > 50


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES)
def test_an_example_gives_what_stands_beside_it(expression: str, expected: str) -> None:
    tree = read(expression)
    (value,) = evaluating(tree, KINDS)([EVENT])
    assert json.dumps(value) == expected if isinstance(value, str) else (text_of(value) or "null") == expected


def test_every_function_has_an_example() -> None:
    used = {name for expression, _ in EXAMPLES for name in re.findall(r"\b([a-z_0-9]+)\(", expression)}
    assert used == set(FUNCTIONS)


def test_every_example_passes_the_check() -> None:
    assert not [expression for expression, _ in EXAMPLES if check(read(expression), KINDS)]
