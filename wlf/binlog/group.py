"""The transaction that is being read: its rows events as raw frames, decoded once its XID is known."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias

from wlf.binlog.counts import Counts
from wlf.binlog.details import partitions
from wlf.binlog.gtid import GtidPosition, GtidSet, Source, gtid_text
from wlf.binlog.items import Boundary, Change, Item, Prepared, Transaction
from wlf.binlog.prepared import Held, PreparedTransactions
from wlf.binlog.rows import DAMAGE, KINDS, Decoded
from wlf.binlog.spill import QUERY, SAVEPOINT, Frame, MakeFile, Spool
from wlf.errors import DecodeError

Gtid: TypeAlias = tuple[bytes, int] | tuple[Source, int] | tuple[int, int, int]
"""MySQL's uuid and number, or source and number where there is a tag; MariaDB's domain, server, sequence number."""


_tuple: Any = tuple.__new__  # the constructor of a NamedTuple is twice as slow

FRAME_BYTES = 128
"""What a held frame costs besides its bytes."""


@dataclass(frozen=True)
class Limits:
    """What bounds the memory: raw bytes held for an XID, and rows or raw bytes handed out by one call.

    `make_file` gives room for what is beyond `hold_max_bytes`: for transactions that XA prepares, and with `spills` for
    all others too, which are streamed without it.
    """

    hold_max_bytes: int
    batch_rows: int
    batch_bytes: int
    make_file: MakeFile | None = None
    spills: bool = False


class Group:
    """The frames of the open transaction, and how far they have been handed out.

    `open` lasts from a GTID or BEGIN to the end of the transaction. `begun` means that only a commit ends it; without,
    the next statement does. `draining` means that rows are left which were to be handed out. `xa` is the name under
    which it will be prepared. Before `quiet_until`, a boundary, only what XA prepared is taken in.
    """

    def __init__(
        self,
        limits: Limits,
        counts: Counts,
        file: str,
        position: int,
        *,
        details: bool = False,
        quiet_until: tuple[str, int] | None = None,
    ) -> None:
        self.frames: list[Frame] = []
        self.held = 0
        self.hold_max_bytes = limits.hold_max_bytes
        self.open = False
        self.begun = False
        self.draining = False
        self.full = False
        """Enough rows for one call."""
        self.xa: str | None = None
        self.thread_id: int | None = None
        self.commit_us: int | None = None
        self.prepared = PreparedTransactions(limits.hold_max_bytes, limits.make_file)
        self._boundary: tuple[str, int, Gtid | None] = (file, position, None)
        self._gtids: GtidSet | GtidPosition | None = None
        self._run: tuple[bytes | Source, int] | None = None
        self._source: bytes | Source = b""
        self._prefix = ""
        self._run_last = 0
        self.out: list[Item] = []
        self._file = file
        self._limits = limits
        self._counts = counts
        self._details = details
        self.gtid: Gtid | None = None
        self._end: tuple[int | None, int, int] | None = None  # xid, ts, position behind the commit
        self._next = 0
        self._owned = 0
        self._xoffset = 0
        self._quiet = quiet_until
        self.is_simple = quiet_until is None
        """All that it has lies in `frames`, wanted, and nothing but rows."""
        self._streamed = False
        self._spool: Spool | None = None
        self._lots: Iterator[list[Frame]] | None = None
        self._more: list[Frame] | None = None
        self._query: str | None = None
        self._offset: int | None = None
        """Where all its rows are said to end ..."""
        self._origin: str | None = None
        """... and the file that they lie in: those of a prepared transaction."""
        self._last_end = 0
        self._rows_before = 0
        self._rows_out = 0
        self._bytes_out = 0

    # The course of a transaction.

    def begin(self, gtid: Gtid | None, *, begun: bool) -> None:
        """A transaction begins; `begun` where no BEGIN follows (MariaDB)."""
        self.gtid = gtid
        self.open = True
        self.begun = begun

    def hold(self, frame: Frame, size: int) -> None:
        """A rows event of it, of so many bytes; it is decoded when the XID is known."""
        self.frames.append(frame)
        self.open = True
        self.held += size + FRAME_BYTES
        if self.held > self.hold_max_bytes:
            self.overflow()

    def close(self, xid: int | None, ts: int, end: int) -> None:
        """It is committed, and ends at position `end`."""
        frames = self.frames
        if len(frames) == 1 and self.is_simple:
            self.close_one(frames[0], xid, ts, end)
            return
        if self._quiet is not None:
            self._closed(end)
            return
        self._end = (xid, ts, end)
        while frames and frames[-1][1] <= SAVEPOINT:
            frames.pop()  # the last part must have the last row
        if self._spool is not None:
            self._unspool(self._spool)
        if frames or self._streamed:
            self.drain()
        else:
            self._end = None
            self._closed(end)

    def overflow(self) -> None:
        """It is too long to wait for its end in memory: it goes to a file, or rows are handed out at once."""
        make_file = self._limits.make_file
        if self._quiet is not None and self.xa is None:
            self._forget_frames()
        elif make_file is not None and (self._limits.spills or self.xa is not None):
            self.is_simple = False
            self._spool = self._spool or Spool(make_file)
            self._spool.write(self.frames)
            self._forget_frames()
        elif self.xa is None:
            self.is_simple, self._streamed = False, True
            self.drain()

    def _forget_frames(self) -> None:
        self.frames.clear()
        self.held = self._next = self._owned = 0

    def note(self, kind: int, text: bytes, position: int) -> None:
        """A frame that is no rows event, see `spill.QUERY`."""
        self.is_simple = False
        none: Any = None
        self.frames.append((none, kind, 0, 0, text, 0, len(text), position))
        self.held += len(text) + FRAME_BYTES

    def roll_back(self, ts: int, end: int) -> None:
        """It is not committed, and ends at position `end`; rows that were streamed cannot be taken back."""
        self._counts.discarded_events += self._rows_events()
        if self._streamed:
            self._counts.escaped_events += 1
            self._forget_frames()
            self._end = (None, ts, end)
            self.drain()
        else:
            self._closed(end)

    def roll_back_to(self, savepoint: bytes) -> None:
        """What came behind a savepoint is undone; one that was set before the first change is not in the binlog."""
        frames, before = self.frames, self._rows_events()
        for at in range(len(frames) - 1, -1, -1):
            frame = frames[at]
            if frame[1] == SAVEPOINT and frame[4][frame[5] : frame[6]] == savepoint:
                del frames[at + 1 :]
                self._owned = min(self._owned, len(frames))
                self.held = _held(frames)
                break
        else:
            self._forget_frames()
            if self._streamed:
                self._counts.escaped_events += 1
            elif self._spool is not None:
                self._spool.cut(savepoint)  # as above: one that is not there was set before all that is
        self._counts.discarded_events += before - self._rows_events()

    def _rows_events(self) -> int:
        """How many rows events are kept."""
        spooled = self._spool.events if self._spool is not None and self._lots is None else 0
        return spooled + sum(frame[1] > SAVEPOINT for frame in self.frames)

    def abandon(self) -> None:
        """It was never committed: a crash of the server cut it off."""
        self._counts.discarded_events += self._rows_events()
        self._counts.escaped_events += self._streamed
        self._reset()

    # XA: two groups, one that prepares and one that commits, which may be far behind it.

    def expect_prepare(self, xid: str) -> None:
        """XA will prepare it under this name: until then nothing of it is handed out."""
        self.xa = xid
        self.is_simple = False

    def prepare(self, xid: str, end: int) -> None:
        """It ends at `end` as prepared: its rows wait for `commit_prepared`."""
        self.own_frames(whole=False)
        file, offset, _ = self._boundary
        prepared = Prepared(xid, file, offset, _text(self.gtid))
        self.prepared.put(Held(prepared, self.frames[:], self._spool, self.held, self.thread_id))
        self._spool = None
        self._closed(end)

    def commit_prepared(self, xid: str, ts: int, end: int) -> bool:
        """The rows of a prepared transaction are this one's; False: it is not known."""
        held = self.prepared.pop(xid)
        if held is not None and self._quiet is None:
            self.is_simple = False
            self.frames[:], self._owned = held.frames, len(held.frames)
            self._spool, self._offset, self._origin = held.spool, end, held.prepared.file
            self.thread_id = held.thread_id
        known = held is not None or self._quiet is not None
        self.close(None, ts, end)
        return known

    def roll_back_prepared(self, xid: str, end: int) -> None:
        """A prepared transaction is dropped."""
        held = self.prepared.pop(xid)
        if held is not None:
            if self._quiet is None:
                self._counts.discarded_events += held.events
            if held.spool is not None:
                held.spool.close()
        self._closed(end)

    def close_files(self) -> None:
        """Reading ends here: give the room of the temporary files back."""
        if self._spool is not None:
            self._spool.close()
        self.prepared.close()

    # Where it is.

    def jump(self, file: str, position: int) -> None:
        """Reading goes on elsewhere, where no transaction is open."""
        if self._quiet is not None:
            self._listen(file, position)
        self._file = file
        self._boundary = (file, position, self._boundary[2])

    def _listen(self, file: str, position: int) -> None:
        """End the quiet once its place is reached, or its file left behind."""
        quiet = self._quiet
        if quiet is not None and ((file == quiet[0] and position >= quiet[1]) or file != quiet[0] == self._boundary[0]):
            self._quiet, self.is_simple = None, True

    @property
    def is_quiet(self) -> bool:
        """Whether this is read for the sake of prepared transactions alone."""
        return self._quiet is not None

    @property
    def boundary(self) -> Boundary:
        """Behind the last transaction that was handed out whole."""
        if self._quiet is not None:
            return Boundary(*self._quiet, None)
        file, position, gtid = self._boundary
        return Boundary(file, position, _text(gtid))

    def gtid_text(self) -> str | None:
        """The open transaction's GTID, None if it is anonymous."""
        gtid = self.gtid
        if gtid is not None and gtid[0] == self._source:
            return f"{self._prefix}{gtid[1]}"
        text = _text(gtid)
        if gtid is not None and text is not None and len(gtid) == 2:
            self._source, self._prefix = gtid[0], text.removesuffix(str(gtid[1]))
        return text

    # Handing out.

    def refill(self) -> list[Item]:
        """What has been handed out up to now; from here on a new call's measure counts."""
        out, self.out = self.out, []
        self._rows_out = self._bytes_out = 0
        self.full = False
        return out

    def drain_rest(self) -> None:
        """Hand out all that is left, whatever the measure of a call."""
        limits = self._limits
        self._limits = replace(limits, batch_rows=sys.maxsize, batch_bytes=sys.maxsize)
        if self.draining:
            self.drain()
        self._limits = limits

    def drain(self) -> None:
        """Decode frames until all are handed out or the call's measure is full."""
        frames, at, end = self.frames, self._next, self._end
        last = len(frames) if end else len(frames) - 1
        rows_left = self._limits.batch_rows - self._rows_out
        bytes_left = self._limits.batch_bytes - self._bytes_out
        changes: list[Change] = []
        count = size = 0
        is_continued = self._xoffset > 0
        while count < rows_left and size < bytes_left:
            if at >= last:
                if not self._next_lot():
                    break
                at, last = 0, len(frames)
            frame = frames[at]
            at += 1
            size += frame[6] - frame[5]
            if frame[1] > SAVEPOINT:
                rows, olds = _decode(frame, self._origin or self._file)
                count += len(rows)
                if rows:
                    changes.append(self._change(frame, rows, olds))
            elif frame[1] == QUERY:
                self._query = frame[4][frame[5] : frame[6]].decode("utf-8", "replace")
        self._rows_out += count
        self._bytes_out += size
        self._next = at
        self.full = self.full or count >= rows_left or size >= bytes_left
        self.draining = at < last or self._more is not None
        # A transaction that came in parts ends the call that ends it: the next ones would otherwise share a batch, and
        # so a resume position, with half a transaction.
        self.full = self.full or self.draining or (is_continued and end is not None)
        if changes or (end and (self._streamed or is_continued) and not self.draining):
            self._emit(changes, count)
        if not self.draining:
            self._drained()

    def _change(self, frame: Frame, rows: list[Any], olds: list[Any] | None) -> Change:
        table, kind, ts, server, buf, start, _, end = frame
        if self._offset is not None:
            end = self._offset
        self._rows_before = before = self._rows_before if end == self._last_end else 0
        self._last_end = end
        self._rows_before += len(rows)
        where = partitions(kind, buf, start) if self._details else ()
        return _tuple(  # type: ignore[no-any-return]
            Change, (table.binding, KINDS[kind], ts, server, end, rows, olds, self._query, where, before)
        )

    def _unspool(self, spool: Spool) -> None:
        """What is in the file comes first, then what is in memory."""
        rest = self.frames[:]
        self._lots = chain(spool.lots(), [rest] if rest else [])
        self._more = next(self._lots, None)
        self.frames.clear()
        self._next_lot()

    def _next_lot(self) -> bool:
        """Put the next frames of the file into `frames`; False: there are none."""
        if self._more is None or self._lots is None:
            return False
        self.frames[:] = self._more
        self._more = next(self._lots, None)
        self._owned = len(self.frames)
        self._next = 0
        return True

    def close_unwanted(self, end: int) -> None:
        """A transaction with one rows event, of a table that nobody wants, ends at `end`."""
        self._counts.filtered_events += 1
        self._closed(end)

    def close_one(self, frame: Frame, xid: int | None, ts: int, end: int) -> None:
        """The short way of a transaction with one rows event: most of them are so. `is_simple` must hold."""
        table, kind, change_ts, server, buf, start, stop, position = frame
        try:
            rows, olds = table.rows(kind, buf, start, stop)
        except DecodeError as error:
            raise _located(error.message, frame, self._file) from error
        except DAMAGE as error:
            raise _damaged(error, frame, self._file) from error
        self._rows_out += len(rows)
        self._bytes_out += stop - start
        if self._rows_out >= self._limits.batch_rows or self._bytes_out >= self._limits.batch_bytes:
            self.full = True
        if rows:
            # The extra row information of most events is nothing but its length, 2.
            where = partitions(kind, buf, start) if self._details and buf[start + 27] != 2 else ()
            change = (table.binding, KINDS[kind], change_ts, server, position, rows, olds, None, where, 0)
            changes = [_tuple(Change, change)]
            gtid, session, when = self.gtid_text(), self.thread_id, self.commit_us
            found = (gtid, xid, self._file, end, ts, changes, True, True, 0, session, when)
            self.out.append(_tuple(Transaction, found))
        following, run = self.gtid, self._run
        if following is None or run is None or following[1] != self._run_last + 1 or following[0] != run[0]:
            self._closed(end)
            return
        # What `_closed` does, for the next number of the same server.
        self._run_last += 1
        self._boundary = (self._file, end, following)
        self.open = self.begun = False
        self.gtid = None
        self.frames.clear()
        self.held = self._owned = 0

    def _emit(self, changes: list[Change], count: int) -> None:
        commit = self._end is not None and not self.draining
        xid, ts, end = self._end or (None, changes[-1].ts, 0)
        if not commit:
            end = changes[-1].end_position
            if self._streamed:
                xid = None
        where = (self._file, end, ts, changes, commit, not self._streamed, self._xoffset)
        self.out.append(Transaction(self.gtid_text(), xid, *where, self.thread_id, self.commit_us))
        self._xoffset += count

    def _drained(self) -> None:
        if self._end is not None:
            self._closed(self._end[2])
            return
        # The last one is kept: if it is the transaction's last, it gets the commit.
        self._owned = int(self._owned == len(self.frames))
        del self.frames[:-1]
        self.held = _held(self.frames)
        self._next = 0

    def _closed(self, end: int) -> None:
        if self._quiet is not None:
            self._listen(self._file, end)
            self._boundary = (self._file, end, None)
            self._reset()
            return
        gtid = self.gtid
        if gtid is None:
            gtid = self._boundary[2]
        elif gtid[1] == self._run_last + 1 and self._run is not None and gtid[0] == self._run[0]:
            self._run_last += 1  # as most do; the set gets the run when somebody looks at it
        else:
            self._remember(gtid)
        self._boundary = (self._file, end, gtid)
        self._reset()

    def _remember(self, gtid: Gtid) -> None:
        if len(gtid) == 2:
            self._end_run()
            self._run, self._run_last = gtid, gtid[1]
        else:
            if not isinstance(self._gtids, GtidPosition):
                self._gtids = GtidPosition()
            self._gtids.add(*gtid)

    def _end_run(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            if not isinstance(self._gtids, GtidSet):
                self._gtids = GtidSet()
            source = (run[0], "") if isinstance(run[0], bytes) else run[0]
            self._gtids.add_range(source, run[1], self._run_last)

    @property
    def gtids(self) -> GtidSet | GtidPosition | None:
        """The GTIDs of all transactions up to the boundary, and those that were put here."""
        self._end_run()
        return self._gtids

    @gtids.setter
    def gtids(self, value: GtidSet | GtidPosition | None) -> None:
        self._run = None
        self._gtids = value

    def _reset(self) -> None:
        self.open = self.begun = False
        self.gtid = None
        if self._end is not None or not self.is_simple:
            self._clear()
        elif self.frames:  # one, or none was touched: most transactions
            self.frames.clear()
            self.held = self._owned = 0

    def _clear(self) -> None:
        self._forget_frames()
        if self._spool is not None:
            self._spool.close()
        self._spool = self._lots = self._more = None
        self._xoffset = self._rows_before = self._last_end = 0
        self.draining = self._streamed = False
        self.is_simple = self._quiet is None
        self.xa = self.thread_id = self.commit_us = self._query = None
        self._end = self._offset = self._origin = None

    def own_frames(self, *, whole: bool) -> None:
        """Copy the frames that lie in the chunk just read, so that it does not live as long as the transaction.

        `whole`: it was no chunk but the event alone.
        """
        frames = self.frames
        for index in range(len(frames) if whole else self._owned, len(frames)):
            table, kind, ts, server, buf, start, stop, position = frames[index]
            frames[index] = (table, kind, ts, server, buf[start:stop], 0, stop - start, position)
        self._owned = len(frames)

    def adopt_frames(self) -> None:
        """The bytes that the frames lie in are nothing but theirs: they need not be copied."""
        self._owned = len(self.frames)


def _decode(frame: Frame, file: str) -> Decoded:
    """The rows of a frame; whatever damaged bytes lead to is a DecodeError with the place of the event's end."""
    table, kind, _, _, buf, start, stop, _ = frame
    try:
        return table.rows(kind, buf, start, stop)
    except DecodeError as error:
        raise _located(error.message, frame, file) from error
    except DAMAGE as error:
        raise _damaged(error, frame, file) from error


def _damaged(error: Exception, frame: Frame, file: str) -> DecodeError:
    return _located(f"expected rows of {frame[0].name}, got other bytes ({error})", frame, file)


def _held(frames: list[Frame]) -> int:
    return sum(frame[6] - frame[5] + FRAME_BYTES for frame in frames)


def _located(message: str, frame: Frame, file: str) -> DecodeError:
    _, _, _, _, buf, start, _, position = frame
    size = int.from_bytes(buf[start + 9 : start + 13], "little")
    return DecodeError(message, file=file, position=position - size)


def _text(gtid: Gtid | None) -> str | None:
    if gtid is None:
        return None
    if len(gtid) == 2:
        return gtid_text((gtid[0], "") if isinstance(gtid[0], bytes) else gtid[0], gtid[1])
    return f"{gtid[0]}-{gtid[1]}-{gtid[2]}"
