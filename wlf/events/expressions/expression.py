"""An option of a component that is an expression: its text, and its tree."""

from __future__ import annotations

from wlf.events.expressions.reader import read


class Expression:
    """A read expression. Equal expressions have equal texts.

    Raises:
        ExpressionError: the text is none.
    """

    __slots__ = ("text", "tree")

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = read(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __str__(self) -> str:
        return self.text
