"""What a collector keeps beside its cursors, in the same file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from wlf.runtime.store import CursorStore


class StoredState:
    """The State of one collector: see `wlf.components.base.State`."""

    def __init__(self, store: CursorStore, collector: str) -> None:
        self._store = store
        self._collector = collector

    async def load(self, prefix: str = "") -> dict[str, bytes]:
        """All values whose name begins so. Raises StateError."""
        if not self._store.is_blocking:
            return self._store.load_state(self._collector, prefix)
        return await asyncio.to_thread(self._store.load_state, self._collector, prefix)

    async def save(self, changes: Mapping[str, bytes | None]) -> None:
        """Write (None: remove) all or nothing; durable when it returns. Raises StateError."""
        if self._store.is_blocking:
            await asyncio.to_thread(self._store.save_state, self._collector, changes)
        else:
            self._store.save_state(self._collector, changes)
