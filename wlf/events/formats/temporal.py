"""MySQL's dates and times, which are text, as numbers since 1970 (Debezium's `adaptive_time_microseconds`).

A date that does not exist (a zero date, 2023-02-31) has no such number: it is None, or the epoch where the column
cannot be NULL. https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-temporal-types
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

_EPOCH_DAY = date(1970, 1, 1).toordinal()


@lru_cache(8192)
def _day(text: str) -> int | None:
    """`YYYY-MM-DD` to days since 1970; None where there is no such day."""
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


@lru_cache(8192)
def _clock(text: str) -> int:
    """`[-]hh:mm:ss` to seconds."""
    hours, minutes, seconds = text.lstrip("-").split(":")
    total = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return -total if text[0] == "-" else total


def epoch_days(*, nullable: bool) -> Callable[[str], int | None]:
    """DATE to days since 1970-01-01."""
    if nullable:
        return _day
    return lambda text: _day(text) or 0


def epoch_time(fsp: int, *, nullable: bool) -> Callable[[str], int | None]:
    """DATETIME(fsp), in no time zone: to milliseconds up to three digits of a second's fraction, else microseconds."""
    missing = None if nullable else 0
    unit = 1_000 if fsp <= 3 else 1_000_000
    per_day = 86_400 * unit
    per_digit: int = 10 ** ((3 if fsp <= 3 else 6) - fsp)
    day_of, clock_of = _day, _clock

    def whole(text: str) -> int | None:
        day = day_of(text[:10])
        return missing if day is None else day * per_day + clock_of(text[11:]) * unit

    def fractional(text: str) -> int | None:
        day = day_of(text[:10])
        if day is None:
            return missing
        return day * per_day + clock_of(text[11:19]) * unit + int(text[20:]) * per_digit

    return fractional if fsp else whole


def iso_timestamp(*, nullable: bool) -> Callable[[str], str | None]:
    """TIMESTAMP, in UTC: to `2024-02-29T23:59:59.123Z`, with the digits that the column has."""
    missing = None if nullable else "1970-01-01T00:00:00Z"

    def iso(text: str) -> str | None:
        return f"{text[:10]}T{text[11:]}Z" if text[:4] != "0000" else missing

    return iso


def time_micros(text: str) -> int:
    """TIME, from -838:59:59 to 838:59:59 with a fraction: to microseconds."""
    whole, _, fraction = text.partition(".")
    micros = _clock(whole) * 1_000_000
    if fraction:
        part = int(fraction.ljust(6, "0"))
        return micros - part if text[0] == "-" else micros + part
    return micros


def has_no_day(text: Any) -> bool:
    """Is a year, month or day of this date or datetime zero? Then MySQL's own functions take it for no date either."""
    return type(text) is str and (text[:4] == "0000" or text[5:7] == "00" or text[8:10] == "00")
