"""Reads containers through a Docker collector as the runtime would, in one life or several, and keeps what it told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Self, TypeVar

from tests.components.fakes import Numbers, make_context
from tests.components.rows import configured
from wlf.components.base import MemoryState
from wlf.components.collectors._docker.position import Position, decode_position
from wlf.components.collectors.docker import DockerCollector, DockerConfig
from wlf.events.log import ContainerLine

TIMEOUT_S = 15.0
Result = TypeVar("Result")


class DockerReading:
    """Lives of a collector one after the other. `events` are all that came, `stored` what a runtime would have stored.

    `to_end()` reads what is there and returns; `until(...)` waits for what is being written.
    """

    def __init__(self, address: str, **options: Any) -> None:
        self.config: DockerConfig = configured(DockerConfig, destination="next", address=address, **options)
        self.until_end = False
        self.state = MemoryState()
        self.stored: dict[str, bytes] = {}
        self.events: list[ContainerLine] = []
        self.announced: list[str] = []
        self.forgotten: list[str] = []
        self.is_open = False
        self._make()

    def _make(self) -> None:
        self.context = replace(make_context("docker"), until_end=self.until_end, state=self.state)
        self.collector = DockerCollector(self.config, self.context)

    @property
    def lines(self) -> list[str]:
        """The messages, in order."""
        return [event.message for event in self.events]

    def lines_of(self, name: str, stream: str | None = None) -> list[str]:
        """Those of one container, and of one of its streams."""
        return [
            event.message for event in self.events if event.container.name == name and stream in (None, event.stream)
        ]

    @property
    def positions(self) -> dict[str, Position]:
        return {id: decode_position(stored) for id, stored in self.stored.items()}

    async def open(self) -> None:
        await asyncio.wait_for(self.collector.open(dict(self.stored)), TIMEOUT_S)
        self.is_open = True

    async def step(self) -> bool:
        """One call of collect(); False at the end of input."""
        if not self.is_open:
            await self.open()
        collected = await asyncio.wait_for(self.collector.collect(), TIMEOUT_S)
        if collected is None:
            return False
        self.events += collected.events  # type: ignore[arg-type]
        for id, position in collected.positions.items():
            if position is None:
                self.stored.pop(id, None)
                self.forgotten.append(id)
                continue
            if id not in self.stored:
                assert not collected.events, "a new container is announced by a batch without events"
                self.announced.append(id)
            self.stored[id] = position
        return True

    async def to_end(self) -> Self:
        """Another process reads what is there, and ends."""
        self.until_end = True
        await self.restart()
        try:
            while await self.step():
                pass
        finally:
            await self.close()
            self.until_end = False
        self._make()
        return self

    async def until(self, enough: Callable[[], bool]) -> Self:
        """Collect until `enough()`."""
        while not enough():
            await self.step()
        return self

    async def until_line(self, line: str) -> Self:
        """Collect until that line came."""
        return await self.until(lambda: line in self.lines[-5_000:])

    async def restart(self) -> None:
        """Another process goes on with what is stored."""
        await self.close()
        self._make()

    async def close(self) -> None:
        await self.collector.close()
        self.is_open = False

    def counted(self, name: str, *labels: str) -> float:
        metrics = self.context.metrics
        assert isinstance(metrics, Numbers)
        number = metrics.found.get((name, *labels))
        return number.value if number else 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(asyncio.wait_for(work, 120))
