"""A bell for tasks of one event loop: whoever waits hears the next ring."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Bell:
    """Check the condition, then `wait()` with no await between: no ring is missed, as there is one thread."""

    def __init__(self) -> None:
        self._waiting: asyncio.Event | None = None

    def ring(self) -> None:
        """Wake all that wait."""
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    def listen(self) -> asyncio.Event:
        """Is set by the next ring, also by one that comes before anybody waits for it."""
        if self._waiting is None:
            self._waiting = asyncio.Event()
        return self._waiting

    async def wait(self) -> None:
        """Until the next ring."""
        await self.listen().wait()

    async def wait_until(self, when: float | None) -> None:
        """Until the next ring, or the loop's time `when`."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(when):
                await self.wait()
