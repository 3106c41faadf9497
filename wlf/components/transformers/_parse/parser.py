"""What a parser is: a function from a text to its fields, and the exception that says why there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Parser: TypeAlias = Callable[[str], dict[str, Any]]
"""A text to its fields, in a mapping of its own. Raises Unparsed."""


class Unparsed(Exception):
    """A text that is not of its format.

    Args:
        reason: a word for the counter.
        message: for logs, marks and dead letters: nothing of the text itself.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        self.message = message
        super().__init__(message)


def no_match(expected: str) -> Unparsed:
    """The text has another form."""
    return Unparsed("no_match", f"expected {expected}")
