"""Reads lines through a File collector as the runtime would, in one life or several, and keeps what it told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from tests.components.fakes import Numbers, make_context
from tests.components.rows import configured
from wlf.components.base import MemoryState
from wlf.components.collectors.file import FileCollector, FileConfig
from wlf.components.following.position import Position, decode_position
from wlf.events.log import FileLine

TIMEOUT_S = 20.0
Result = TypeVar("Result")


class FileReading:
    """Lives of a collector one after the other. `events` are all that came, `stored` what a runtime would have stored.

    `until_end` reads what is there and returns; else `until(...)` waits for what is being written.
    """

    def __init__(self, folder: Path, *, until_end: bool = False, **options: Any) -> None:
        options.setdefault("include", ["*.log*"])
        options["include"] = [str(folder / pattern) for pattern in options["include"]]
        options["exclude"] = [str(folder / pattern) for pattern in options.get("exclude", [])]
        self.folder = folder
        self.config: FileConfig = configured(FileConfig, destination="next", **options)
        self.until_end = until_end
        self.state = MemoryState()
        self.stored: dict[str, bytes] = {}
        self.events: list[FileLine] = []
        self.announced: list[str] = []
        self.forgotten: list[str] = []
        self.is_open = False
        self._make()

    def _make(self) -> None:
        self.context = replace(make_context("files"), until_end=self.until_end, state=self.state)
        self.collector = FileCollector(self.config, self.context)

    @property
    def lines(self) -> list[str]:
        """The messages, in order."""
        return [event.message for event in self.events]

    @property
    def positions(self) -> list[Position]:
        return [decode_position(stored) for stored in self.stored.values()]

    async def step(self) -> bool:
        """One call of collect(); False at the end of input."""
        if not self.is_open:
            await asyncio.wait_for(self.collector.open(dict(self.stored)), TIMEOUT_S)
            self.is_open = True
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
                assert not collected.events, "a new file is announced by a batch without events"
                self.announced.append(id)
            self.stored[id] = position
        return True

    async def to_end(self) -> Self:
        """Read what is there, and close."""
        self.until_end = True
        await self.restart()
        while await self.step():
            pass
        await self.close()
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

    def walks(self) -> int:
        """How often all directories were looked through."""
        session = self.collector._session
        return session._discovery._walk_number if session is not None else 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(asyncio.wait_for(work, 60))


def append(path: Path, *lines: str, end: str = "\n") -> None:
    with path.open("a") as file:
        file.write("".join(line + end for line in lines))
