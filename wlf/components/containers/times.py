"""The times of container logs: RFC 3339 with up to nine digits of a second."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

_WHOLE = len("2026-01-31T23:59:59")
_OFFSET = len("+01:00")


def seconds_of(time: str) -> float:
    """Seconds since 1970, to about a microsecond. Raises ValueError where `time` is none."""
    fraction = time[_WHOLE:]
    if fraction[-1:] == "Z":
        return _seconds_of_whole(time[:_WHOLE]) + (float(fraction[:-1]) if len(fraction) > 1 else 0.0)
    digits = fraction[:-_OFFSET]
    return _seconds_of_whole(time[:_WHOLE] + fraction[-_OFFSET:]) + (float(digits) if digits else 0.0)


@lru_cache(maxsize=1024)
def _seconds_of_whole(time: str) -> float:
    """Many lines are of one second."""
    moment = datetime.fromisoformat(time)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
