"""Values as BSON has them: exact numbers stay exact, times stay the text that the database shows."""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from bson.decimal128 import Decimal128, create_decimal128_context
from msgspec import UNSET

_EXACT = create_decimal128_context()
_EXACT.traps[decimal.Inexact] = True
_MOST = 2**63
_PLAIN = frozenset((str, int, float, bool, type(None)))


def document_of(event: Any) -> dict[str, Any]:
    """The fields of an event, as its JSON has them."""
    fields = msgspec.to_builtins(event, builtin_types=(Decimal, bytes), enc_hook=_hook)
    return {name: value if type(value) is str else bson_of(value) for name, value in fields.items()}


def row_of(row: Any) -> dict[str, Any]:
    """The columns of a row that are set."""
    columns: Mapping[str, int] | None = getattr(row, "__columns__", None)
    if columns is None:
        return document_of(row)
    found = {}
    for name, index in columns.items():
        value = getattr(row, f"f{index}")
        if value is not UNSET:
            found[name] = value if type(value) is str else bson_of(value)
    return found


def bson_of(value: Any) -> Any:
    """One value. Integers over 64 bits and decimals are Decimal128, or text where that has too few digits."""
    kind = type(value)
    if kind in _PLAIN:
        return value if kind is not int or -_MOST <= value < _MOST else _decimal(Decimal(value))
    if isinstance(value, Decimal):
        return _decimal(value)
    if kind is dict:
        return {str(name): bson_of(inner) for name, inner in value.items()}
    if kind in (list, tuple):
        return [bson_of(inner) for inner in value]
    if kind is bytes:
        return value
    return bson_of(msgspec.to_builtins(value, builtin_types=(Decimal, bytes), enc_hook=_hook))


def _decimal(value: Decimal) -> Any:
    try:
        return Decimal128(_EXACT.create_decimal(value))
    except decimal.DecimalException:
        return format(value, "f")


def _hook(value: Any) -> Any:
    if isinstance(value, Decimal):  # a subclass of it
        return Decimal(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected a value that can be encoded, got {type(value).__name__}")
