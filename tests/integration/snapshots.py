"""Drives a Binlog collector with snapshots as the runtime would, with a sink that keeps the last state of each row."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pymysql
from msgspec import UNSET

from tests.components.fakes import make_context
from tests.components.rows import configured
from tests.servers.sql import SqlServer
from wlf.components.base import MemoryState
from wlf.components.collectors.binlog import BinlogCollector, BinlogConfig
from wlf.events import RowDelete, RowSnapshot, RowUpdate, SchemaChange

TIMEOUT_S = 30.0
ACCOUNT = {"user": "root", "password": "password", "heartbeat_interval_ms": 200}


def columns(row: Any) -> dict[str, Any]:
    """A row as a mapping of names to values, without the columns that are not there."""
    values = ((name, getattr(row, f"f{index}")) for name, index in row.__columns__.items())
    return {name: value for name, value in values if value is not UNSET}


class Mirror:
    """What a sink that applies each event by its key has at the end."""

    def __init__(self, key: tuple[str, ...] = ("id",)) -> None:
        self.key = key
        self.tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
        self.snapshot_rows = 0

    def apply(self, event: Any) -> None:
        """One event; a definition changes no row."""
        if isinstance(event, SchemaChange):
            return
        table = self.tables.setdefault(event.table, {})
        row = columns(event.data)
        key = tuple(row[name] for name in self.key)
        if isinstance(event, RowDelete):
            table.pop(key, None)
            return
        self.snapshot_rows += isinstance(event, RowSnapshot)
        if isinstance(event, RowUpdate):
            former = {**row, **columns(event.old)}
            row = {**table.pop(tuple(former[name] for name in self.key), {}), **row}
        table[key] = row


class Life:
    """One process's worth of a collector: `positions` and `state` outlive it."""

    def __init__(self, server: SqlServer, positions: dict[str, bytes] | None = None, **options: Any) -> None:
        wants: Callable[[str, str], bool] = options.pop("wants", lambda database, table: True)
        until_end = options.pop("until_end", False)
        self.state = options.pop("state", MemoryState())
        config: BinlogConfig = configured(
            BinlogConfig, **{"destination": "next", "port": server.port, **ACCOUNT, "snapshot": "initial", **options}
        )
        context = make_context("binlog")
        self.context = replace(context, wants=wants, until_end=until_end, state=self.state)
        self.collector = BinlogCollector(config, self.context)
        self.positions: dict[str, bytes] = {} if positions is None else positions
        self.events: list[Any] = []

    async def step(self) -> list[Any] | None:
        """One batch; None at the end."""
        collected = await asyncio.wait_for(self.collector.collect(), TIMEOUT_S)
        if collected is None:
            return None
        for name, position in collected.positions.items():
            assert position is not None
            self.positions[name] = position
        self.events += collected.events
        return collected.events

    @property
    def is_copied(self) -> bool:
        """Are all copies complete?"""
        session = self.collector._session
        assert session is not None
        assert session.snapshots is not None
        return session.snapshots.is_done

    async def until(self, condition: Callable[[], bool], each: Callable[[Any], None]) -> None:
        """Collect until the condition holds."""
        while not condition():
            for event in await self.step() or ():
                each(event)

    async def to_end_of(self, server: SqlServer, each: Callable[[Any], None]) -> None:
        """Collect up to what is the end of the server's binlog now."""
        file, size = server.query("SHOW BINARY LOGS")[-1][:2]
        session = self.collector._session
        assert session is not None
        await self.until(lambda: session.place.is_behind(file, size), each)


@contextmanager
def changing(server: SqlServer, change: Callable[[Any, random.Random], None], threads: int = 2) -> Iterator[None]:
    """Sessions that change things all the time; what one does is one transaction."""
    stop = threading.Event()

    def work(seed: int) -> None:
        draw = random.Random(seed)
        with server.connect() as connection:
            connection.autocommit(False)
            while not stop.is_set():
                with suppress(pymysql.err.OperationalError, pymysql.err.IntegrityError), connection.cursor() as cursor:
                    change(cursor, draw)
                    connection.commit()
                    continue
                connection.rollback()

    workers = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        stop.set()
        for worker in workers:
            worker.join(10)
