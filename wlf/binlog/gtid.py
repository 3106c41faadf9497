"""GTIDs: the sets of MySQL, with tags, and the positions of MariaDB, one number per domain."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from struct import Struct
from typing import TypeAlias

from wlf.binlog.wire import signed, svarint, take
from wlf.errors import DecodeError

_INTERVAL = Struct("<QQ").unpack_from
_MARIADB = Struct("<QIB").unpack_from
_LIST_ENTRY = Struct("<IIQ").unpack_from

Source: TypeAlias = tuple[bytes, str]
"""The 16 bytes of a server uuid, and a tag ("" for none)."""

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_TAG = re.compile(r"[a-z_][a-z0-9_]{0,31}")


@lru_cache(maxsize=4096)
def uuid_text(raw: bytes) -> str:
    """A server uuid as 8-4-4-4-12 lower-case digits."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def gtid_text(source: Source, number: int) -> str:
    """`uuid:number`, or `uuid:tag:number`."""
    uuid, tag = source
    return f"{uuid_text(uuid)}:{tag}:{number}" if tag else f"{uuid_text(uuid)}:{number}"


class GtidSet:
    """A set of MySQL GTIDs: for each source sorted, disjoint intervals `[first, last]`."""

    __slots__ = ("_intervals",)

    def __init__(self) -> None:
        self._intervals: dict[Source, list[list[int]]] = {}

    def add(self, source: Source, number: int) -> None:
        """Put one GTID in; the next one of its source costs a comparison."""
        intervals = self._intervals.get(source)
        if intervals and intervals[-1][1] == number - 1:
            intervals[-1][1] = number
        else:
            self.add_range(source, number, number)

    def add_range(self, source: Source, first: int, last: int) -> None:
        """Put `first` to `last` (inclusive) in, joined with what they touch."""
        intervals = self._intervals.setdefault(source, [])
        at = bisect_right(intervals, [first, -1])
        if at and intervals[at - 1][1] >= first - 1:
            at -= 1
            first = intervals[at][0]
        end = at
        while end < len(intervals) and intervals[end][0] <= last + 1:
            last = max(last, intervals[end][1])
            end += 1
        intervals[at:end] = [[first, last]]

    def update(self, other: GtidSet) -> None:
        """Put all of another set in."""
        for source, intervals in other._intervals.items():
            for first, last in intervals:
                self.add_range(source, first, last)

    def copy(self) -> GtidSet:
        """A set of its own with the same GTIDs."""
        twin = GtidSet()
        twin.update(self)
        return twin

    def contains(self, source: Source, number: int) -> bool:
        """Whether one GTID is in the set."""
        intervals = self._intervals.get(source, [])
        at = bisect_right(intervals, number, key=lambda interval: interval[0])
        return at > 0 and intervals[at - 1][1] >= number

    def __contains__(self, gtid: str) -> bool:
        uuid, *tag, number = gtid.split(":")
        return self.contains((bytes.fromhex(uuid.replace("-", "")), tag[0] if tag else ""), int(number))

    def issuperset(self, other: GtidSet) -> bool:
        """Whether every GTID of `other` is in this set."""
        for source, intervals in other._intervals.items():
            mine = self._intervals.get(source, [])
            for first, last in intervals:
                at = bisect_right(mine, first, key=lambda interval: interval[0])
                if not at or mine[at - 1][1] < last:
                    return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GtidSet) and self._intervals == other._intervals

    def __bool__(self) -> bool:
        return bool(self._intervals)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        texts: dict[bytes, str] = {}
        for (uuid, tag), intervals in sorted(self._intervals.items()):
            text = texts.get(uuid, uuid_text(uuid)) + (f":{tag}" if tag else "")
            spans = (f"{first}-{last}" if last > first else str(first) for first, last in intervals)
            texts[uuid] = ":".join((text, *spans))
        return ",".join(texts.values())

    def __repr__(self) -> str:
        return f"GtidSet({str(self)!r})"

    @classmethod
    def parse(cls, text: str) -> GtidSet:
        """From the server's text form, `uuid:1-5:7,uuid:tag:1`.

        Raises:
            ValueError: the text is no GTID set.
        """
        made = cls()
        for part in filter(None, (part.strip().lower() for part in text.split(","))):
            head, *rest = part.split(":")
            if not _UUID.fullmatch(head) or not rest:
                raise ValueError(f"expected uuid:interval..., got {part!r}")
            uuid, tag = bytes.fromhex(head.replace("-", "")), ""
            for token in map(str.strip, rest):
                if _TAG.fullmatch(token):
                    tag = token
                    continue
                first, dash, last = token.partition("-")
                numbers = [number for number in (first, last if dash else first) if number.isdecimal()]
                if len(numbers) != 2 or not 0 < int(first) <= int(numbers[1]):
                    raise ValueError(f"expected an interval such as 1-5, got {token!r}")
                made.add_range((uuid, tag), int(first), int(last or first))
        return made

    @classmethod
    def decode(cls, body: bytes) -> GtidSet:
        """From the body of a PREVIOUS_GTIDS event; raises DecodeError."""
        made = cls()
        tagged = len(body) >= 8 and body[7] == 1 and body[0] == 1
        count = int.from_bytes(take(body, 1, 6), "little") if tagged else int.from_bytes(take(body, 0, 8), "little")
        at = 8
        for _ in range(count):
            uuid, tag = take(body, at, 16), ""
            at += 16
            if tagged:
                size = take(body, at, 1)[0] >> 1
                tag = take(body, at + 1, size).decode("ascii", "replace")
                at += 1 + size
            intervals = int.from_bytes(take(body, at, 8), "little")
            at += 8
            for _ in range(intervals):
                first, end = _INTERVAL(take(body, at, 16))
                made.add_range((uuid, tag), first, end - 1)
                at += 16
        return made

    def encode(self) -> bytes:
        """As COM_BINLOG_DUMP_GTID sends it: intervals end-exclusive, the tagged form only where there is a tag."""
        tagged = any(tag for _, tag in self._intervals)
        count = len(self._intervals)
        out = bytearray(b"\x01" + count.to_bytes(6, "little") + b"\x01" if tagged else count.to_bytes(8, "little"))
        for (uuid, tag), intervals in sorted(self._intervals.items()):
            out += uuid
            if tagged:
                out += bytes([len(tag) << 1]) + tag.encode("ascii")
            out += len(intervals).to_bytes(8, "little")
            for first, last in intervals:
                out += first.to_bytes(8, "little") + (last + 1).to_bytes(8, "little")
        return bytes(out)


