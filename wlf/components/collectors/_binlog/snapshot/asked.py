"""Looks for requests in the pipeline's state, and lets go of each once its copies are in the stored positions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from wlf.components.base import Context
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.snapshot import requests
from wlf.components.collectors._binlog.snapshot.progress import PREFIX, Progress, decode_progress
from wlf.components.collectors._binlog.snapshot.tables import Table, count_of, matches, tables_of

_POLL_S = 1.0


class Asked:
    """`known` are the names of the copies in the positions, by partition: a request that is there has begun before."""

    def __init__(
        self, config: BinlogConfig, context: Context, wants: Callable[[str, str], bool], known: Mapping[str, str]
    ) -> None:
        self._config = config
        self._context = context
        self._wants = wants
        self._known = dict(known)
        self._open: dict[str, set[str]] = {}
        """Partitions by request, as long as the stored positions may not know the request's copies."""
        self._poll_at = context.clock.monotonic()

    async def poll(self) -> list[Progress]:
        """The copies that are to begin."""
        now = self._context.clock.monotonic()
        if now < self._poll_at:
            return []
        self._poll_at = now + _POLL_S
        found = requests.found(await self._context.state.load(requests.PREFIX))
        new = {run: request for run, request in found.items() if run not in self._open}
        if not new:
            return []
        tables = await asyncio.to_thread(tables_of, self._config)
        begun: list[Progress] = []
        for run, request in sorted(new.items()):
            copies = [] if request is None else self._copies(run, request, tables)
            if copies:
                self._open[run] = {copy.partition for copy in copies}
                begun += [copy for copy in copies if self._known.get(copy.partition) != run]
            else:
                await self._drop(run)
        return begun

    def _copies(self, run: str, request: requests.Request, tables: Sequence[Table]) -> list[Progress]:
        matching = [table for table in tables if matches(table, request.tables)]
        wanted = [table for table in matching if self._wants(*table)]
        asked = ", ".join(request.tables)
        if not matching:
            self._context.logger.error("snapshot of %s: the server has no such table, or the account sees none", asked)
        elif not wanted:
            self._context.logger.error(
                "snapshot of %s: `tables` or the graph below leaves out all that match (%s)",
                asked,
                ", ".join(".".join(table) for table in matching[:5]),
            )
        else:
            self._context.logger.info("snapshot of %s was asked for: %s", asked, count_of(len(wanted)))
        return [Progress(run, *table, comment=request.comment) for table in wanted]

    async def commit(self, positions: Mapping[str, bytes]) -> None:
        """Let go of the requests whose copies are in these stored positions."""
        for partition, stored in positions.items():
            if not self._open or not partition.startswith(PREFIX):
                continue
            run = decode_progress(stored).run
            for request, partitions in list(self._open.items()):
                # A later request for the same table takes the place of this one.
                if partition in partitions and (run == request or run in self._open):
                    partitions.discard(partition)
                if not partitions:
                    del self._open[request]
                    await self._drop(request)

    async def _drop(self, request: str) -> None:
        await self._context.state.save({requests.PREFIX + request: None})
