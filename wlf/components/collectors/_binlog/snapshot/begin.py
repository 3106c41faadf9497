"""Puts snapshots beside a stream that has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from wlf.components.collectors._binlog import server
from wlf.components.collectors._binlog.making import Making
from wlf.components.collectors._binlog.place import PARTITION, Position
from wlf.components.collectors._binlog.side import SideConnection
from wlf.components.collectors._binlog.snapshot import marks
from wlf.components.collectors._binlog.snapshot.plan import Plan, plan
from wlf.components.collectors._binlog.snapshot.snapshots import Snapshots, Source


async def begin_snapshots(
    making: Making,
    side: SideConnection,
    stored: Mapping[str, bytes],
    start: Position | None,
    *,
    is_needed: bool,
    is_first: bool,
) -> Snapshots:
    """The copies that are due, once it is settled where the stream begins.

    Args:
        stored: the stored positions, of all partitions.
        start: where the stream begins; None where only its GTIDs are known.
        is_needed: changes are lost, so the tables must be copied.
        is_first: this process has not opened the source before.

    Raises:
        SetupError: there is nothing to copy, though a snapshot was asked for.
        Retryable: the server is not there.
    """
    config = making.config
    marked = await marks.load(making.context.state)

    def decide() -> tuple[server.Server, Plan, Position]:
        found = server.look_at(side, config.address)
        begins = PARTITION not in stored
        chosen = plan(
            config,
            making.context,
            making.wants,
            stored,
            begins=begins,
            is_needed=is_needed,
            is_first=is_first,
            marked=marked,
        )
        if start is not None:
            return found, chosen, start
        end = server.end_of_binlog(side, found)
        return found, chosen, Position(end.file, end.offset)

    found, chosen, floor = await asyncio.to_thread(decide)
    source = Source(config, making.context, found, making.bind, making.wants)
    return Snapshots(source, chosen, (floor.file, floor.offset))
