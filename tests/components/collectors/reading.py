"""Reads events through a Binlog collector as the runtime would, and remembers where each could be taken up again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tests.components.fakes import Numbers, make_context
from tests.components.rows import configured
from wlf.components.collectors._binlog.place import PARTITION, Position, decode_position
from wlf.components.collectors.binlog import BinlogCollector, BinlogConfig
from wlf.events import Event, RowChange

if TYPE_CHECKING:
    from tests.servers.sql import SqlServer

TIMEOUT_S = 30.0


def everything(database: str, table: str) -> bool:
    return True


class Reading:
    """One life of a collector. `events` are all that came, `boundaries` (number of events, position) in order."""

    def __init__(
        self, *, until_end: bool = False, wants: Callable[[str, str], bool] = everything, **options: Any
    ) -> None:
        config: BinlogConfig = configured(BinlogConfig, destination="next", **options)
        self.context = replace(make_context("binlog"), wants=wants, until_end=until_end)
        self.collector = BinlogCollector(config, self.context)
        self.events: list[Any] = []
        self.boundaries: list[tuple[int, bytes]] = []
        self.ended = False
        self.stored: bytes | None = None

    @classmethod
    def of(cls, server: SqlServer, **options: Any) -> Self:
        """A reading of a live server from the first file on, with root's account."""
        account = {"port": server.port, "user": server.user, "password": server.password, "heartbeat_interval_ms": 200}
        return cls(**{"start": "earliest", **account, **options})

    def at(self, position: bytes) -> Self:
        """Begin at a stored position."""
        self.stored = position
        return self

    async def open(self, position: bytes | None = None) -> Self:
        """Open the collector, also once more."""
        position = position or self.stored
        await asyncio.wait_for(self.collector.open({} if position is None else {PARTITION: position}), TIMEOUT_S)
        return self

    async def step(self) -> list[Event]:
        """One call of collect()."""
        collected = await asyncio.wait_for(self.collector.collect(), TIMEOUT_S)
        if collected is None:
            self.ended = True
            return []
        self.events += collected.events
        for name, position in collected.positions.items():
            assert name == PARTITION
            assert position is not None
            self.boundaries.append((len(self.events), position))
        return collected.events

    async def until(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """Collect until `enough(events)`."""
        while not enough(self.events):
            assert not self.ended, f"the input ended after {len(self.events)} events"
            await self.step()
        return self.events

    async def to_end_of(self, server: SqlServer) -> list[Any]:
        """Collect up to what is the end of the server's binlog now."""
        file, size = server.query("SHOW BINARY LOGS")[-1][:2]
        while not self.boundaries or not self.place.is_behind(file, size):
            assert not self.ended
            await self.step()
        return self.events

    async def to_end(self) -> list[Any]:
        """Collect until the collector says that the input ended."""
        while not self.ended:
            await self.step()
        return self.events

    @property
    def position(self) -> bytes:
        """The last position that came."""
        return self.boundaries[-1][1]

    @property
    def place(self) -> Position:
        return decode_position(self.position)

    def counted(self, name: str, *labels: str) -> float:
        metrics = self.context.metrics
        assert isinstance(metrics, Numbers)
        number = metrics.found.get((name, *labels))
        return number.value if number else 0

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.collector.close()


def plain(events: list[Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(type, table, data) of row changes, with the columns that their image has."""
    return [(event.type, event.table, columns(event.data)) for event in events if isinstance(event, RowChange)]


def columns(row: Any) -> dict[str, Any]:
    """A row as a mapping of column names to values."""
    names: Mapping[str, int] = row.__columns__
    values = row if isinstance(row, list) else [getattr(row, f"f{index}") for index in names.values()]
    return dict(zip(names, values, strict=True))
