"""Keys of events: the value of an expression as something that can be remembered, small and hashable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from zlib import crc32

from wlf.events.base import Kinds
from wlf.events.expressions.codegen import evaluating
from wlf.events.expressions.tree import Tree
from wlf.events.expressions.values import text_of

_LONGEST = 64
_PLAIN = frozenset((str, int, float, bool, Decimal, type(None)))


def keys(tree: Tree, kinds: Kinds) -> Callable[[Sequence[Any]], list[Any]]:
    """`f(events)`: the key of each; None where it is null. Long ones are remembered by a digest of 16 bytes."""
    values = evaluating(tree, kinds)
    return lambda events: [value if type(value) is int else _key(value) for value in values(events)]


def _key(value: Any) -> Any:
    if type(value) not in _PLAIN:
        value = text_of(value)
    if type(value) is str and len(value) > _LONGEST:
        return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return value


def share_of(key: Any) -> int:
    """A number below 2^32 for a key: the same whenever it is asked, and evenly spread."""
    raw = key if isinstance(key, bytes) else (text_of(key) or "").encode("utf-8", "surrogatepass")
    return crc32(raw)
