"""MySQL's dates and times, which are text, as numbers since 1970 (Debezium's `adaptive_time_microseconds`).

A date that does not exist (a zero date, 2023-02-31) has no such number: it is None, or the epoch where the column
cannot be NULL. https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-temporal-types
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

_EPOCH = datetime(1970, 1, 1)
_EPOCH_DAY = _EPOCH.toordinal()


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
    parse, epoch = datetime.fromisoformat, _EPOCH

    def millis(text: str) -> int | None:
        try:
            since = parse(text) - epoch
        except ValueError:
            return missing
        return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000

    def micros(text: str) -> int | None:
        try:
            since = parse(text) - epoch
        except ValueError:
            return missing
        return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds

    return millis if fsp <= 3 else micros


def iso_timestamp(*, nullable: bool) -> Callable[[str], str | None]:
    """TIMESTAMP, in UTC: to `2024-02-29T23:59:59.123Z`, with the digits that the column has."""
    missing = None if nullable else "1970-01-01T00:00:00Z"

    def iso(text: str) -> str | None:
        return f"{text.replace(' ', 'T')}Z" if text > "0001" else missing  # not in the year 0

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
