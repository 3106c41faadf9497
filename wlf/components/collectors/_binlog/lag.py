"""How far the collector is behind: seconds since the last event was written, bytes up to the end of the binlog."""

from __future__ import annotations

from collections.abc import Mapping

from wlf.components.collectors._binlog.place import file_order

POLL_S = 10.0
"""How often the sizes of the server's files are asked for while there is something to read."""


class Lag:
    """Where reading is, and how large the files of the binlog are. Sizes are in bytes by file name."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.file = ""
        self.offset = 0
        self.ts = 0
        self.is_waiting = False
        """All that there is was read: nothing but heartbeats came since."""

    def reached(self, file: str, offset: int, ts: int = 0) -> None:
        """Reading got there; `ts` is the last event's timestamp, Unix seconds."""
        if (file, offset) != (self.file, self.offset):
            self.is_waiting = False
        self.file, self.offset = file, offset
        self.ts = ts or self.ts

    def measure(self, now: float) -> dict[str, float]:
        """`seconds` and `bytes`, as far as they are known at `now`, in Unix seconds."""
        if self.is_waiting:
            return {"seconds": 0.0, "bytes": 0.0}
        measured = {"bytes": float(self._bytes())}
        if self.ts:
            measured["seconds"] = max(0.0, now - self.ts)
        return measured

    def _bytes(self) -> int:
        here = file_order(self.file)[0]
        behind = sum(size for name, size in self.sizes.items() if file_order(name)[0] > here)
        return behind + max(0, self.sizes.get(self.file, 0) - self.offset)
