"""What the functions about texts do. None of them raises: null, or another kind, gives null or false."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from wlf.events.expressions.values import is_number, text_of

_ADDRESSES = 65_536
_LONGEST = 10_000_000
"""Characters of a result at most: what would be longer is null, so that no expression can use up the memory."""


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression. Raises ValueError."""
    if "\b" in text:
        raise ValueError('expected no backspace in a regular expression: write r"..." so that \\b stays as it is')
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from error


def group(value: Any) -> str | int:
    """The number or name of a group. Raises ValueError."""
    if isinstance(value, str) or (type(value) is int and value >= 0):
        return value
    raise ValueError("expected the number or name of a group")


def network(text: str) -> IPv4Network | IPv6Network:
    """A network such as 10.0.0.0/8. Raises ValueError."""
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"expected a network such as 10.0.0.0/8, got {text!r}") from error


def contains(text: Any, part: Any) -> bool:
    """See FUNCTIONS."""
    return isinstance(text, str) and isinstance(part, str) and part in text


def startswith(text: Any, beginning: Any) -> bool:
    """See FUNCTIONS."""
    return isinstance(text, str) and isinstance(beginning, str) and text.startswith(beginning)


def endswith(text: Any, end: Any) -> bool:
    """See FUNCTIONS."""
    return isinstance(text, str) and isinstance(end, str) and text.endswith(end)


def matches(text: Any, regex: re.Pattern[str]) -> bool:
    """See FUNCTIONS."""
    return isinstance(text, str) and regex.search(text) is not None


def in_cidr(address: Any, *networks: IPv4Network | IPv6Network) -> bool:
    """See FUNCTIONS."""
    return isinstance(address, str) and _inside(address, networks)


@lru_cache(maxsize=_ADDRESSES)
def _inside(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """The same few addresses come again and again."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in each for each in networks)


def lower(text: Any) -> str | None:
    """See FUNCTIONS."""
    return text.lower() if isinstance(text, str) else None


def upper(text: Any) -> str | None:
    """See FUNCTIONS."""
    return text.upper() if isinstance(text, str) else None


def trim(text: Any, signs: Any = " \t\r\n\v\f") -> str | None:
    """See FUNCTIONS."""
    return text.strip(signs) if isinstance(text, str) and isinstance(signs, str) else None


def replace(text: Any, old: Any, new: Any) -> str | None:
    """See FUNCTIONS."""
    if not (isinstance(text, str) and isinstance(old, str) and isinstance(new, str)):
        return None
    if len(new) * (text.count(old) if old else len(text)) > _LONGEST:
        return None
    return text.replace(old, new)


def replace_regex(text: Any, regex: re.Pattern[str], new: Any) -> str | None:
    """See FUNCTIONS."""
    if not (isinstance(text, str) and isinstance(new, str)) or len(new) * len(text) > _LONGEST:
        return None
    try:
        return regex.sub(new, text)
    except (re.error, IndexError):  # a group in `new` that the pattern lacks
        return None


def capture(text: Any, regex: re.Pattern[str], wanted: str | int | None = None) -> str | None:
    """See FUNCTIONS."""
    found = regex.search(text) if isinstance(text, str) else None
    if found is None:
        return None
    try:
        return found.group((1 if regex.groups else 0) if wanted is None else wanted)
    except IndexError:
        return None


def substring(text: Any, start: Any, *stop: Any) -> str | None:
    """See FUNCTIONS."""
    if not isinstance(text, str) or not all(is_number(bound) for bound in (start, *stop)):
        return None
    try:
        return text[int(start) : int(stop[0]) if stop else None]
    except (ValueError, ArithmeticError):
        return None


def split(text: Any, separator: Any) -> list[str] | None:
    """See FUNCTIONS."""
    if not (isinstance(text, str) and isinstance(separator, str) and separator):
        return None
    return text.split(separator)


def join(items: Any, separator: Any) -> str | None:
    """See FUNCTIONS."""
    if not (isinstance(items, list | tuple) and isinstance(separator, str)) or len(items) * len(separator) > _LONGEST:
        return None
    return separator.join(text for text in map(text_of, items) if text is not None)


def length(value: Any) -> int | None:
    """See FUNCTIONS."""
    if isinstance(value, str | bytes | list | tuple | dict):
        return len(value)
    columns = getattr(type(value), "__struct_fields__", None)
    return None if columns is None else len(columns)
