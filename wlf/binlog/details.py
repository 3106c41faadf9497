"""What events tell beside rows: when a transaction was committed, by which session, and in which partitions.

Read only where `Decoder(details=True)` asks for it.
"""

from __future__ import annotations

from struct import Struct

from wlf.binlog.wire import svarint

_U64 = Struct("<Q").unpack_from
_PARTITION = 1
_THREAD_ID = 16
_IMMEDIATE_US = 6


def commit_us(buf: bytes, start: int, stop: int) -> int | None:
    """The immediate_commit_timestamp of a GTID event (header included), Unix microseconds; None before MySQL 8.0.1."""
    if stop - start < 68 or buf[start + 44] != 2:
        return None
    # Of the eight bytes read the first is another field's; the highest of the 56 bits says that the original server's
    # timestamp follows.
    stamp: int = _U64(buf, start + 60)[0]
    return stamp >> 8 & 0x7FFFFFFFFFFFFF


def tagged_commit_us(body: bytes) -> int | None:
    """The same of a GTID_TAGGED event; raises DecodeError."""
    at = 0
    for _ in range(3):
        _, at = svarint(body, at)
    while at < len(body):
        field, at = svarint(body, at)
        if field == 0:
            at += 1
            continue
        if field == 1:
            for _ in range(16):
                _, at = svarint(body, at)
            continue
        value, at = svarint(body, at)
        if field == _IMMEDIATE_US:
            return value
        if field == 3:
            at += value
    return None


def mariadb_thread_id(body: bytes) -> int | None:
    """The session's id in a GTID event of MariaDB, which servers of 11.5 and later write."""
    flags, at = body[12], 13
    if flags & 2:
        at += 8
    if flags & 192 and len(body) >= at + 6:
        at += 6 + body[at + 4] + body[at + 5]
    extra = body[at] if at < len(body) else 0
    at += 1 + (extra & 1) + (8 if extra & 12 else 0)
    if not extra & _THREAD_ID or len(body) < at + 4:
        return None
    return int.from_bytes(body[at : at + 4], "little")


def partitions(kind: int, buf: bytes, start: int) -> tuple[int, ...]:
    """The partitions in the extra row information of a rows event (version 2): of the row, then of the former one."""
    if kind < 30:
        return ()
    at = start + 27
    end = at + int.from_bytes(buf[at : at + 2], "little")
    at += 2
    while at < end:
        if buf[at] == _PARTITION:
            return tuple(int.from_bytes(buf[i : i + 2], "little") for i in range(at + 1, end - 1, 2))
        if buf[at]:
            break  # an unknown chunk: nothing tells its length
        at += 1 + max(buf[at + 1], 1)  # of NDB
    return ()
