"""What msgspec's encoders do not know by themselves: decimals that would otherwise be written with an exponent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


def plain_number(value: Any) -> Any:
    """The hook of JSON encoders whose decimals are numbers: a subclass of Decimal is written as `str` has it.

    Raises:
        TypeError: it is something else.
    """
    return msgspec.Raw(plain_text(value).encode())


def plain_text(value: Any) -> str:
    """The same where decimals are text: the hook of MessagePack encoders."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"expected a value that can be encoded, got {type(value).__name__}")
