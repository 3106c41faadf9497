"""Binlog bytes for tests: events built by hand or taken from captures, put together as files and streams."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from msgspec import UNSET

from wlf.binlog import Decoder, Item, TableMap, Transaction
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.components.collectors._binlog.options import OutputOptions
from wlf.events.rows import RowChange
from wlf.events.table import TableVersion, TableVersions

CAPTURES = Path(__file__).parents[1] / "data" / "binlog"
TS = 1_795_451_000
VERSIONS = TableVersions()
"""One row class for a table in all readings of a test: rows can be compared."""
UUID = bytes.fromhex("37072cfde75a11f1b6db02fc00000001")

KINDS = {
    "QUERY": 2,
    "FDE": 15,
    "XID": 16,
    "TABLE_MAP": 19,
    "WRITE_V1": 23,
    "UPDATE_V1": 24,
    "DELETE_V1": 25,
    "ROWS_QUERY": 29,
    "WRITE": 30,
    "UPDATE": 31,
    "DELETE": 32,
    "GTID": 33,
    "PREV_GTIDS": 35,
    "XA_PREPARE": 38,
    "PARTIAL_UPDATE": 39,
    "TX_PAYLOAD": 40,
    "GTID_TAGGED": 42,
    "ANNOTATE": 160,
    "M_GTID": 162,
    "WRITE_C": 166,
}


class Raw(NamedTuple):
    """An event without position and checksum."""

    kind: int
    body: bytes
    flags: int = 0
    ts: int = TS
    server_id: int = 1


def captured(file: str, section: str) -> list[Raw]:
    """The events of one section of a capture, as a real server wrote them."""
    text = (CAPTURES / f"{file}.txt").read_text()
    part = re.split(r"^===== (.*)$", text, flags=re.MULTILINE)
    sections = {"": part[0], **dict(zip(part[1::2], part[2::2], strict=True))}
    found = re.findall(
        r"^@\d+ (\w+) size=\d+ next=\d+ flags=(0x[0-9a-f]+).*\n *([0-9a-f ]+)$", sections[section], re.MULTILINE
    )
    return [Raw(KINDS[name], bytes.fromhex(body), int(flags, 16)) for name, flags, body in found]


def fde(*, mariadb: bool = False, checksum: bool = False, flags: int = 0, created: int = 0) -> Raw:
    """A FORMAT_DESCRIPTION with the layout of MySQL 9.7 or MariaDB 10.11."""
    version = b"10.11.19-MariaDB-log" if mariadb else b"9.7.4"
    lengths = bytearray(171 if mariadb else 42)
    lengths[18] = 8
    body = b"\x04\x00" + version.ljust(50, b"\0") + created.to_bytes(4, "little") + b"\x13" + bytes(lengths)
    return Raw(15, body + bytes([checksum]), flags)


def query(sql: str, database: str = "t") -> Raw:
    """A QUERY event with a few status variables."""
    name = database.encode()
    status = b"\x00\x00\x00\x00\x00\x01\x20\x00\xa0\x45\x00\x00\x00\x00"
    head = b"\x66\0\0\0\0\0\0\0" + bytes([len(name)]) + b"\0\0" + len(status).to_bytes(2, "little")
    return Raw(2, head + status + name + b"\0" + sql.encode())


def gtid(number: int, uuid: bytes = UUID) -> Raw:
    """A GTID event."""
    return Raw(33, b"\0" + uuid + number.to_bytes(8, "little") + bytes(17))


def xid(number: int = 7) -> Raw:
    """A commit."""
    return Raw(16, number.to_bytes(8, "little"))


def transaction(*rows: Raw, number: int = 1, xid_number: int = 7) -> list[Raw]:
    """Table maps and rows events between GTID, BEGIN and XID."""
    return [gtid(number), query("BEGIN"), *rows, xid(xid_number)]


def encode(raw: Raw, position: int, *, checksum: bool, on_disk: bool = True) -> bytes:
    """The event with its header; `position` is where it begins."""
    is_format = raw.kind == 15
    size = 19 + len(raw.body) + (4 if checksum or is_format else 0)
    end = (position + size) & 0xFFFFFFFF if on_disk else 0

    def head(flags: int) -> bytes:
        parts = (raw.ts, 4), (raw.kind, 1), (raw.server_id, 4), (size, 4), (end, 4), (flags, 2)
        return b"".join(value.to_bytes(width, "little") for value, width in parts)

    event = head(raw.flags) + raw.body
    if checksum:
        bare = head(raw.flags & ~1) + raw.body if is_format else event
        return event + zlib.crc32(bare).to_bytes(4, "little")
    return event + bytes(4) if is_format else event


def binlog(*events: Raw, checksum: bool = False, mariadb: bool = False, flags: int = 0) -> bytes:
    """A whole file."""
    out = bytearray(b"\xfebin")
    for raw in (fde(mariadb=mariadb, checksum=checksum, flags=flags), *events):
        out += encode(raw, len(out), checksum=checksum)
    return bytes(out)


def packets(event: bytes, sequence: int = 0) -> bytes:
    """One event as the server sends it, cut into packets of 16 MiB - 1."""
    payload, out = b"\0" + event, bytearray()
    while True:
        part, payload = payload[:0xFFFFFF], payload[0xFFFFFF:]
        out += len(part).to_bytes(3, "little") + bytes([sequence & 255]) + part
        sequence += 1
        if len(part) < 0xFFFFFF:
            return bytes(out)


def stream(content: bytes, name: str = "binlog.000001", without: Collection[int] = ()) -> bytes:
    """A file as a replication stream: a fake ROTATE, then each event in packets, but for some kinds."""
    checksum = content[4 + int.from_bytes(content[13:17], "little") - 5] == 1
    rotate = Raw(4, (4).to_bytes(8, "little") + name.encode(), 0x20, 0)
    out = bytearray(packets(encode(rotate, 0, checksum=checksum, on_disk=False)))
    at = 4
    while at < len(content):
        size = int.from_bytes(content[at + 9 : at + 13], "little")
        if content[at + 4] not in without:
            out += packets(content[at : at + size])
        at += size
    return bytes(out)


class Reading:
    """Reads bytes with a decoder and keeps all it says."""

    def __init__(self, *, mode: Any = "file", wanted: bool = True, **options: Any) -> None:
        self.maps: list[TableMap] = []
        self.decoder = Decoder(self.bind if wanted else lambda table: None, mode=mode, **options)
        self.items: list[Item] = []
        self.largest = 0

    def bind(self, table: TableMap) -> TableVersion:
        """What a collector does."""
        self.maps.append(table)
        return VERSIONS.get(table.database, table.table, table.names, table.primary_key)

    def file(self, content: bytes, cuts: Sequence[int] = (), name: str = "binlog.000001", position: int = 4) -> Reading:
        """Read a file, cut at the given offsets, to its end."""
        self.decoder.open_file(name, content[:1024], position)
        self.chunks(pieces(content[position:], cuts))
        self.decoder.end_file()
        return self

    def chunks(self, chunks: Iterable[bytes]) -> Reading:
        """Feed chunks, and what is pending after each."""
        for chunk in chunks:
            self.keep(self.decoder.feed(chunk))
            while self.decoder.pending:
                self.keep(self.decoder.feed(b""))
        return self

    def keep(self, items: list[Item]) -> None:
        self.items += items
        rows = sum(len(change.rows) for item in items if isinstance(item, Transaction) for change in item.changes)
        self.largest = max(self.largest, rows)

    @property
    def transactions(self) -> list[Transaction]:
        return [item for item in self.items if isinstance(item, Transaction)]

    def events(self, **switches: bool) -> list[RowChange]:
        """The assembled events of all transactions."""
        assembler = Assembler("server", OutputOptions(**switches))
        return [event for item in self.transactions for event in assembler.events(item)]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows as dicts of the columns that are set."""
        return [as_dict(row) for item in self.transactions for change in item.changes for row in change.rows]

    @property
    def olds(self) -> list[dict[str, Any]]:
        """The former values of all updates."""
        changes = (change for item in self.transactions for change in item.changes)
        return [as_dict(row) for change in changes for row in change.olds or ()]


