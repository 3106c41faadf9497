"""One reading of a binlog from open to close: a source of bytes, the flow through the decoder, and what they need."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import count
from math import inf
from typing import TYPE_CHECKING

from wlf.binlog import NeedSchema, ServerRefused, UnsupportedEvent
from wlf.components.base import Collected
from wlf.components.collectors._binlog import refusal, server
from wlf.components.collectors._binlog.flow import Flow
from wlf.components.collectors._binlog.lag import POLL_S, Lag
from wlf.components.collectors._binlog.making import Making
from wlf.components.collectors._binlog.place import FIRST_OFFSET, Position
from wlf.components.collectors._binlog.sources import Source
from wlf.errors import ComponentError, DecodeError, WlfError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection
    from wlf.components.collectors._binlog.snapshot.snapshots import Snapshots

_LOOK_S = 1.0
"""How often it is looked, while nothing comes, whether a snapshot was asked for."""

_FRUITLESS = 8
"""After so many chunks without an event the others have their turn: whoever reads a backlog never has to wait."""


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
        self._history = making.history
        self._begun_at = flow.place
        self._poll_at = self._clock.monotonic() + POLL_S
        self._poll: asyncio.Task[None] | None = None
        self.snapshots: Snapshots | None = None

    @property
    def side(self) -> SideConnection | None:
        """The connection beside the stream."""
        return self._side

    @property
    def place(self) -> Position:
        """The last boundary that reading has come to."""
        return Position(*self._flow.place)

    def copy_with(self, snapshots: Snapshots) -> None:
        """Hand out chunks of tables between the transactions."""
        self.snapshots = snapshots
        snapshots.on_ready = self._source.call
        self._flow.watch = snapshots.watch

    async def collect(self) -> Collected | None:
        """See `BinlogCollector.collect`."""
        for rounds in count(1):
            if self._history.has_unsaved:
                await self._history.save()  # before any position that relies on it
            collected = self._take()
            if collected is not None:
                self._poll_sizes()
                return collected
            if self.snapshots is not None:
                await self.snapshots.poll()
            if rounds % _FRUITLESS == 0:
                await asyncio.sleep(0)
            if not await self._advance():
                break
        return None

    def _take(self) -> Collected | None:
        """What is there. Chunks come only when all was handed out that lies before them."""
        flow, snapshots = self._flow, self.snapshots
        collected = flow.take()
        if collected is None:
            return snapshots.take(flow.place) if snapshots is not None and flow.is_between else None
        if snapshots is not None and not collected.events:
            # In one batch, so that no crash can leave the place of the stream without its copies.
            return collected._replace(positions={**collected.positions, **snapshots.announcements()})
        return collected

    async def _advance(self) -> bool:
        """Read and decode on as far as possible; False at the end."""
        flow, snapshots = self._flow, self.snapshots
        if snapshots is not None and snapshots.holds_stream and flow.is_between:
            await snapshots.ready.wait()
        elif flow.need is not None:
            await self._provide(flow.need)
            flow.feed(b"")
        elif flow.decoder.pending:
            flow.feed(b"")
        elif self._is_at_end():
            return False
        else:
            chunk = await self._source.read(inf if snapshots is None else _LOOK_S)
            if chunk is None:
                return False
            if chunk:
                flow.feed(chunk)
        return True

    def _is_at_end(self) -> bool:
        if self.end is None:
            return False
        here = self.place
        if self.snapshots is not None and not (self.snapshots.is_done and here.is_behind(*self.snapshots.high)):
            return False
        return here.is_behind(self.end.file, self.end.offset)

    async def _provide(self, need: NeedSchema) -> None:
        decoder = self._flow.decoder
        columns = await self._history.columns(need, self._side, self._config, decoder.server_version)
        self._flow.need = None
        if columns is None:
            decoder.refuse()
        else:
            decoder.provide(columns)

    def is_misplaced(self, error: DecodeError) -> bool:
        """Is nothing decoded yet since a place in the middle of a file? Then perhaps no event begins there."""
        at = self._begun_at
        return self._flow.place == at and at[1] != FIRST_OFFSET and not isinstance(error, UnsupportedEvent)

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
            await asyncio.gather(self._poll, return_exceptions=True)
        if self.snapshots is not None:
            await self.snapshots.close()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._source.close()
        self._flow.decoder.close()
        if self._side is not None:
            self._side.close()
