"""From the decoder's items to what `collect()` returns: events, the position behind them, and what was left out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec import structs

from wlf.binlog import Decoder, EndOfStream, Heartbeat, Item, NeedSchema, Statement, Transaction
from wlf.binlog.ddl import Effect
from wlf.binlog.statements import strip_comments
from wlf.components.base import Clock, Collected, Context, Counter
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.components.collectors._binlog.history import SchemaHistory
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.place import FIRST_OFFSET, PARTITION, Position, PreparedXa
from wlf.errors import Retryable
from wlf.events import Event, SchemaChange

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.snapshot.window import Watch

_WARN_EVERY_S = 60.0
_HEAD = re.compile(
    r"\w+(?:\s+(?:LOW_PRIORITY|HIGH_PRIORITY|DELAYED|QUICK|IGNORE|INTO|FROM)\b)*\s+[\w$`][\w$`.]*", re.IGNORECASE
)

OnDdl: TypeAlias = Callable[[Statement, list[Effect]], list[SchemaChange]]


class Begin(NamedTuple):
    """How a reading begins."""

    server: str
    """Names the server in positions; "" for bare files."""
    news: Position | None
    """The place to store before anything came; None where it is stored already, or not known yet."""
    is_place_known: bool = True
    """False behind a GTID set: no place may be stored before the first transaction came."""
    knows_gtids: bool = False
    """Whether the decoder's GTID set is complete, so that it may be stored."""
    learns_gtids: bool = False
    """Whether it is complete once a new file has begun, which has all before it at its head (MySQL)."""


class Flow:
    """Feeds the decoder and keeps what came until it is taken. `on_ddl` makes the event of a statement."""

    def __init__(
        self,
        decoder: Decoder,
        assembler: Assembler,
        lag: Lag,
        context: Context,
        begin: Begin,
        history: SchemaHistory,
        on_ddl: OnDdl | None,
    ) -> None:
        self.decoder = decoder
        self.need: NeedSchema | None = None
        self._assembler = assembler
        self._lag = lag
        self._begin = begin
        self._on_ddl = on_ddl
        self._history = history
        self._number = history.number
        """Of the last definition that lies before the last boundary."""
        self._events: list[Event] = []
        self._closed = 0
        """How many of `_events` belong to transactions that have ended: a position covers no others."""
        self._news = None if begin.news is None else structs.replace(begin.news, schema=history.number)
        self._left_out = LeftOut(decoder, context)
        self._open: tuple[str, int, str | None] | None = None
        """File, offset and GTID of the last that came of a transaction which has not ended."""
        self._place = (decoder.boundary.file, decoder.boundary.position)
        self._first_file = decoder.boundary.file
        self.watch: Watch | None = None
        """Is told of all that snapshots must know of."""
        self.is_between = True
        """Was nothing handed out of a transaction that is still open?"""

    @property
    def place(self) -> tuple[str, int]:
        """File and offset of the last boundary: everything before it was fed and assembled."""
        return self._place

    def feed(self, chunk: bytes) -> None:
        """Decode a chunk (b"": what is left of the former ones) as far as one batch goes."""
        items = self.decoder.feed(chunk)
        ts = 0
        for item in items:
            ts = self._accept(item) or ts
        self._left_out.count()
        boundary = self.decoder.boundary
        if (boundary.file, boundary.position) != self._place:
            before, self._place = self._place, (boundary.file, boundary.position)
            if self._begin.is_place_known or boundary.gtid is not None:
                if self._begin.learns_gtids:
                    self._learn(*before)
                gtids = self.decoder.gtids if self._begin.knows_gtids else None
                prepared = tuple(PreparedXa(*xa) for xa in self.decoder.prepared)
                text = None if gtids is None else str(gtids)
                self._news = Position(*self._place, self._begin.server, text, self._number, prepared)
        self._lag.reached(*self.decoder.position, ts)

    def _learn(self, file: str, offset: int) -> None:
        """Behind the first event of a later file comes the set; then that was read by the boundary after that one."""
        if file == self._place[0] != self._first_file and offset > FIRST_OFFSET:
            self._begin = self._begin._replace(knows_gtids=True, learns_gtids=False)

    def _accept(self, item: Item) -> int:
        """Take one item in; its timestamp, 0 where it has none."""
        if isinstance(item, Transaction):
            if self.watch is not None:
                item = self.watch.transaction(item)
            self._events += self._assembler.events(item)
            if item.commit:
                self._closed = len(self._events)
                self._number = self._history.number
            else:
                self._open = item.file, item.end_position, item.gtid
            return item.ts
        if isinstance(item, Statement):
            if self.watch is not None:
                self.watch.statement(item)
            self._left_out.statement(item)
            effects = self._history.apply(item, self.decoder.server_version)
            if self._on_ddl is not None:
                self._events += self._on_ddl(item, effects)
            # CREATE TABLE ... SELECT is a statement within a transaction: it ends with the rows behind it.
            boundary = self.decoder.boundary
            if item.file != boundary.file or item.end_position <= boundary.position:
                self._closed = len(self._events)
                self._number = self._history.number
            else:
                self._open = item.file, item.end_position, item.gtid
            return item.ts
        if isinstance(item, NeedSchema):
            self.need = item
        elif isinstance(item, Heartbeat):
            self._lag.heard()
        elif isinstance(item, EndOfStream):
            raise Retryable(f"{item.file}:{item.position}: the server ended the stream")
        return 0

    def take(self) -> Collected | None:
        """What came since the last time; None where that is nothing."""
        if not self._events and self._news is None:
            return None
        news, self._news = self._news, None
        if news is None:
            events, self._events = self._events, []
            self.is_between = self._closed == len(events)
            self._closed = 0
            return Collected(events, {}, PARTITION, self._until())
        # Rows of a transaction that is still open come in a batch of their own. With them, a dispatcher whose cursor is
        # this very position would be denied the batch after a restart, and so the first rows of the next transaction.
        events, self._events = self._events[: self._closed], self._events[self._closed :]
        self._closed = 0
        self.is_between = True
        return Collected(events, {PARTITION: news.encode()})

    def _until(self) -> bytes | None:
        """A place behind what came of the open transaction: on another server its GTID tells who has it."""
        found, self._open = self._open, None
        if found is None:
            return None
        file, offset, gtid = found
        return Position(file, offset, self._begin.server, gtid).encode()


