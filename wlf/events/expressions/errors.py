"""What can be wrong with an expression, and where in its text."""

from __future__ import annotations

from typing import Literal

Fault = Literal["syntax", "field", "type"]


class ExpressionError(ValueError):
    """One mistake.

    Args:
        at: the character of the text at which it stands, from 0.
        fault: `syntax` (not of the language), `field` (no arriving event has it), `type` (it can never make sense).
        word, known: what was written, and what could have been meant.
    """

    def __init__(
        self,
        message: str,
        at: int,
        *,
        hint: str = "",
        fault: Fault = "type",
        word: str = "",
        known: tuple[str, ...] = (),
    ) -> None:
        self.message = message
        self.at = at
        self.hint = hint
        self.fault: Fault = fault
        self.word = word
        self.known = known
        super().__init__(message)
