"""How far the collector is behind: seconds since the last event was written, bytes up to the end of the binlog."""

from __future__ import annotations

from collections.abc import Mapping

from wlf.components.collectors._binlog.place import file_order

POLL_S = 10.0
"""How often the sizes of the server's files are asked for while there is something to read."""


class Lag:
    """Where reading is, and how large the files of the binlog are. Sizes are in bytes by file name.

    `skew_s` is how much the server's clock is ahead of ours: the seconds count on the server's.
    """

    def __init__(self, sizes: Mapping[str, int], *, skew_s: float = 0.0, is_seeking: bool = False) -> None:
        self.sizes = sizes
        self.file = ""
        self.offset = 0
        self.ts = 0
        self.is_waiting = False
        """All that came was read."""
        self.is_seeking = is_seeking
        """The server looks for where to begin: it may be silent for long, and where it is cannot be known."""
        self._skew_s = skew_s

    def reached(self, file: str, offset: int, ts: int = 0) -> None:
        """Reading got there; `ts` is the last event's timestamp, Unix seconds."""
        if (file, offset) != (self.file, self.offset):
            self.is_waiting = False
        self.file, self.offset = file, offset
        if ts:
            self.ts = ts
            self.is_seeking = False

    def heard(self) -> None:
        """A heartbeat came: from here on there is one as often as was asked for."""
        self.is_seeking = False

    def measure(self, now: float) -> dict[str, float]:
        """`seconds` and `bytes`, as far as they are known at `now`, in Unix seconds.

        Seconds stand still at 0 where all is read, however long ago that was written.
        """
        if self.is_seeking:
            return {}
        behind = self._bytes()
        if self.is_waiting and not behind:
            return {"seconds": 0.0, "bytes": 0.0}
        measured = {"bytes": float(behind)}
        if self.ts:
            measured["seconds"] = max(0.0, now + self._skew_s - self.ts)
        return measured

    def _bytes(self) -> int:
        here = file_order(self.file)[0]
        behind = sum(size for name, size in self.sizes.items() if file_order(name)[0] > here)
        return behind + max(0, self.sizes.get(self.file, 0) - self.offset)