class GtidPosition:
    """A MariaDB GTID position: the last GTID of each replication domain, `0-1-100,1-2-7`."""

    __slots__ = ("_domains",)

    def __init__(self) -> None:
        self._domains: dict[int, tuple[int, int]] = {}

    def add(self, domain: int, server: int, number: int) -> None:
        """The domain is at this GTID now."""
        self._domains[domain] = (server, number)

    def copy(self) -> GtidPosition:
        """A position of its own with the same GTIDs."""
        twin = GtidPosition()
        twin._domains.update(self._domains)
        return twin

    def __contains__(self, gtid: str) -> bool:
        domain, _, number = map(int, gtid.split("-"))
        return domain in self._domains and self._domains[domain][1] >= number

    def issuperset(self, other: GtidPosition) -> bool:
        """Whether each domain is at least as far as in `other`; a domain that `other` lacks does not matter."""
        return not other.beyond(self)

    def beyond(self, other: GtidPosition) -> GtidPosition:
        """The domains, with their GTIDs, in which this is further than `other`."""
        made = GtidPosition()
        for domain, (server, number) in self._domains.items():
            if other._domains.get(domain, (0, 0))[1] < number:
                made.add(domain, server, number)
        return made

    def only(self, domain: int) -> GtidPosition:
        """One domain of it, as far as it is there."""
        made = GtidPosition()
        if domain in self._domains:
            made.add(domain, *self._domains[domain])
        return made

    def update(self, other: GtidPosition) -> None:
        """Go on to where `other` is, in each domain in which that is further."""
        self._domains.update(other.beyond(self)._domains)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GtidPosition) and self._domains == other._domains

    def __bool__(self) -> bool:
        return bool(self._domains)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return ",".join(f"{domain}-{server}-{number}" for domain, (server, number) in sorted(self._domains.items()))

    def __repr__(self) -> str:
        return f"GtidPosition({str(self)!r})"

    @classmethod
    def parse(cls, text: str) -> GtidPosition:
        """From the text of `gtid_slave_pos`; raises ValueError."""
        made = cls()
        for part in filter(None, (part.strip() for part in text.split(","))):
            numbers = part.split("-")
            if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
                raise ValueError(f"expected domain-server-sequence, got {part!r}")
            made.add(*map(int, numbers))
        return made

    @classmethod
    def decode(cls, body: bytes) -> GtidPosition:
        """From the body of a GTID_LIST event; raises DecodeError."""
        made = cls()
        count = int.from_bytes(take(body, 0, 4), "little") & 0x0FFFFFFF
        for index in range(count):
            domain, server, number = _LIST_ENTRY(take(body, 4 + 16 * index, 16))
            if domain not in made._domains or made._domains[domain][1] < number:
                made.add(domain, server, number)
        return made


def tagged_gtid(body: bytes) -> tuple[Source, int]:
    """Source and number of a GTID_TAGGED event (mysql::serialization message); raises DecodeError."""
    at = 0
    for _ in range(3):  # version, size, last non-ignorable field
        _, at = svarint(body, at)
    uuid, tag, number = bytearray(), "", 0
    while at < len(body):
        field, at = svarint(body, at)
        if field == 0:
            at += 1
        elif field == 1:
            for _ in range(16):
                byte, at = svarint(body, at)
                uuid.append(byte & 255)
        elif field == 2:
            value, at = svarint(body, at)
            number = signed(value)
        elif field == 3:
            size, at = svarint(body, at)
            tag = take(body, at, size).decode("ascii", "replace")
            break
        else:
            raise DecodeError(f"expected field 0 to 3 of a tagged GTID, got {field}")
    if len(uuid) != 16:
        raise DecodeError("expected a server uuid in a tagged GTID, got none")
    return (bytes(uuid), tag), number


def mariadb_gtid(body: bytes) -> tuple[int, int, int]:
    """(sequence number, domain, flags) of a MariaDB GTID event; raises DecodeError."""
    sequence, domain, flags = _MARIADB(take(body, 0, 13))
    return sequence, domain, flags


__all__ = ["GtidPosition", "GtidSet", "Source", "gtid_text", "mariadb_gtid", "tagged_gtid", "uuid_text"]
