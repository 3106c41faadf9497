"""Fields that are text turned into numbers, and true and false."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from wlf.components.transformers._parse.parser import Unparsed

_INT = re.compile(r"\s*[+-]?[0-9]+\s*")
_TRUE, _FALSE = frozenset(("true", "yes", "on", "1")), frozenset(("false", "no", "off", "0"))


def _int(value: Any) -> int:
    if isinstance(value, str) and _INT.fullmatch(value):
        return int(value)
    if type(value) is int:
        return value
    raise ValueError


def _float(value: Any) -> float:
    if (isinstance(value, str) and "_" not in value) or type(value) in (int, float):
        found = float(value)
        if math.isfinite(found):
            return found
    raise ValueError


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else ""
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError


TYPES: Mapping[str, Callable[[Any], Any]] = {"text": _text, "int": _int, "float": _float, "bool": _bool}


def typed(fields: dict[str, Any], types: Mapping[str, str]) -> None:
    """Change the fields to their declared types; one that is absent or null stays so.

    Raises:
        Unparsed: a value is not of its type: it stays as it was, and all others are changed.
    """
    wrong = []
    for name, kind in types.items():
        value = fields.get(name)
        if value is None:
            continue
        try:
            fields[name] = TYPES[kind](value)
        except (ValueError, OverflowError):
            wrong.append(f"{kind} in '{name}'")
    if wrong:
        raise Unparsed("type", f"expected {', '.join(wrong)}")
