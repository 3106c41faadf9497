"""Values as Java's toString() writes them; the expected texts are those of the JDK's own documentation and rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from wlf.events.java_text import java_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (-7, "-7"),
        (18446744073709551615, "18446744073709551615"),
        (Decimal("1.50"), "1.50"),
        (Decimal("0.0000000"), "0E-7"),  # BigDecimal: scale 7, adjusted exponent below -6
        (Decimal("0.000001"), "0.000001"),
        (1.1, "1.1"),
        (100.0, "100.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-1.25e-10, "-1.25E-10"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (float("inf"), "Infinity"),
        (b"\x00\xff", "AP8="),
        (("a", "b"), "[a, b]"),
        ((), "[]"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (True, "true"),
        (None, None),
        (UNSET, None),
    ],
)
def test_a_value_reads_as_in_java(value: Any, text: str | None) -> None:
    assert java_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back(value: float) -> None:
    text = java_text(value)
    assert text is not None
    assert float(text) == value