class LeftOut:
    """Counts what will never become an event, and warns of statements that should have been rows."""

    def __init__(self, decoder: Decoder, context: Context) -> None:
        self._counts = decoder.counts
        self._logger: logging.Logger = context.logger
        self._clock: Clock = context.clock
        self._filtered = _dropped(context, "filtered")
        self._rolled_back = _dropped(context, "rolled_back")
        self._statements = _dropped(context, "statement")
        self._unfit = _dropped(context, "schema_mismatch")
        self._ignorable = _dropped(context, "ignorable")
        self._undecodable = context.metrics.counter(
            "wlf_undecodable_texts_total", "Texts with bytes that their character set does not define."
        )
        self._counted = (0, 0, 0, 0, 0)
        self._escaped = 0
        self._warned_at = float("-inf")

    def count(self) -> None:
        """Move the counters on to what the decoder says; it began at 0, they may not have."""
        counts = self._counts
        now = (
            counts.filtered_events,
            counts.discarded_events,
            counts.undecodable.values,
            counts.unfit_events,
            counts.skipped_events,
        )
        if now != self._counted:
            before, self._counted = self._counted, now
            counters = (self._filtered, self._rolled_back, self._undecodable, self._unfit, self._ignorable)
            for counter, was, is_ in zip(counters, before, now, strict=True):
                counter.add(is_ - was)
        if counts.escaped_events != self._escaped:
            self._escaped = counts.escaped_events
            self._logger.warning(
                "rows of a transaction over hold_max_bytes were handed on before it was rolled back, in whole or in "
                "part (large: spill waits for its end)"
            )

    def statement(self, statement: Statement) -> None:
        """Warn of a change that was logged as SQL: its rows cannot be known."""
        if statement.kind == "xa-unknown":
            self._logger.warning(
                "%s:%d: a transaction of XA is committed that was prepared before the place where reading began: what "
                "it changed, if that was in wanted tables, is not read (copy them anew where it matters)",
                statement.file,
                statement.end_position,
            )
        if statement.kind != "dml":
            return
        self._statements.add()
        now = self._clock.monotonic()
        if now - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = now
            self._logger.warning(
                "%s:%d: a change is logged as a statement and cannot be read as rows (SET GLOBAL binlog_format = ROW, "
                "and reconnect the session): %s",
                statement.file,
                statement.end_position,
                _head(statement.sql),
            )


def _head(sql: str) -> str:
    """`INSERT INTO d.t ...`: the verb and what it is about, without any value."""
    found = _HEAD.match(strip_comments(sql))
    return f"{found[0]} ..." if found else "..."


def _dropped(context: Context, reason: str) -> Counter:
    return context.metrics.counter("wlf_dropped_events_total", "Events that go no further, by reason.", reason=reason)
