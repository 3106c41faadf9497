"""Transactions of the most frequent shape, each taken in at one look: GTID, BEGIN, one table map, one rows event, XID.

Most that applications write are like that. Event by event, much of the time would go into telling what comes next.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct
from typing import Literal

from wlf.binlog.control import has_right_crc
from wlf.binlog.details import commit_us
from wlf.binlog.framing import PACKET_BYTES
from wlf.binlog.group import FRAME_BYTES, Group
from wlf.binlog.rows import KINDS, Table

_GTID, _QUERY, _TABLE_MAP, _XID = 33, 2, 19, 16
_XID_BYTES = 27
_GTID_FIELDS = 44
"""Where uuid and number of a GTID event end."""
_LAYOUTS = 64
_PACKET, _LENGTH = "IB", 0xFFFFFF
"""Length and sequence number in one, and the OK byte."""
_U32 = Struct("<I").unpack_from


class ShortWay:
    """Reads whole transactions as long as GTID and BEGIN have the sizes of the last ones.

    Whatever is not just so is left to the walk: other events, a transaction that goes on behind the buffer, a place
    that the server jumped over, damage.

    Args:
        lead: bytes in front of each event: none in a file, a packet's five in a stream.
        details: whether thread id and time of the commit are noted.
    """

    __slots__ = (
        "_begin_bytes",
        "_begins",
        "_details",
        "_end",
        "_group",
        "_gtid_bytes",
        "_heads",
        "_known",
        "_layouts",
        "_lead",
        "_most",
        "_rows_head",
        "_xid",
    )

    def __init__(
        self,
        group: Group,
        known: dict[bytes, Table | Literal[False]],
        begins: set[bytes],
        lead: int,
        *,
        details: bool,
    ) -> None:
        self._group, self._known, self._begins = group, known, begins
        self._lead, self._details = lead, details
        self._most = group.hold_max_bytes - FRAME_BYTES
        self._gtid_bytes = self._begin_bytes = self._end = 0
        packet = _PACKET if lead else ""
        self._layouts: dict[tuple[int, int], Struct] = {}
        self._heads = Struct("").unpack_from
        self._rows_head = Struct(f"<{packet}IBII6x6s").unpack_from
        self._xid = Struct(f"<{packet}IB4xI6xQ").unpack_from

    def learn(self, gtid_bytes: int, begin_bytes: int) -> None:
        """A transaction began with events of these sizes; 0: with another GTID event than usual."""
        if self._begin_bytes == begin_bytes and self._gtid_bytes == gtid_bytes:
            return
        if gtid_bytes < _GTID_FIELDS or self._lead > PACKET_BYTES:
            self.forget()
            return
        heads = self._layouts.get((gtid_bytes, begin_bytes))
        if heads is None:
            if len(self._layouts) >= _LAYOUTS:
                self._layouts.clear()
            packet = _PACKET if self._lead else ""
            gtid, begin = f"4xB4xII3x16sq{gtid_bytes - _GTID_FIELDS}x", f"4xB4xI{begin_bytes - 13}x"
            heads = Struct(f"<{packet}{gtid}{packet}{begin}{packet}4xB4xI6x6s")
            self._layouts[gtid_bytes, begin_bytes] = heads
        self._heads, self._end = heads.unpack_from, heads.size
        self._gtid_bytes, self._begin_bytes = gtid_bytes, begin_bytes

    def forget(self) -> None:
        """Nothing is of the shape until there is another one."""
        self._gtid_bytes = self._begin_bytes = self._end = 0

    def read(self, buf: bytes, at: int, position: int, trim: int, *, checked: bool) -> int:
        """Where the next transaction begins, or 0: this one is not of the shape, and nothing was done.

        Args:
            at: where its GTID event begins, in a stream the packet around that.
            position: the place of that event in its file.
            trim: bytes of each event's checksum.
            checked: whether checksums are compared.
        """
        size_of_buf = len(buf)
        if at + self._end > size_of_buf or not self._end or not self._group.is_simple:
            return 0
        lead = self._lead
        if lead:
            p0, ok0, k0, s0, ends, uuid, number, p1, ok1, k1, s1, p2, ok2, k2, s2, id = self._heads(buf, at)
            if p0 & _LENGTH != s0 + 1 or p1 & _LENGTH != s1 + 1 or p2 & _LENGTH != s2 + 1 or ok0 or ok1 or ok2:
                return 0
            if ends != position + s0:
                return 0
        else:
            k0, s0, _, uuid, number, k1, s1, k2, s2, id = self._heads(buf, at)
        if k0 != _GTID or k1 != _QUERY or k2 != _TABLE_MAP or s0 != self._gtid_bytes or s1 != self._begin_bytes:
            return 0
        begin = at + lead + s0 + lead
        table_map = begin + s1 + lead
        rows = table_map + s2
        if buf[begin + 27 : begin + s1 - trim] not in self._begins:
            return 0
        table = self._known.get(buf[table_map + 25 : rows - trim])
        if table is None or rows + lead + _XID_BYTES > size_of_buf:
            return 0
        if lead:
            p3, ok3, ts, kind, server, size, rows_id = self._rows_head(buf, rows)
        else:
            ts, kind, server, size, rows_id = self._rows_head(buf, rows)
        xid_at = rows + lead + size
        end: int = xid_at + lead + _XID_BYTES + trim
        if end > size_of_buf or kind not in KINDS or rows_id != id or size > self._most:
            return 0
        if lead:
            p4, ok4, xid_ts, last, xid_bytes, xid = self._xid(buf, xid_at)
            if p3 & _LENGTH != size + 1 or p4 & _LENGTH != xid_bytes + 1 or ok3 or ok4:
                return 0
        else:
            xid_ts, last, xid_bytes, xid = self._xid(buf, xid_at)
        if last != _XID or xid_bytes != _XID_BYTES + trim:
            return 0
        if checked and not _are_right(buf, lead, (at, begin - lead, table_map - lead, rows, xid_at, end)):
            return 0
        group = self._group
        if self._details:
            group.thread_id = _U32(buf, begin + 19)[0]
            group.commit_us = commit_us(buf, at + lead, begin - lead - trim)
        group.gtid = uuid, number
        rows_end = position + s0 + s1 + s2 + size
        if table:
            frame = table, kind, ts, server, buf, rows + lead, xid_at - trim, rows_end
            group.close_one(frame, xid, xid_ts, rows_end + xid_bytes)
        else:
            group.close_unwanted(rows_end + xid_bytes)
        return end


def _are_right(buf: bytes, lead: int, places: tuple[int, ...]) -> bool:
    """Do the checksums of all events between these places fit?"""
    return all(has_right_crc(buf, start + lead, end) for start, end in pairwise(places))
