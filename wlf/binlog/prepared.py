"""Transactions between XA PREPARE and XA COMMIT: what they changed is kept, and shown to nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wlf.binlog.items import Prepared
from wlf.binlog.spill import SAVEPOINT, Frame, MakeFile, Spool
from wlf.binlog.wire import take
from wlf.errors import DecodeError

_XID = re.compile(r"X'((?:[0-9a-f]{2})*)'\s*,\s*X'((?:[0-9a-f]{2})*)'\s*,\s*(\d+)", re.IGNORECASE)


def xid_of_statement(sql: str) -> str | None:
    """The xid that an XA statement of the binlog names, as `Prepared` has it; None where there is none."""
    found = _XID.search(sql)
    return f"X'{found[1]}',X'{found[2]}',{found[3]}".lower().replace("x", "X") if found else None


def _xid_text(form: int, gtrid: bytes, bqual: bytes) -> str:
    return f"X'{gtrid.hex()}',X'{bqual.hex()}',{form}"


def xid_of_prepare(body: bytes) -> tuple[str, bool]:
    """An XA_PREPARE event's xid, and whether it commits at once (XA COMMIT ... ONE PHASE).

    Raises:
        DecodeError: its lengths do not fit.
    """
    head = take(body, 0, 13)
    form, gtrid, bqual = (int.from_bytes(head[at : at + 4], "little") for at in (1, 5, 9))
    text = take(body, 13, gtrid + bqual)
    return _xid_text(form, text[:gtrid], text[gtrid:]), head[0] == 1


def xid_of_gtid(body: bytes) -> str | None:
    """The xid in a GTID event of MariaDB 10.5 and later: flags 64 (it will be prepared) or 128 (it is ended)."""
    flags, at = body[12], 13
    if flags & 2:
        at += 8
    if not flags & 192:
        return None
    head = take(body, at, 6)
    text = take(body, at + 6, head[4] + head[5])
    return _xid_text(int.from_bytes(head[:4], "little"), text[: head[4]], text[head[4] :])


@dataclass
class Held:
    """The frames of a prepared transaction: first those in the file, then those in memory."""

    prepared: Prepared
    frames: list[Frame]
    spool: Spool | None
    bytes: int
    thread_id: int | None

    @property
    def events(self) -> int:
        """How many rows events it has."""
        in_memory = sum(frame[1] > SAVEPOINT for frame in self.frames)
        return in_memory + (self.spool.events if self.spool else 0)


class PreparedTransactions:
    """Those that are prepared now, oldest first.

    In memory they have together at most `max_bytes` raw bytes, where `make_file` gives files for the rest.
    """

    def __init__(self, max_bytes: int, make_file: MakeFile | None) -> None:
        self._max_bytes = max_bytes
        self._make_file = make_file
        self._held: dict[str, Held] = {}
        self._bytes = 0

    def put(self, held: Held) -> None:
        """Keep one until it is ended; one of the same name, read before, gives way."""
        self.pop(held.prepared.xid)
        if self._make_file is not None and held.bytes and self._bytes + held.bytes > self._max_bytes:
            held.spool = held.spool or Spool(self._make_file)
            held.spool.write(held.frames)
            held.frames, held.bytes = [], 0
        self._bytes += held.bytes
        self._held[held.prepared.xid] = held

    def pop(self, xid: str) -> Held | None:
        """Take one out; None: it is not known."""
        held = self._held.pop(xid, None)
        if held is not None:
            self._bytes -= held.bytes
        return held

    def with_rows(self) -> tuple[Prepared, ...]:
        """Those that a restart must read again."""
        return tuple(held.prepared for held in self._held.values() if held.events)

    def close(self) -> None:
        """Give the room of their files back."""
        for held in self._held.values():
            if held.spool is not None:
                held.spool.close()

    def __bool__(self) -> bool:
        return bool(self._held)


def require_xid(xid: str | None, sql: str) -> str:
    """The xid, or DecodeError where a server wrote none."""
    if xid is None:
        raise DecodeError(f"expected an xid in an XA statement, got {len(sql)} characters without one")
    return xid
