"""A column's value as Java's `toString()` writes it: what Maxwell compares and hashes where it needs one text."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from typing import Any

import msgspec

from wlf.events.plain import plain_number

_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7

_json = msgspec.json.Encoder(decimal_format="number", enc_hook=plain_number).encode


def java_text(value: Any) -> str | None:
    """The text of one value; None for NULL and for a column that is not in the row image.

    DECIMAL is as java.math.BigDecimal has it, FLOAT and DOUBLE as java.lang.Double.toString does, SET as a
    java.util.List (`[a, b]`), bytes in base64 and JSON as compact JSON.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return str(value)
    if isinstance(value, Decimal):  # Python's own text follows the rules of BigDecimal.toString()
        return Decimal.__str__(value)
    if value is None or value is msgspec.UNSET:
        return None
    if kind is bytes:
        return b64encode(value).decode()
    if kind is float:
        return _float_text(value)
    if kind is tuple:
        return f"[{', '.join(map(str, value))}]"
    return _json(value).decode()


def _float_text(value: float) -> str:
    """The shortest digits that read back as the value, in Java's notation: 1.0E10 from ten million on."""
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    if not isinstance(exponent, int):
        return "NaN" if exponent == "n" else f"{'-' if sign else ''}Infinity"
    kept = "".join(map(str, digits)).rstrip("0") or "0"
    power = exponent + len(digits) - 1
    return f"{'-' if sign else ''}{kept[0]}.{kept[1:] or '0'}E{power}"
