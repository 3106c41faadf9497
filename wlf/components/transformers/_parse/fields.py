"""Where the text of an event is, and where its fields go: attributes of a log line, a column of a row."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

from wlf.events import Event
from wlf.events.template import MissingField, Pointer

ReadText: TypeAlias = Callable[[Event], Any]
"""The value at a place of an event, None where there is none."""


def pointer(text: str) -> Pointer:
    """`message` is short for `/message`. Raises ValueError."""
    return Pointer(text if text.startswith("/") else f"/{text}")


def text_reader(at: Pointer) -> ReadText:
    """The function that reads there."""
    if at.path == ("message",):
        return attrgetter("message")

    def read(event: Event) -> Any:
        try:
            return at.read(event)
        except MissingField:
            return None

    return read


def too_long(text: str, max_bytes: int) -> bool:
    """Is it longer in UTF-8? Mostly its length in characters settles that."""
    length = len(text)
    if length > max_bytes:
        return True
    return length * 4 > max_bytes and not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > max_bytes


def joined(known: Any, found: dict[str, Any], target: str | None, *, keep: bool) -> dict[str, Any]:
    """The attributes with the fields among them, or below `target`. `keep`: what is there already stays."""
    attributes: dict[str, Any] = known if isinstance(known, dict) else {}
    if target is not None:
        below = attributes.get(target)
        if keep and below is not None:
            found = {**found, **below} if isinstance(below, dict) else below
        elif isinstance(below, dict):
            found = {**below, **found}
        return {**attributes, target: found}
    if not attributes:
        return found
    return {**found, **attributes} if keep else {**attributes, **found}
