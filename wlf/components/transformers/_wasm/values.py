"""JSON values back to what an event holds: a decimal stays a decimal, bytes stay bytes, a row a row of its table."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from decimal import Decimal
from math import inf, isfinite
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import fields

from wlf.events import RowChange
from wlf.events.rows import put_place

_DECIMALS = frozenset(("decimal", "numeric"))
_BINARY = frozenset(("binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob"))
_LISTS = frozenset(("set",))
_NAME_CHARACTERS = 80
_MAX_EXPONENT = 1_000
"""A number beyond is none that a database or a log holds, and would be written out digit by digit."""

BAD_JSON = (msgspec.DecodeError, ValueError, RecursionError, ArithmeticError)
"""What the decoder raises at a text of a stranger."""


def why_bad(error: BaseException) -> str:
    """What is wrong, without any of the values: msgspec names fields, types and byte numbers."""
    if isinstance(error, msgspec.DecodeError):
        text = str(error)
        return text if text[1:2].isupper() else text[:1].lower() + text[1:]
    return {UnicodeDecodeError: "not UTF-8", RecursionError: "nested too deeply"}.get(type(error), "not a number")


class Misfit(Exception):
    """A line does not have the form of the event that it stands for. The text holds none of the values."""

    number = 0
    """Which of the lines it is."""


def plain(value: Any) -> Any:
    """A value that has no forerunner, as Python has it: numbers with a fraction are floats."""
    if isinstance(value, Decimal):
        return _float(value)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def mended(new: Any, old: Any, where: str) -> Any:
    """`new`, as JSON has it, in the type of `old`; `old` itself where they are the same.

    Raises:
        Misfit: it cannot be of that type.
    """
    if new is None or new is UNSET:
        return new
    if isinstance(old, Struct):
        return _mend_struct(new, old, where)
    if isinstance(old, dict):
        if hasattr(old, "__columns__"):
            return _mend_row(new, old, where)
        return _mend_dict(new, old, where)
    if isinstance(old, list | tuple):
        return _mend_list(new, old, where)
    return _mend_scalar(new, old, where)


def _mend_scalar(new: Any, old: Any, where: str) -> Any:
    if type(new) is type(old):
        return old if new == old else new
    if isinstance(old, bytes):
        return old if new == b64encode(old).decode() else _bytes(new, where)
    if isinstance(old, Decimal):
        return _decimal(new, old, where)
    if isinstance(old, float) and isinstance(new, Decimal | int) and not isinstance(new, bool):
        return old if _float(new) == old else _float(new)
    return plain(new)


def _float(value: Decimal | int) -> float:
    try:
        found = float(value)
    except OverflowError:
        found = inf
    if not isfinite(found):
        raise Misfit("a number is too large")
    return found


def _decimal(new: Any, old: Decimal, where: str) -> Any:
    """JSON numbers and texts: formats write decimals as either."""
    if isinstance(new, bool) or not isinstance(new, int | Decimal | str):
        raise Misfit(f"{where}: expected a number, got {_name(new)}")
    try:
        found = Decimal(new)
    except ArithmeticError as error:
        raise Misfit(f"{where}: expected a number, got another text") from error
    if not found.is_finite() or abs(found.adjusted()) > _MAX_EXPONENT:
        raise Misfit(f"{where}: the number is too large")
    return old if found == old and found.as_tuple() == old.as_tuple() else type(old)(found)


def _bytes(new: Any, where: str) -> bytes:
    if not isinstance(new, str):
        raise Misfit(f"{where}: expected bytes in base64, got {_name(new)}")
    try:
        return b64decode(new, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Misfit(f"{where}: expected bytes in base64, got another text") from error


def _mend_list(new: Any, old: list[Any] | tuple[Any, ...], where: str) -> Any:
    if not isinstance(new, list):
        return plain(new)
    made = [
        mended(value, old[index], f"{where}/{index}") if index < len(old) and old[index] is not None else plain(value)
        for index, value in enumerate(new)
    ]
    kept = type(old)(made)
    return old if kept == old else kept


def _mend_dict(new: Any, old: dict[str, Any], where: str) -> Any:
    if not isinstance(new, dict):
        return plain(new)
    made = {
        name: mended(value, old[name], f"{where}/{name}") if old.get(name) is not None else plain(value)
        for name, value in new.items()
    }
    return old if made == old and list(made) == list(old) else made


def _mend_struct(new: Any, old: Struct, where: str) -> Any:
    """A row of a table, an event inside a dead letter, or a part of an event such as a pod."""
    if hasattr(old, "__columns__"):
        return _mend_row(new, old, where)
    if not isinstance(new, dict):
        raise Misfit(f"{where}: expected an object, got {_name(new)}")
    infos = {info.encode_name: info for info in fields(old)}
    unknown = next((name for name in new if name not in infos), None)
    if unknown is not None:
        raise Misfit(f"{where}: {type(old).__name__} has no field {unknown[:_NAME_CHARACTERS]!r}")
    values = {}
    for name, value in new.items():
        former = getattr(old, infos[name].name)
        values[name] = plain(value) if former is UNSET or former is None else mended(value, former, f"{where}/{name}")
    try:
        made: Any = msgspec.convert(values, type(old))
    except msgspec.ValidationError as error:
        raise Misfit(f"{where}: {error}") from error
    if isinstance(old, RowChange) and getattr(old, "place", None) is not None:
        put_place((made,), old.place)
    return old if made == old else made


def _mend_row(new: Any, old: Any, where: str) -> Any:
    """A row of the same table: columns may change and go, and those that were left out may come."""
    if not isinstance(new, dict):
        raise Misfit(f"{where}: expected the columns of the row, got {_name(new)}")
    columns = old.__columns__
    unknown = next((name for name in new if name not in columns), None)
    if unknown is not None:
        raise Misfit(f"{where}: the table has no column {unknown[:_NAME_CHARACTERS]!r}")
    values: list[Any] = [UNSET] * len(columns)
    for name, value in new.items():
        index = columns[name]
        former = getattr(old, f"f{index}")
        if former is UNSET or former is None:
            values[index] = _of_column(value, old.__table__, index, f"{where}/{name}")
        else:
            values[index] = mended(value, former, f"{where}/{name}")
    made = type(old)(*values)
    return old if made == old else made


def _of_column(value: Any, table: Any, index: int, where: str) -> Any:
    """A value where none was: the column's type says what it is to be, where that is known."""
    if value is None or index >= len(table.types):
        return plain(value)
    kind = table.types[index].type
    if kind in _DECIMALS:
        return _decimal(value, Decimal(0), where)
    if kind in _BINARY:
        return _bytes(value, where)
    if kind in _LISTS and isinstance(value, list):
        return tuple(value)
    return plain(value)


def _name(value: Any) -> str:
    """JSON's own word for what a value is."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number" if isinstance(value, int | Decimal | float) else "null")
