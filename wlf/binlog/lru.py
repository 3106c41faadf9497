"""A cache bounded in bytes that forgets what was not used for longest."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Lru(Generic[Key, Value]):
    """Maps keys to values with an estimated cost in bytes each; the newest entry always stays."""

    __slots__ = ("_cost", "_entries", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._cost = 0
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value, which counts as used now."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Key, value: Value, cost_bytes: int) -> None:
        """Keep a value; drop the ones unused for longest while all together cost too much."""
        if key in self._entries:
            self._cost -= self._entries.pop(key)[1]
        self._entries[key] = (value, cost_bytes)
        self._cost += cost_bytes
        while self._cost > self._max_bytes and len(self._entries) > 1:
            _, (_, cost) = self._entries.popitem(last=False)
            self._cost -= cost

    def drop(self, key: Key) -> None:
        """Forget an entry, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._cost -= entry[1]

    def __len__(self) -> int:
        return len(self._entries)
