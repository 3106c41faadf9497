"""What the operators do with values at run time. None of them ever raises: what makes no sense is false or null.

Absent (UNSET) and null (None) are told apart by `exists` alone: everywhere else both are null.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from math import isfinite
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from wlf.events.expressions.kinds import fields_of
from wlf.events.plain import plain_number

_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
_json = msgspec.json.Encoder(decimal_format="number", enc_hook=plain_number).encode


class Numbers(dict[type, bool]):
    """Is a type one of numbers? Booleans are none."""

    def __missing__(self, kind: type) -> bool:
        if not issubclass(kind, int | float | Decimal):
            return False
        self[kind] = True
        return True


NUMBERS = Numbers({int: True, float: True, Decimal: True, bool: False, str: False, type(None): False, UnsetType: False})


def is_number(value: Any) -> bool:
    """Is it a number?"""
    return NUMBERS[type(value)]


class Steps(dict[type, Callable[[Any], Any]]):
    """`steps[type(value)](value)`: what lies below a value under one name, UNSET where nothing does.

    How to get there is found once for each type. Classes of rows come and go with their tables and are freed only when
    nobody holds them, so only so many are remembered.
    """

    _REMEMBERED = 256

    def __init__(self, key: str | int) -> None:
        super().__init__()
        self._key = key

    def __missing__(self, kind: type) -> Callable[[Any], Any]:
        if len(self) >= self._REMEMBERED:
            self.clear()
        found = self[kind] = self._make(kind)
        return found

    def _make(self, kind: type) -> Callable[[Any], Any]:
        key = self._key
        if isinstance(key, int):
            return (lambda value: _item(value, key)) if issubclass(kind, list | tuple) else _nothing
        columns: Mapping[str, int] | None = getattr(kind, "__columns__", None)
        if columns is not None:
            return operator.attrgetter(f"f{columns[key]}") if key in columns else _nothing
        if issubclass(kind, dict):
            return lambda value: value.get(key, UNSET)
        if issubclass(kind, Struct):
            field = fields_of(kind).get(key)
            return _nothing if field is None else operator.attrgetter(field[0])
        return _nothing


class FieldReaders(Steps):
    """The same for a field of events of several types."""


def _nothing(value: Any) -> Any:
    return UNSET


def _item(value: Any, index: int) -> Any:
    return value[index] if -len(value) <= index < len(value) else UNSET


def equal(left: Any, right: Any) -> bool:
    """`==` of any two values: other kinds are not equal, but 1 is true and 0 is false; lists item by item."""
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(equal, left, right))
    try:
        return bool(left == right)
    except DecimalException:  # of a signalling NaN
        return False


def comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """An ordering of two numbers or two texts; false of all else."""

    def ordered(left: Any, right: Any) -> bool:
        if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            try:
                return compare(left, right)
            except DecimalException:
                return False
        return False

    return ordered


ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": comparison(operator.lt),
    "<=": comparison(operator.le),
    ">": comparison(operator.gt),
    ">=": comparison(operator.ge),
}


def is_in(item: Any, container: Any) -> bool:
    """`in`: a part of a text, an item of a list, a name of a map; false of all else."""
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    if isinstance(container, list | tuple):
        return any(equal(item, each) for each in container)
    if not isinstance(item, str):
        return False
    return isinstance(container, dict | Struct) and Steps(item)[type(container)](container) is not UNSET


def whole(value: Any) -> Any:
    """A number that all formats can hold: integers beyond 64 bits become floats, what is no number is null."""
    if type(value) is int and not _LEAST <= value <= _MOST:
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    return value


def arithmetic(calculate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Of two numbers; null of all else, and where there is no result."""

    def calculated(left: Any, right: Any) -> Any:
        try:
            if type(left) is int and type(right) is int:
                found = calculate(left, right)
                return found if type(found) is int and _LEAST <= found <= _MOST else whole(found)
            if not (is_number(left) and is_number(right)):
                return None
            if isinstance(left, Decimal) and isinstance(right, float):
                left = float(left)
            elif isinstance(left, float) and isinstance(right, Decimal):
                right = float(right)
            return whole(calculate(left, right))
        except (ArithmeticError, ValueError):
            return None

    return calculated


_add = arithmetic(operator.add)


def add(left: Any, right: Any) -> Any:
    """Numbers are added, texts put together; null of all else."""
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    return _add(left, right)


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": arithmetic(operator.sub),
    "*": arithmetic(operator.mul),
    "/": arithmetic(operator.truediv),
    "//": arithmetic(operator.floordiv),
    "%": arithmetic(operator.mod),
}


def negative(value: Any) -> Any:
    """`-` of a number; null of all else."""
    return whole(-value) if is_number(value) else None


def text_of(value: Any) -> str | None:
    """A value as text: numbers and texts as they read, true, false, lists and maps as JSON; null stays null."""
    if isinstance(value, str):
        return value
    if value is None or value is UNSET:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if is_number(value):
        return str(value)
    try:
        return _json(value).decode()
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        return None


def joined(parts: tuple[Any, ...]) -> str:
    """The parts of an f-text; null is empty."""
    return "".join(text_of(part) or "" for part in parts)
