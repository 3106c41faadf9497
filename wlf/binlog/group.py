"""The transaction that is being read: its rows events as raw frames, decoded once its XID is known."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, TypeAlias

from wlf.binlog.gtid import GtidPosition, GtidSet, Source, gtid_text
from wlf.binlog.items import Boundary, Change, Item, Transaction
from wlf.binlog.rows import DAMAGE, KINDS, Decoded, Table
from wlf.errors import DecodeError

Frame: TypeAlias = tuple[Table, int, int, int, bytes, int, int, int]
"""Table, event type, ts, server id; buffer, start and end (without checksum) of the event; position behind it."""

Gtid: TypeAlias = tuple[bytes, int] | tuple[Source, int] | tuple[int, int, int]
"""MySQL's uuid and number, or source and number where there is a tag; MariaDB's domain, server, sequence number."""


_tuple: Any = tuple.__new__  # the constructor of a NamedTuple is twice as slow

FRAME_BYTES = 128
"""What a held frame costs besides its bytes."""


@dataclass(frozen=True)
class Limits:
    """What bounds the memory: raw bytes held for an XID, and rows or raw bytes handed out by one call."""

    hold_max_bytes: int
    batch_rows: int
    batch_bytes: int


class Group:
    """The frames of the open transaction, and how far they have been handed out.

    `open` lasts from a GTID or BEGIN to the end of the transaction. `begun` means that only a commit ends it; without,
    the next statement does. `draining` means that rows are left which were to be handed out.
    """

    def __init__(self, limits: Limits, file: str, position: int) -> None:
        self.frames: list[Frame] = []
        self.held = 0
        self.hold_max_bytes = limits.hold_max_bytes
        self.open = False
        self.begun = False
        self.draining = False
        self.full = False
        """Enough rows for one call."""
        self._boundary: tuple[str, int, Gtid | None] = (file, position, None)
        self._gtids: GtidSet | GtidPosition | None = None
        self._run: tuple[bytes | Source, int] | None = None
        self._source: bytes | Source = b""
        self._prefix = ""
        self._run_last = 0
        self.out: list[Item] = []
        self._file = file
        self._limits = limits
        self.gtid: Gtid | None = None
        self._end: tuple[int | None, int, int] | None = None  # xid, ts, position behind the commit
        self._next = 0
        self._owned = 0
        self._xoffset = 0
        self._spilled = False
        self._rows_out = 0
        self._bytes_out = 0

    # The course of a transaction.

    def begin(self, gtid: Gtid | None, *, begun: bool) -> None:
        """A transaction begins; `begun` where no BEGIN follows (MariaDB)."""
        self.gtid = gtid
        self.open = True
        self.begun = begun

    def close(self, xid: int | None, ts: int, end: int) -> None:
        """It is committed, and ends at position `end`."""
        frames = self.frames
        if len(frames) == 1 and not self._spilled:
            self._close_one(frames[0], xid, ts, end)
            return
        self._end = (xid, ts, end)
        if frames:
            self.drain()
        else:
            self._end = None
            self._closed(end)

    def spill(self) -> None:
        """It is too long to wait for its XID: hand out all rows events but the last."""
        self._spilled = True
        self.drain()

    def abandon(self) -> int:
        """It was never committed; how many rows events are dropped."""
        dropped = len(self.frames)
        self._reset()
        return dropped

    def jump(self, file: str, position: int) -> None:
        """Reading goes on elsewhere, where no transaction is open."""
        self._file = file
        self._boundary = (file, position, self._boundary[2])

    @property
    def boundary(self) -> Boundary:
        """Behind the last transaction that was handed out whole."""
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
        self._limits = Limits(limits.hold_max_bytes, sys.maxsize, sys.maxsize)
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
        while at < last and count < rows_left and size < bytes_left:
            frame = frames[at]
            table, kind, ts, server, _, start, stop, position = frame
            rows, olds = _decode(frame, self._file)
            at += 1
            size += stop - start
            count += len(rows)
            if rows:
                changes.append(Change(table.binding, KINDS[kind], ts, server, position, rows, olds))
        self._rows_out += count
        self._bytes_out += size
        self._next = at
        self.full = self.full or count >= rows_left or size >= bytes_left
        self.draining = at < last
        # A transaction that came in parts ends the call that ends it: the next ones would otherwise share a batch, and
        # so a resume position, with half a transaction.
        self.full = self.full or self.draining or (is_continued and end is not None)
        if changes or (end and self._spilled and not self.draining):
            self._emit(changes, count)
        if not self.draining:
            self._drained()

    def _close_one(self, frame: Frame, xid: int | None, ts: int, end: int) -> None:
        """The short way of a transaction with one rows event: most of them are so."""
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
            change = _tuple(Change, (table.binding, KINDS[kind], change_ts, server, position, rows, olds))
            gtid = self.gtid_text()
            self.out.append(_tuple(Transaction, (gtid, xid, self._file, end, ts, [change], True, True, 0)))
        self._closed(end)

    def _emit(self, changes: list[Change], count: int) -> None:
        commit = self._end is not None and not self.draining
        xid, ts, end = self._end or (None, changes[-1].ts, 0)
        if not commit:
            end = changes[-1].end_position
            if self._spilled:
                xid = None
        first, held = self._xoffset, not self._spilled
        self.out.append(Transaction(self.gtid_text(), xid, self._file, end, ts, changes, commit, held, first))
        self._xoffset += count

    def _drained(self) -> None:
        if self._end is not None:
            self._closed(self._end[2])
            return
        # The last one is kept: if it is the transaction's last, it gets the commit.
        self._owned = int(self._owned == len(self.frames))
        del self.frames[:-1]
        self.held = sum(frame[6] - frame[5] + FRAME_BYTES for frame in self.frames)
        self._next = 0

    def _closed(self, end: int) -> None:
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
        if self.frames:
            self.frames.clear()
            self.held = self._next = self._owned = self._xoffset = 0
            self.draining = self._spilled = False
            self._end = None

    def own_frames(self, *, whole: bool) -> None:
        """Copy the frames that lie in the chunk just read, so that it does not live as long as the transaction.

        `whole`: it was no chunk but the event alone.
        """
        frames = self.frames
        for index in range(len(frames) if whole else self._owned, len(frames)):
            table, kind, ts, server, buf, start, stop, position = frames[index]
            frames[index] = (table, kind, ts, server, buf[start:stop], 0, stop - start, position)
        self._owned = len(frames)


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
