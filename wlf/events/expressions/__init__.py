"""The expressions of Filter, Map and Separator: read, checked against event types, compiled to one function a node."""

from wlf.events.expressions.errors import ExpressionError
from wlf.events.expressions.expression import Expression

__all__ = ["Expression", "ExpressionError"]
