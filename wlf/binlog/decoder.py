"""The walk over the events of a binlog: bytes in, transactions and what else matters out.

Protocol: MySQL's and MariaDB's pages on binlog events; layouts of MySQL 5.6 to 9.7 and MariaDB 10.3 to 11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import getcontext, setcontext
from struct import Struct
from typing import TYPE_CHECKING, Literal

from wlf.binlog.control import ENCRYPTED_MAGIC, HEADER_BYTES, MAGIC, check_crc
from wlf.binlog.counts import Counts
from wlf.binlog.details import commit_us
from wlf.binlog.errors import UnsupportedEvent
from wlf.binlog.events import Event, Steering
from wlf.binlog.framing import MAX_EVENT_BYTES, PACKET_BYTES, SEMI_SYNC_BYTES, Packets, Tail
from wlf.binlog.group import Group, Limits
from wlf.binlog.items import Bind, Boundary, EndOfStream, Item, NeedSchema, Prepared, SchemaColumn
from wlf.binlog.payload import Payload, decompressor
from wlf.binlog.rows import COMPRESSED, DAMAGE, KINDS, Table
from wlf.binlog.short import ShortWay
from wlf.binlog.spill import MakeFile
from wlf.binlog.tables import MakeTable, Tables
from wlf.binlog.values import EXACT
from wlf.errors import DecodeError, WlfError

if TYPE_CHECKING:
    from zstandard import ZstdDecompressor

_FULL_HEAD = Struct("<IBIIIH").unpack_from
_HEAD = Struct("<IBII").unpack_from
_HEADS = {0: _HEAD, 5: Struct("<5xIBII").unpack_from, 7: Struct("<7xIBII").unpack_from}
_GTID_BODY = Struct("<16sq").unpack_from
_U32, _U64 = Struct("<I").unpack_from, Struct("<Q").unpack_from
_BEGIN = b"\0BEGIN"
_TABLE_MAP, _QUERY, _XID, _FORMAT, _GTID, _PAYLOAD = 19, 2, 16, 15, 33, 40
_BEGINS = 64
_MANY_IDS = 4096

# Two forms of one transaction end: with table ids without a map, servers end a statement that logged no rows.
_DUMMY_TABLES = (b"\xff\xff\xff\0\0\0", b"\xff\xff\xff\xff\0\0")


class Decoder:
    """Turns chunks of a binlog into transactions.

    Args:
        bind: asked once for each table version with its `TableMap`; gives a `Binding`, or None where the rows are not
            wanted: their events are counted and not decoded.
        mode: "file": events back to back, see `open_file`. "stream": packets as they come behind a dump command.
        file: name of the binlog file; a stream tells it itself.
        position: where the first chunk begins, a byte offset in `file`.
        declared_checksum: whether the session declared CRC32 before the dump (a stream's first ROTATE has one then).
        verify_checksum: whether checksums are compared, where the server writes them.
        hold_max_bytes: raw bytes of rows events (and 128 for each) that are held until the XID is known; longer
            transactions are streamed without it.
        batch_rows: `feed` returns once it has about so many rows, and goes on with the next call ...
        batch_bytes: ... or once it has decoded so many raw bytes.
        wants: asked before `bind` and before a schema is needed, with database and table.
        table_cache_bytes: bounds the table versions that are kept, by estimated size.
        make_table: makes what decodes the rows of a table version, in place of `Table`.
        make_file: makes an empty binary file that vanishes when it is closed (`tempfile.TemporaryFile`): transactions
            that XA prepares go there once they are over `hold_max_bytes`. Without it they stay in memory.
        spills: so do all other transactions, in place of being streamed: all their rows have the XID.
        details: `Change.query` and `partitions`, `Transaction.thread_id` and `commit_us` are filled in. That costs a
            little for each transaction.
        quiet_until: a boundary (file, offset) behind `position`, for a restart at the first of the transactions that
            were prepared: up to there only transactions that XA prepares are taken in, and `boundary` is that place.
        semi_sync: the server was told that this replica acknowledges; where it has the plugin, its events have two
            bytes more in front, and `wants_ack` tells what to answer.
    """

    def __init__(
        self,
        bind: Bind,
        *,
        mode: Literal["file", "stream"] = "file",
        file: str = "",
        position: int = 4,
        declared_checksum: bool = False,
        verify_checksum: bool = True,
        hold_max_bytes: int = 16 << 20,
        batch_rows: int = 4000,
        batch_bytes: int = 4 << 20,
        wants: Callable[[str, str], bool] | None = None,
        table_cache_bytes: int = 16 << 20,
        make_table: MakeTable | None = None,
        make_file: MakeFile | None = None,
        spills: bool = False,
        details: bool = False,
        quiet_until: tuple[str, int] | None = None,
        semi_sync: bool = False,
    ) -> None:
        self.counts = Counts()
        self._lead = PACKET_BYTES if mode == "stream" else 0
        self._packets = Packets()
        self._is_unsettled = semi_sync and mode == "stream"
        self._details = details
        self._payloads: list[Payload] = []
        """The payload that is walked through, if there is one."""
        self._zstd: ZstdDecompressor | None = None
        self._verify = verify_checksum
        self._tables = Tables(bind, wants, table_cache_bytes, self.counts, make_table, asks_types=mode == "stream")
        self._ids: dict[bytes, Table | Literal[False]] = {}
        limits = Limits(hold_max_bytes, max(batch_rows, 1), max(batch_bytes, 1), make_file, spills)
        self._group = Group(limits, self.counts, file, position, details=details, quiet_until=quiet_until)
        self._steering = Steering(self._group, self.counts, self._ids, stream=mode == "stream", details=details)
        self._steering.on_ddl = self._tables.forget_completed
        self._steering.file, self._steering.position = file, position
        self._steering.checksum_bytes = 4 if declared_checksum else 0
        self._chunks: deque[tuple[bytes, int]] = deque()
        self._buf = b""
        self._at = 0
        self._joined = False
        self._tail = Tail(stream=mode == "stream")
        self._stopped = False
        self._begins: set[bytes] = set()
        self._short = self._short_way()
        self._failed: WlfError | None = None

    # What the owner sees.

    @property
    def boundary(self) -> Boundary:
        """The last place between two transactions: everything before it has been returned."""
        return self._group.boundary

    @property
    def gtids(self) -> object:
        """The GTIDs of all transactions up to the boundary: a GtidSet (MySQL) or GtidPosition (MariaDB), or None.

        Complete only when reading began at the head of a file, or the owner put the set of its start here.
        """
        return self._group.gtids

    @gtids.setter
    def gtids(self, value: object) -> None:
        self._group.gtids = value  # type: ignore[assignment]

    @property
    def position(self) -> tuple[str, int]:
        """File and offset that reading has come to, also inside a transaction."""
        return self._steering.file, self._steering.position

    @property
    def server_version(self) -> str | None:
        """As the FORMAT_DESCRIPTION event tells it; None before that."""
        return self._steering.format.version if self._steering.format else None

    @property
    def prepared(self) -> tuple[Prepared, ...]:
        """The transactions that XA prepared before the boundary and that are not ended yet, oldest first.

        They belong to a stored position: a later reading begins at the first one's place, with `quiet_until` the
        boundary. Those without any wanted row are not among them.
        """
        return self._group.prepared.with_rows()

    @property
    def wants_ack(self) -> tuple[str, int] | None:
        """File and end of the newest event that the server asked to acknowledge (`semi_sync`); None: of none yet.

        It stays until a newer one comes. The answer, on the connection of the stream, is a packet with sequence
        number 0 and the payload `ef`, u64 end, file name without NUL, and it covers all events before. Send it
        once what lies before is safe: when a stored position has reached it. Events are asked for in the order of the
        binlog, the last event of each transaction; the server's sessions wait for it up to
        rpl_semi_sync_source_timeout (10 s), and then do without until the replica has caught up.
        """
        return self._packets.wants_ack

    @property
    def pending(self) -> bool:
        """Whether `feed(b"")` would give more without new input, or raise."""
        if self._failed is not None:
            return True
        return self._stopped if self._tables.asked is None else self._tables.is_answered

    @property
    def in_transaction(self) -> bool:
        """Whether the last event was inside a transaction: its place is none to read on from."""
        return self._group.open

    def feed(self, chunk: bytes) -> list[Item]:
        """Take a chunk (b"": none) and return what is there, about `batch_rows` rows at most.

        While `pending` is true call `feed(b"")` again before reading on. Chunks may be cut anywhere. What came before
        the place of an error is returned first: whoever goes on behind that place has everything before it.

        Raises:
            DecodeError: the bytes are not what the protocol promises; nothing can be decoded after that.
            UnsupportedEvent: an event that cannot be decoded yet, named with the server variable behind it.
            ServerRefused: the server sent an error packet.
        """
        if self._failed is not None:
            raise self._failed
        if chunk:
            self._chunks.append((chunk, 0))
        if len(self._ids) > _MANY_IDS and not self._group.open:
            self._ids.clear()  # each statement brings its own maps; a TRUNCATE gives a table a new id every time
        context = getcontext()
        setcontext(EXACT)  # whatever the owner rounds to, decimals keep their digits
        try:
            self._stopped = self._run()
        except (WlfError, *DAMAGE) as error:
            self._failed = self._failure(error)
            self._payloads.clear()
            if not self._group.out:
                raise self._failed from self._failed.__cause__
        finally:
            setcontext(context)
        return self._group.refill()

    def provide(self, columns: Sequence[SchemaColumn]) -> None:
        """The answer to NeedSchema; `feed(b"")` goes on with it.

        Raises:
            DecodeError: the schema does not fit the table of the event.
        """
        try:
            self._tables.provide(columns)
        except DecodeError as error:
            raise self._located(error) from error

    def refuse(self) -> None:
        """The other answer to NeedSchema: rows of this table version are left out, and counted in `unfit_events`."""
        self._tables.refuse()

    def open_file(self, name: str, head: bytes, position: int = 4) -> None:
        """Begin a binlog file (mode "file"); then feed what lies behind `position`, a boundary.

        Args:
            name: what items call the file.
            head: its first bytes, at least the magic number and the whole FORMAT_DESCRIPTION (1 KiB is enough).
            position: where the chunks that follow begin.
        """
        self._group.abandon()
        self._payloads.clear()
        self._tail = Tail(stream=False)
        self._buf, self._at = b"", 0
        self._steering.open_file(name, position)
        self._group.jump(name, position)
        if head[:4] == ENCRYPTED_MAGIC:
            raise UnsupportedEvent("encrypted", "binlog_encryption", "read it from the server", file=name, position=0)
        if head[:4] != MAGIC:
            raise DecodeError(
                f"expected a binlog file, got one that begins with {head[:4].hex(' ')}", file=name, position=0
            )
        if position > 4:
            self._read_format(name, head)

    def end_file(self) -> None:
        """No more chunks of this file will come.

        Raises:
            DecodeError: the file ends inside an event and was closed by its server; one still in use may end so.
        """
        if not len(self._tail) or self._steering.in_use:
            return
        raise self._located(DecodeError(f"expected the rest of an event, got the end after {len(self._tail)} bytes"))

    def close(self) -> None:
        """Nothing more will be fed: close the temporary files; may be called twice."""
        self._group.close_files()

    # How it works.

    def _read_format(self, name: str, head: bytes) -> None:
        if len(head) < 4 + HEADER_BYTES or (size := _FULL_HEAD(head, 4)[3]) > len(head) - 4 or head[8] != _FORMAT:
            raise DecodeError("expected a FORMAT_DESCRIPTION event", file=name, position=4)
        position = self._steering.position
        try:
            self._steering.on_event(self._event(head, 4, 4 + size, _FULL_HEAD(head, 4)), verify=self._verify)
        except DecodeError as error:
            raise DecodeError(error.message, file=name, position=4) from error
        self._steering.position = position
        self._group.jump(name, position)

    def _run(self) -> bool:
        """Walk over what is there; True: the measure of one call is full, or the schema of a table is missing."""
        group = self._group
        while True:
            if group.draining:
                group.drain()
            if group.full or group.draining:
                return True
            if self._payloads:
                if self._walk_payload(self._payloads[0]):
                    return True
                continue
            if self._at < len(self._buf):
                if self._is_unsettled:
                    self._settle()
                if self._walk():
                    return True
                if self._payloads:
                    continue
                if self._at < len(self._buf):
                    self._tail.begin(self._buf[self._at :])
                group.own_frames(whole=self._joined)
            if not self._next_buffer():
                return False

    def _next_buffer(self) -> bool:
        """The next stretch of bytes to walk over: a chunk, or one event that was cut; False: there is none yet."""
        self._buf, self._at = b"", 0
        if not len(self._tail):
            if not self._chunks:
                return False
            self._buf, self._at = self._chunks.popleft()
            self._joined = False
            return True
        chunk, at = self._chunks.popleft() if self._chunks else (b"", 0)
        whole, excess, at = self._tail.fill(chunk, at)
        if at < len(chunk):
            self._chunks.appendleft((chunk, at))
        if excess:
            self._chunks.appendleft((excess, 0))
        if whole is None:
            return bool(self._chunks)
        self._buf, self._joined = whole, True
        return True

    def _walk(self) -> bool:
        """Go through the whole events of the buffer; True: stopped on purpose, not for want of bytes.

        The position of an event is base + at.
        A GTID of a stream whose place is not the one expected takes the slow way: servers leave transactions out.
        """
        buf, at, lead, steering, group = self._buf, self._at, self._lead, self._steering, self._group
        ids, known, begins = self._ids, self._tables.known, self._begins
        head, size_of_buf, trim = _HEADS[lead], len(buf), steering.checksum_bytes
        limit, checked, pause = size_of_buf - (4 if lead else 18), trim > 0 and self._verify, False
        short, gtid_bytes = self._short, 0
        base = steering.position - at
        try:
            while at < limit:
                if not group.open and (done := short.read(buf, at, base + at, trim, checked=checked)):
                    at, base = done, base - 5 * lead
                    if group.full:
                        return True
                    continue
                if lead and (odd := self._packet(buf, at)) >= 0:
                    if not odd:
                        return False
                    at, base = at + odd, base - odd
                    continue
                ts, kind, server, size = head(buf, at)
                end = (start := at + lead) + size
                if end > size_of_buf or size < HEADER_BYTES:
                    self._check_size(buf, start, base + at)
                    return False
                stop = end - trim
                if checked and kind != _FORMAT:
                    check_crc(buf, start, end)
                if kind == _TABLE_MAP:
                    raw = buf[start + 25 : stop]
                    table = known.get(raw)
                    if table is None and (table := self._new_table(raw, base + at)) is None:
                        return True
                    ids[buf[start + 19 : start + 25]] = table
                elif kind == _GTID and not (group.open or (lead and _U32(buf, start + 13)[0] != base + at + size)):
                    gtid_bytes = size
                    self._opened(buf, start, stop)
                elif kind == _QUERY and buf[start + 27 : stop] in begins:
                    short.learn(gtid_bytes, size)
                    self._begun(buf, start)
                elif kind in KINDS:
                    if table := ids.get(buf[start + 19 : start + 25]):
                        group.hold((table, kind, ts, server, buf, start, stop, base + at + size), size)
                        pause = group.full
                    else:
                        self._unheld(buf, start, table)
                elif kind == _XID:
                    group.close(_U64(buf, start + 19)[0], ts, base + at + size)
                    pause = group.full
                else:
                    steering.position = base + at
                    self._steer(buf, start, end, stop)
                    base, trim = steering.position - at, steering.checksum_bytes
                    checked = trim > 0 and self._verify
                    pause = group.full or bool(self._payloads)
                at, base = end, base - lead
                if pause:
                    return group.full
        finally:
            self._at = at
            steering.position = base + at
        return False

    def _walk_payload(self, payload: Payload) -> bool:
        """Go through the events of a compressed payload; True: stopped on purpose.

        They have no checksum, and the place of the event around them: errors name its begin, rows its end.
        """
        steering = self._steering
        after, trim = steering.position, steering.checksum_bytes
        steering.position, steering.checksum_bytes = payload.position, 0
        stopped = self._walk_inside(payload)
        steering.position, steering.checksum_bytes = after, trim
        if not stopped:
            self._payloads.clear()
        return stopped

    def _walk_inside(self, payload: Payload) -> bool:
        ids, known, group = self._ids, self._tables.known, self._group
        while (piece := payload.piece()) is not None:
            buf, at = piece
            while (size := payload.event_size(buf, at)) > 0:
                ts, kind, server, _ = _HEAD(buf, at)
                end = at + size
                if kind == _TABLE_MAP:
                    raw = buf[at + 25 : end]
                    table = known.get(raw)
                    if table is None and (table := self._new_table(raw, payload.position)) is None:
                        return True
                    ids[buf[at + 19 : at + 25]] = table
                elif kind in KINDS:
                    if table := ids.get(buf[at + 19 : at + 25]):
                        group.hold((table, kind, ts, server, buf, at, end, payload.end), size)
                    else:
                        self._unheld(buf, at, table)
                elif kind == _XID:
                    group.close(_U64(buf, at + 19)[0], ts, payload.end)
                elif kind == _QUERY and _is_begin(buf, at, end):
                    self._begun(buf, at)
                else:
                    payload.check_kind(kind)
                    event = Event(kind, ts, server, payload.size, 0, _FULL_HEAD(buf, at)[5], buf, at, end)
                    self._steering.on_event(event, verify=False)
                at = payload.at = end
                if group.full:
                    return True
            group.adopt_frames()
        return False

    def _opened(self, buf: bytes, start: int, stop: int) -> None:
        """A GTID event of MySQL: a transaction."""
        self._group.open, self._group.gtid = True, _GTID_BODY(buf, start + 20)
        if self._details:  # the thread id comes with BEGIN
            self._group.commit_us = commit_us(buf, start, stop)

    def _begun(self, buf: bytes, start: int) -> None:
        """A QUERY event that is BEGIN."""
        self._group.open = self._group.begun = True
        if self._details:
            self._group.thread_id = _U32(buf, start + 19)[0]

    def _short_way(self) -> ShortWay:
        return ShortWay(self._group, self._tables.known, self._begins, self._lead, details=self._details)

    def _settle(self) -> None:
        """A server without the plugin ignores that this replica acknowledges: the first packet tells."""
        first = self._buf[self._at + 4 : self._at + 6]
        if len(first) == 2:
            self._is_unsettled = False
            # Without the two bytes the timestamp of the first event, a ROTATE, begins here: 0.
            if first == b"\0\xef":
                self._lead = self._packets.lead = PACKET_BYTES + SEMI_SYNC_BYTES
                self._short.forget()

    def _steer(self, buf: bytes, start: int, end: int, stop: int) -> None:
        """An event that is not among the most frequent ones."""
        fields = _FULL_HEAD(buf, start)
        if fields[1] == _QUERY and _is_begin(buf, start, stop):
            self._begun(buf, start)
            # From the default database's length on, one session's BEGINs are mostly alike.
            if len(self._begins) >= _BEGINS:
                self._begins.clear()
            self._begins.add(buf[start + 27 : stop])
            return
        if fields[1] != _FORMAT and self._steering.format is None and not self._lead:
            raise DecodeError("expected a FORMAT_DESCRIPTION event first")
        if fields[1] in COMPRESSED:
            self._compressed(buf, start, stop, fields)
            return
        if fields[1] == _PAYLOAD:
            # It stands in its transaction: what came before it in this chunk is copied, what is inside is walked next.
            self._group.own_frames(whole=self._joined)
            self._zstd = self._zstd or decompressor()
            body, position = buf[start + HEADER_BYTES : stop], self._steering.position
            self._payloads.append(Payload(body, position, fields[3], self._zstd))
            return
        self._steering.on_event(self._event(buf, start, end, fields), verify=self._verify)

    def _compressed(self, buf: bytes, start: int, stop: int, fields: tuple[int, int, int, int, int, int]) -> None:
        """A compressed rows event of MariaDB: it is held in its plain form."""
        ts, kind, server, size, _, _ = fields
        table = self._ids.get(buf[start + 19 : start + 25])
        if not table:
            self._unheld(buf, start, table)
            return
        kind, plain = table.plain(kind, buf, start, stop)
        group, end = self._group, self._steering.position + size
        group.hold((table, kind, ts, server, plain, 0, len(plain), end), len(plain))

    def _event(self, buf: bytes, start: int, end: int, fields: tuple[int, int, int, int, int, int]) -> Event:
        ts, kind, server, size, log_pos, flags = fields
        return Event(kind, ts, server, size, log_pos, flags, buf, start, end)

    def _packet(self, buf: bytes, at: int) -> int:
        """-1: an event lies here whole. 0: more bytes are needed. Else the size of another packet, which was read."""
        size = self._packets.look(buf, at, self._steering, joined=self._joined)
        if size > 0:
            self._group.out.append(EndOfStream(self._steering.file, self._steering.position))
        return size

    def _check_size(self, buf: bytes, start: int, position: int) -> None:
        """A damaged size must not make the decoder wait for gigabytes."""
        size, log_pos = _FULL_HEAD(buf, start)[3:5]
        if not HEADER_BYTES <= size <= MAX_EVENT_BYTES:
            raise DecodeError(f"expected an event of {HEADER_BYTES} bytes to 1 GiB, got {size}")
        end = (position + size) & 0xFFFFFFFF
        if log_pos and log_pos != end and size > 1 << 20 and not self._steering.relay_log:
            raise DecodeError(f"expected an event that ends at {log_pos}, got {size} bytes")

    def _new_table(self, raw: bytes, position: int) -> Table | Literal[False] | None:
        form = self._steering.format
        if self._group.is_quiet and self._group.xa is None:
            return False  # nothing of it will be handed out: its columns need not be known
        self._tables.server_version = form.version if form is not None else ""
        version = self._tables.new(raw, mariadb=form is not None and form.mariadb)
        if version is None and (asked := self._tables.asked) is not None:
            count = len(asked.columns)
            where = self._steering.file, position
            logged = tuple(asked.columns)
            self._group.out.append(NeedSchema(asked.database, asked.table, count, asked.types, *where, logged))
        return version

    def _unheld(self, buf: bytes, start: int, table: Table | Literal[False] | None) -> None:
        """A rows event of an unwanted table, or of none."""
        table_id = buf[start + 19 : start + 25]
        if table is False:
            self.counts.filtered_events += not self._group.is_quiet
        elif table_id not in _DUMMY_TABLES:
            number = int.from_bytes(table_id, "little")
            raise DecodeError(f"expected a TABLE_MAP event for table id {number} before its rows, got none")

    def _failure(self, error: Exception) -> WlfError:
        """What to raise for good where the walk ended with `error`."""
        if isinstance(error, DecodeError):
            failure: WlfError = self._located(error)
            failure.__cause__ = error.__cause__
        elif isinstance(error, WlfError):
            failure = error
        else:
            failure = self._located(DecodeError(f"expected an event, got other bytes ({error})"))
            failure.__cause__ = error
        return failure

    def _located(self, error: DecodeError) -> DecodeError:
        if error.position is not None:
            return error
        return DecodeError(error.message, file=self._steering.file, position=self._steering.position)


def _is_begin(buf: bytes, start: int, stop: int) -> bool:
    """Whether a QUERY event is BEGIN, by its last bytes and the lengths in its head."""
    if not buf.endswith(_BEGIN, start, stop) or stop - start < 38:
        return False
    return stop - start == 38 + (buf[start + 30] | buf[start + 31] << 8) + buf[start + 27]
