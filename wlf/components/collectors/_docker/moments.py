"""Times of log records in one form, so that they compare as texts do: UTC, nine digits, a Z."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_WHOLE = len("2026-01-31T23:59:59")
_NORMAL = len("2026-01-31T23:59:59.123456789Z")
BEGINNING = ""
"""Before all times."""


def normal(time: str) -> str:
    """The same moment in that form: the Engine tells it so, its files leave out zeros, Podman more, with a time zone.

    Raises:
        ValueError: it is no time.
    """
    if time[-1:] == "Z":
        if len(time) == _NORMAL:
            return time
        if time[_WHOLE:-1].startswith("."):
            return time[:-1].ljust(_NORMAL - 1, "0") + "Z"
    return _converted(time)


@lru_cache(maxsize=1024)
def _converted(time: str) -> str:
    whole, rest = time[:_WHOLE], time[_WHOLE:]
    digits = rest.rstrip("Z") if rest.endswith("Z") else rest[:-6]
    zone = "+00:00" if rest.endswith("Z") else rest[-6:]
    moment = datetime.fromisoformat(whole + zone).astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{digits[1:]:0<9}Z"


def earlier(time: str, seconds: float) -> str:
    """That much before a moment in normal form; the beginning stays the beginning."""
    if time == BEGINNING:
        return BEGINNING
    moment = datetime.fromisoformat(time[:_WHOLE] + "+00:00") - timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{time[_WHOLE:]}"


def as_parameter(time: str) -> str:
    """As the Engine's `since` takes it: seconds since 1970 and nanoseconds."""
    if time == BEGINNING:
        return "0"
    seconds = int(datetime.fromisoformat(time[:_WHOLE] + "+00:00").timestamp())
    return f"{max(seconds, 0)}.{time[_WHOLE + 1 : -1]}"


def seconds_between(first: str, second: str) -> float:
    """How long after the first moment the second one is."""
    return _seconds(second) - _seconds(first)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time[:_WHOLE] + "+00:00").timestamp() + float(time[_WHOLE:-1])