def as_dict(row: Any) -> dict[str, Any]:
    """A row of either class by column name."""
    values = {name: getattr(row, f"f{index}") for name, index in row.__columns__.items()}
    return {name: value for name, value in values.items() if value is not UNSET}


def pieces(content: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The bytes cut at the given offsets."""
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(content)), len(content)]
    return [content[start:stop] for start, stop in itertools.pairwise(edges) if stop > start]


def read(*events: Raw, mariadb: bool = False, **options: Any) -> Reading:
    """Read a file of these events."""
    return Reading(**options).file(binlog(*events, mariadb=mariadb))


def lenenc(number: int) -> bytes:
    """A length-encoded integer."""
    if number < 0xFB:
        return bytes([number])
    width, first = (2, 0xFC) if number < 1 << 16 else (3, 0xFD) if number < 1 << 24 else (8, 0xFE)
    return bytes([first]) + number.to_bytes(width, "little")


def payload(*events: Raw, algorithm: int = 0, plain_size: int | None = None, frames: int = 1) -> Raw:
    """A TRANSACTION_PAYLOAD in so many zstd frames without content size; `plain_size` is what it says of itself."""
    plain = b"".join(encode(raw, 0, checksum=False, on_disk=False) for raw in events)
    edges = [len(plain) * part // frames for part in range(frames + 1)]
    shares = [plain[start:stop] for start, stop in itertools.pairwise(edges)]
    packed = plain if algorithm else b"".join(map(_zstd, shares))
    values = {2: algorithm, 3: len(plain) if plain_size is None else plain_size, 1: len(packed)}
    fields = b"".join(bytes([kind, len(lenenc(value))]) + lenenc(value) for kind, value in values.items())
    return Raw(40, fields + b"\0" + packed)


def _zstd(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(plain)


XA = "X'6f6e65',X'62',7"
"""An xid, as servers log it."""


def xa_prepare(xid: str = XA, *, one_phase: bool = False) -> Raw:
    """An XA_PREPARE."""
    gtrid, bqual = (bytes.fromhex(part) for part in re.findall("'([0-9a-f]*)'", xid))
    numbers = int(xid.rpartition(",")[2]), len(gtrid), len(bqual)
    return Raw(38, bytes([one_phase]) + b"".join(n.to_bytes(4, "little") for n in numbers) + gtrid + bqual)


def prepared(*rows: Raw, number: int, xid: str = XA, one_phase: bool = False) -> list[Raw]:
    """The group that MySQL logs at XA PREPARE."""
    return [gtid(number), query(f"XA START {xid}"), *rows, query(f"XA END {xid}"), xa_prepare(xid, one_phase=one_phase)]


def ended(verb: str, number: int, xid: str = XA) -> list[Raw]:
    """The group of XA COMMIT or XA ROLLBACK."""
    return [gtid(number), query(f"XA {verb} {xid}")]


def mariadb_gtid(number: int, flags: int = 0, tail: bytes = b"") -> Raw:
    """A GTID event of MariaDB; flags: 1 standalone, 64 prepared, 128 completed."""
    return Raw(162, (number.to_bytes(8, "little") + bytes(4) + bytes([flags]) + tail).ljust(19, b"\0"))


def xid_bytes(xid: str = XA) -> bytes:
    """How MariaDB's GTID event names it."""
    gtrid, bqual = (bytes.fromhex(part) for part in re.findall("'([0-9a-f]*)'", xid))
    return int(xid.rpartition(",")[2]).to_bytes(4, "little") + bytes([len(gtrid), len(bqual)]) + gtrid + bqual
