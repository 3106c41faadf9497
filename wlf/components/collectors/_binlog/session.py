"""One reading of a binlog from open to close: a source of bytes, the flow through the decoder, and what they need."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from wlf.binlog import NeedSchema, ServerRefused
from wlf.components.base import Collected
from wlf.components.collectors._binlog import refusal, schema, server
from wlf.components.collectors._binlog.flow import Flow
from wlf.components.collectors._binlog.lag import POLL_S, Lag
from wlf.components.collectors._binlog.making import Making
from wlf.components.collectors._binlog.place import Position
from wlf.components.collectors._binlog.sources import Source
from wlf.errors import ComponentError, SetupError, WlfError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection


class Session:
    """See the module. `end` is where reading stops with `until_end`; None: where the source ends."""

    def __init__(self, making: Making, source: Source, flow: Flow, lag: Lag, side: SideConnection | None) -> None:
        self.lag = lag
        self.end: Position | None = None
        self._config = making.config
        self._clock = making.context.clock
        self._source = source
        self._flow = flow
        self._side = side
        self._poll_at = self._clock.monotonic() + POLL_S
        self._poll: asyncio.Task[None] | None = None

    async def collect(self) -> Collected | None:
        """See `BinlogCollector.collect`."""
        flow = self._flow
        while True:
            collected = flow.take()
            if collected is not None:
                self._poll_sizes()
                return collected
            if flow.need is not None:
                await self._provide(flow.need)
                flow.feed(b"")
            elif flow.decoder.pending:
                flow.feed(b"")
            elif self.end is not None and Position(*flow.place).is_behind(self.end.file, self.end.offset):
                return None
            else:
                chunk = await self._source.read()
                if chunk is None:
                    return None
                flow.feed(chunk)

    async def _provide(self, need: NeedSchema) -> None:
        if self._side is None:
            raise SetupError(
                f"{need.file}:{need.position}: the file does not name the columns of {need.database}.{need.table}",
                hint="SET GLOBAL binlog_row_metadata = FULL where it is written, or name a `host` that has the table",
            )
        columns = await asyncio.to_thread(schema.columns_of, need, self._side)
        self._flow.need = None
        self._flow.decoder.provide(columns)

    async def explain(self, refused: ServerRefused) -> ComponentError:
        """What the server's error means for the user."""
        assert self._side is not None, "files cannot refuse"
        return await asyncio.to_thread(refusal.explain, refused, self._config.address, self._side)

    def _poll_sizes(self) -> None:
        """Ask for the sizes of the server's files now and then, beside the reading."""
        now = self._clock.monotonic()
        if self._side is not None and not self._config.files and now >= self._poll_at:
            self._poll_at = now + POLL_S
            self._poll = asyncio.create_task(self._update_sizes(self._side))

    async def _update_sizes(self, side: SideConnection) -> None:
        # Only the lag would be less exact without an answer; a lost server is noticed by the stream.
        with contextlib.suppress(WlfError):
            self.lag.sizes = await asyncio.to_thread(server.binlog_files, side)

    async def close(self) -> None:
        """End everything: the stream, the thread and the connections."""
        if self._poll is not None:
            self._poll.cancel()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._source.close()
        if self._side is not None:
            self._side.close()
