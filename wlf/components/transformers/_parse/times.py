"""Texts and numbers to Unix seconds, in the formats that logs have times in."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, TypeAlias

ReadTime: TypeAlias = Callable[[Any, float], float]
"""`f(value, near)`: Unix seconds. `near` settles the year of a time that has none. Raises ValueError."""

UNIX = {"unix": 1, "unix_ms": 1_000, "unix_us": 1_000_000, "unix_ns": 1_000_000_000}
ISO = ("iso8601", "rfc3339")
SYSLOG = "syslog"
_AHEAD_SECONDS = 86_400
_HOUR = 3600
"""Which year a time is of is settled once an hour."""
_REMEMBERED = 4096
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_LEAP_YEARS = 9
"""A leap day is found again after eight years at most."""


def zone_named(name: str) -> tzinfo | None:
    """A time zone; None is the machine's own, `local`. Raises ValueError."""
    if name == "UTC":
        return UTC
    if name == "local":
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"expected a time zone such as Europe/Berlin, UTC or local, got {name!r}") from error


def time_reader(format: str, zone: str) -> ReadTime:
    """The function for a format: `iso8601`, `unix_ms` ..., or one of strptime. Raises ValueError."""
    own = zone_named(zone)
    if format in ISO:
        return lambda value, near: _seconds(datetime.fromisoformat(_text(value)), own)
    if format in UNIX:
        return _unix(UNIX[format])
    if format == SYSLOG:
        return _syslog(own)
    if "%" not in format:
        known = ", ".join((*ISO, *UNIX, SYSLOG))
        raise ValueError(f"expected one of {known}, or a format such as %d/%b/%Y:%H:%M:%S %z, got {format!r}")
    return _strptime(format, own)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    raise ValueError("expected a text")


def _seconds(found: datetime, zone: tzinfo | None) -> float:
    if found.tzinfo is None and zone is not None:
        found = found.replace(tzinfo=zone)
    return found.timestamp()


def _unix(divisor: int) -> ReadTime:
    def read(value: Any, near: float) -> float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("expected a number")
        found = float(value)
        if not math.isfinite(found):
            raise ValueError("expected a number")
        # A whole number is divided as such: nanoseconds of today do not fit a float.
        return (int(value) if isinstance(value, str) and value.isdecimal() else float(value)) / divisor

    return read


def _strptime(format: str, zone: tzinfo | None) -> ReadTime:
    """Lines of a second have the same text: it is read once."""
    has_year = any(sign in format for sign in ("%Y", "%y", "%G", "%c", "%x"))
    datetime.now(UTC).strftime(format)

    @lru_cache(_REMEMBERED)
    def whole(text: str) -> float:
        return _seconds(datetime.strptime(text, format), zone)

    @lru_cache(_REMEMBERED)
    def without_year(text: str, hour: float) -> float:
        return in_year(lambda year: _seconds(datetime.strptime(f"{year} {text}", f"%Y {format}"), zone), hour * _HOUR)

    if has_year:
        return lambda value, near: whole(_text(value))
    return lambda value, near: without_year(_text(value), near // _HOUR)


def _syslog(zone: tzinfo | None) -> ReadTime:
    """`Nov 28 18:08:23`, or a time with its year as RFC 5424 has it."""

    def of_year(text: str, year: int) -> float:
        second = float(text[13:])
        found = datetime(year, _MONTHS[text[:3]], int(text[4:6]), int(text[7:9]), int(text[10:12]), tzinfo=zone)
        return found.timestamp() + second

    @lru_cache(_REMEMBERED)
    def without_year(text: str, hour: float) -> float:
        if text[:3] not in _MONTHS:
            raise ValueError("expected a month")
        return in_year(lambda year: of_year(text, year), hour * _HOUR)

    def read(value: Any, near: float) -> float:
        text = _text(value)
        if text[:1].isdecimal():
            return _seconds(datetime.fromisoformat(text), zone)
        return without_year(text, near // _HOUR)

    return read


def in_year(of_year: Callable[[int], float], near: float) -> float:
    """The newest time that is not more than a day after `near`: a log of December is read in January too."""
    latest = near + _AHEAD_SECONDS
    year = datetime.fromtimestamp(latest, UTC).year + 1
    for candidate in range(year, year - _LEAP_YEARS - 1, -1):
        try:
            found = of_year(candidate)
        except ValueError:
            continue  # the 29th of February in a year that has none
        if found <= latest:
            return found
    raise ValueError("expected a time of the last years")
