"""What the functions about numbers, times and conversions do. None of them raises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256 as _sha256
from math import isfinite
from typing import Any
from zlib import crc32 as _crc32

import msgspec

from wlf.events.expressions.kinds import NULL, Type, union
from wlf.events.expressions.values import is_number, text_of, whole

_DIGITS = re.compile(r"[-+]?[0-9]{1,4000}")
_BOOLS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_MAX_DIGITS = 30


def coalesce(*values: Any) -> Any:
    """See FUNCTIONS."""
    return next((value for value in values if value is not None), None)


def coalesced(arguments: Sequence[Type]) -> Type:
    """What coalesce may give: null only where all may be null."""
    found = [Type(argument.known, argument.fields, argument.items) for argument in arguments if argument.known]
    if all("null" in argument.kinds for argument in arguments):
        found.append(NULL)
    return union(found)


def to_int(value: Any, default: Any = None) -> Any:
    """See FUNCTIONS."""
    if isinstance(value, str):
        text = value.strip()
        return whole(int(text)) if _DIGITS.fullmatch(text) else default
    if isinstance(value, bool):
        return int(value)
    if is_number(value) and whole(value) is not None:
        return whole(int(value))
    return default


def to_float(value: Any, default: Any = None) -> Any:
    """See FUNCTIONS."""
    if not (isinstance(value, str | bool) or is_number(value)):
        return default
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return default
    return found if isfinite(found) else default


def to_bool(value: Any, default: Any = None) -> Any:
    """See FUNCTIONS."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _BOOLS.get(value.strip().lower(), default)
    return value != 0 if is_number(value) else default


def to_str(value: Any, default: Any = None) -> Any:
    """See FUNCTIONS."""
    found = text_of(value)
    return default if found is None else found


def parse_json(text: Any) -> Any:
    """See FUNCTIONS."""
    if not isinstance(text, str):
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def absolute(number: Any) -> Any:
    """See FUNCTIONS."""
    return whole(abs(number)) if is_number(number) else None


def rounded(number: Any, digits: Any = 0) -> Any:
    """See FUNCTIONS."""
    if not (is_number(number) and is_number(digits)) or not -_MAX_DIGITS <= digits <= _MAX_DIGITS:
        return None
    try:
        return whole(round(number, int(digits)) if digits else round(number))
    except (ArithmeticError, ValueError):
        return None


def smallest(*numbers: Any) -> Any:
    """See FUNCTIONS."""
    return min((number for number in numbers if _ordered(number)), default=None)


def largest(*numbers: Any) -> Any:
    """See FUNCTIONS."""
    return max((number for number in numbers if _ordered(number)), default=None)


def _ordered(number: Any) -> bool:
    return is_number(number) and not (isinstance(number, Decimal) and number.is_nan())


def time_format(text: str) -> str:
    """A format of strftime. Raises ValueError."""
    try:
        datetime(2000, 1, 1, tzinfo=UTC).strftime(text)
    except ValueError as error:
        raise ValueError("not a format of strftime") from error
    return text


def format_time(seconds: Any, format: str) -> str | None:
    """See FUNCTIONS."""
    if not is_number(seconds):
        return None
    try:
        return datetime.fromtimestamp(float(seconds), UTC).strftime(format)
    except (ValueError, OverflowError, OSError):
        return None


def _digested(value: Any) -> bytes | None:
    if isinstance(value, bytes):
        return value
    if type(value) is int:
        return b"%d" % value
    text = text_of(value) if isinstance(value, str | bool) or is_number(value) else None
    return None if text is None else text.encode("utf-8", "surrogatepass")


def crc32(value: Any) -> int | None:
    """See FUNCTIONS."""
    found = _digested(value)
    return None if found is None else _crc32(found)


def sha256(value: Any) -> str | None:
    """See FUNCTIONS."""
    found = _digested(value)
    return None if found is None else _sha256(found).hexdigest()
