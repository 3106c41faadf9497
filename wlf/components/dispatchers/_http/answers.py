"""What the status of an answer means for the events of its request, and what of the answer a reason may quote."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import NamedTuple

from wlf.errors import SetupError

_AGAIN = frozenset((408, 425, 429))
_LOGIN = frozenset((401, 403, 407))
_ADDRESS = frozenset((404, 405, 410))
"""Statuses about the address, whatever the body: it is no use to look for the event that is at fault."""


class Fate(Enum):
    """What becomes of the events of a request."""

    DELIVERED = "delivered"
    AGAIN = "again"
    REFUSED = "refused"
    """One of them is at fault: each half is to be tried by itself."""
    ALL_REFUSED = "all refused"
    LOST = "lost"
    """There was no answer: they may have arrived, or not."""


class Answer(NamedTuple):
    """The outcome of one request."""

    fate: Fate
    reason: str = ""
    after_s: float | None = None


def judge(status: int, *, server: str, is_constant: bool) -> Fate:
    """By status; `is_constant`: all events have the same address.

    Raises:
        SetupError: it is the login or the address that is wrong, not an event.
    """
    if 200 <= status < 300:
        return Fate.DELIVERED
    if status in _AGAIN or status >= 500:
        return Fate.AGAIN
    if status < 400:
        raise SetupError(f"{server} answers {status}: redirects are not followed", hint="set url to the new address")
    if status in _LOGIN:
        raise SetupError(f"{server} answers {status}", hint="look at username and password, bearer_token or headers")
    if status in _ADDRESS:
        if is_constant:
            raise SetupError(f"{server} answers {status}", hint="look at url and method")
        return Fate.ALL_REFUSED
    return Fate.REFUSED


def wait_of(retry_after: str | None, now: float, longest_s: float) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or a date; None where it says nothing that can be read."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(seconds, longest_s) if seconds > 0 else None


def excerpt(body: bytes, secrets: Iterable[str], max_bytes: int) -> str:
    """The beginning of an answer in one line of printable text, without what is secret."""
    text = body.decode(errors="replace")
    for secret in secrets:
        text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line.encode()[:max_bytes].decode(errors="ignore")
