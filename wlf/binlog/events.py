"""The events that are neither rows nor table maps: what they do to the transaction, the position and the format."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Literal, NamedTuple

from wlf.binlog import control
from wlf.binlog.control import ARTIFICIAL, HEADER_BYTES, IGNORABLE, IN_USE, RELAY_LOG, Format
from wlf.binlog.counts import Counts
from wlf.binlog.ddl.tokens import Dialect
from wlf.binlog.details import commit_us, mariadb_thread_id, tagged_commit_us
from wlf.binlog.errors import UnsupportedEvent
from wlf.binlog.group import Group, Gtid
from wlf.binlog.gtid import GtidPosition, GtidSet, mariadb_gtid, tagged_gtid
from wlf.binlog.items import Heartbeat, Rotate, Statement
from wlf.binlog.prepared import require_xid, xid_of_gtid, xid_of_prepare, xid_of_statement
from wlf.binlog.rows import Table
from wlf.binlog.spill import QUERY, SAVEPOINT
from wlf.binlog.statements import HEAD_BYTES, Query, classify, parse_query, query_text_at, strip_comments, unquote
from wlf.errors import DecodeError

_GTID = Struct("<16sq").unpack_from
_STANDALONE = 1
_PREPARED_XA = 64
_ROWS_QUERY = 29

# Rows that were logged in a form not decoded yet: name, server variable, advice.
_UNSUPPORTED = {
    20: ("WRITE_ROWS_V0", "", "the server is older than MySQL 5.1"),
    21: ("UPDATE_ROWS_V0", "", "the server is older than MySQL 5.1"),
    22: ("DELETE_ROWS_V0", "", "the server is older than MySQL 5.1"),
}

# Nothing to do: they say where the server is, or belong to statements logged as text.
_BORING = frozenset((3, 5, 9, 11, 13, 14, 17, 28, 29, 36, 37, 160, 161))


def savepoint_name(sql: str) -> bytes:
    """The name in SAVEPOINT and ROLLBACK TO, which servers quote; names do not differ by case."""
    text = sql.strip().rstrip(";").rstrip()
    at = text.find("`")
    name = unquote(text[at:]) if at >= 0 else text.split()[-1]
    return name.casefold().encode("utf-8", "surrogateescape")


def _nothing() -> None:
    """No one wants to know."""


class Event(NamedTuple):
    """One event in its buffer."""

    kind: int
    ts: int
    server_id: int
    size: int
    log_pos: int
    flags: int
    buf: bytes
    start: int
    end: int


class Steering:
    """Where the walk is, and what the events said that it has come past.

    `position` is that of the event being read; the walk adds its size afterwards.
    """

    def __init__(
        self,
        group: Group,
        counts: Counts,
        ids: dict[bytes, Table | Literal[False]],
        *,
        stream: bool,
        details: bool = False,
    ) -> None:
        self.file = ""
        self.position = 4
        self.checksum_bytes = 0
        self.format: Format | None = None
        self.in_use = False
        self.relay_log = False
        self._group = group
        self._counts = counts
        self._ids = ids
        self._stream = stream
        self._details = details
        self.on_ddl: Callable[[], None] = _nothing
        """Called after each statement that may have changed a schema."""
        self._on: dict[int, Callable[[Event], None]] = {
            2: self._on_query,
            4: self._on_rotate,
            18: self._on_load_query,
            26: self._on_incident,
            27: self._on_heartbeat,
            33: self._on_gtid,
            34: self._on_anonymous,
            35: self._on_previous_gtids,
            38: self._on_xa_prepare,
            41: self._on_heartbeat,
            42: self._on_tagged_gtid,
            162: self._on_mariadb_gtid,
            163: self._on_gtid_list,
            164: self._on_encryption,
            165: self._on_compressed_query,
        }
        if details:
            self._on |= {29: self._on_rows_query, 160: self._on_rows_query}

    def open_file(self, name: str, position: int) -> None:
        """Forget what belonged to the last file."""
        self.file, self.position = name, position
        self.format = None
        self.checksum_bytes = 0
        self._ids.clear()

    def on_event(self, event: Event, *, verify: bool) -> None:
        """Any event that the walk does not know itself.

        Raises:
            DecodeError: its bytes do not fit its type, or its type is unknown and it may not be skipped.
            UnsupportedEvent: its type is known and cannot be decoded.
        """
        if event.kind == 15:
            self._on_format(event, verify)
        elif (act := self._on.get(event.kind)) is not None:
            act(event)
        elif event.kind in _UNSUPPORTED:
            self._unsupported(event.kind)
        elif event.kind not in _BORING:
            self._unknown(event)
        if event.flags & ARTIFICIAL and self._stream and event.kind != 4:
            self._stand(control.widen(event.log_pos, self.position) if event.log_pos else None, event)
        if not self._group.open:
            self._group.jump(self.file, self.position + event.size)

    def _stand(self, position: int | None, event: Event) -> None:
        """The event takes no room in the file: reading is at `position` behind it (None: where it was)."""
        self.position = (self.position if position is None else position) - event.size

    def _body(self, event: Event) -> bytes:
        return event.buf[event.start + HEADER_BYTES : event.end - self.checksum_bytes]

    def _unknown(self, event: Event) -> None:
        if not event.flags & IGNORABLE:
            raise DecodeError(f"expected an event type that is known or may be ignored, got {event.kind}")
        self._counts.skipped_events += 1

    def _unsupported(self, kind: int) -> None:
        raise UnsupportedEvent(*_UNSUPPORTED[kind], file=self.file, position=self.position)

    # The file and the stream.

    def _on_format(self, event: Event, verify: bool) -> None:
        self.format = control.parse_format(event.buf[event.start + HEADER_BYTES : event.end])
        self.checksum_bytes = 4 if self.format.checksum else 0
        if verify and self.format.checksum:
            control.check_crc(event.buf, event.start, event.end, format_event=True)
        self.in_use = bool(event.flags & IN_USE)
        self.relay_log = bool(event.flags & RELAY_LOG)
        if self.format.created or not self._stream:
            self._ids.clear()
            # The server was restarted: what was open then is rolled back.
            self._group.abandon()
        if self._stream:
            self._stand(event.log_pos or None, event)

    def _on_rotate(self, event: Event) -> None:
        position, name = control.parse_rotate(self._body(event))
        if not self._stream:
            return
        if (name, position) != (self.file, self.position):
            self._group.out.append(Rotate(name, position))
        if name != self.file:
            self._ids.clear()
            self._group.abandon()
        self.file, self.position = name, position - event.size
        self._group.jump(name, position)

    def _on_heartbeat(self, event: Event) -> None:
        body = self._body(event)
        parsed = control.parse_heartbeat(body, event.log_pos) if event.kind == 27 else control.parse_heartbeat_v2(body)
        name, position = parsed
        if event.kind == 27 and position == event.log_pos:
            position = control.widen(position, self.position)
        self._group.out.append(Heartbeat(name, position))
        moved = position if name == self.file and not self._group.open else self.position
        self._stand(max(moved, self.position), event)

    def _on_incident(self, event: Event) -> None:
        text = self._body(event)[3:].decode("utf-8", "replace")
        raise DecodeError(
            f"the server lost changes and says so by an INCIDENT event ({text}): what they were is not in the binlog; "
            "copy the tables anew, or begin behind this place"
        )

    def _on_encryption(self, event: Event) -> None:
        # In a stream it is the server that decrypts: the event only takes its room.
        if not self._stream:
            advice = "read it from the server, which decrypts it"
            raise UnsupportedEvent(
                "START_ENCRYPTION", "encrypt_binlog=ON", advice, file=self.file, position=self.position
            )

    # Transactions.

    def _on_gtid(self, event: Event) -> None:
        if self._stream and event.log_pos:
            self._follow(event.log_pos, event.size)
        self._begin(_GTID(event.buf, event.start + 20))
        if self._details:
            self._group.commit_us = commit_us(event.buf, event.start, event.end - self.checksum_bytes)

    def _on_anonymous(self, event: Event) -> None:
        self._begin(None)
        if self._details:
            self._group.commit_us = commit_us(event.buf, event.start, event.end - self.checksum_bytes)

    def _follow(self, log_pos: int, size: int) -> None:
        """The server skips transactions that were asked not to be sent."""
        if (self.position + size) & 0xFFFFFFFF != log_pos:
            self.position = control.widen(log_pos, self.position + size) - size
            self._group.jump(self.file, self.position)

    def _begin(self, gtid: Gtid | None, begun: bool = False) -> None:
        group = self._group
        if group.open:
            if group.begun and not (self.format and self.format.mariadb):
                raise DecodeError("expected the end of a transaction, got the GTID of the next")
            group.close(None, 0, self.position)
            group.drain_rest()
        group.begin(gtid, begun=begun)
        if self._details:
            group.thread_id = group.commit_us = None

    def _on_tagged_gtid(self, event: Event) -> None:
        if self._stream and event.log_pos:
            self._follow(event.log_pos, event.size)
        self._begin(tagged_gtid(self._body(event)))
        if self._details:
            self._group.commit_us = tagged_commit_us(self._body(event))

    def _on_mariadb_gtid(self, event: Event) -> None:
        sequence, domain, flags = mariadb_gtid(self._body(event))
        if self._stream and event.log_pos:
            self._follow(event.log_pos, event.size)
        self._begin((domain, event.server_id, sequence), begun=not flags & _STANDALONE)
        if flags & _PREPARED_XA and (xid := xid_of_gtid(self._body(event))) is not None:
            self._group.expect_prepare(xid)
        if self._details:
            self._group.thread_id = mariadb_thread_id(self._body(event))

    def _on_previous_gtids(self, event: Event) -> None:
        previous = GtidSet.decode(self._body(event))
        if isinstance(self._group.gtids, GtidSet):
            self._group.gtids.update(previous)
        else:
            self._group.gtids = previous

    def _on_gtid_list(self, event: Event) -> None:
        if not self._group.gtids:
            self._group.gtids = GtidPosition.decode(self._body(event))

    def _on_rows_query(self, event: Event) -> None:
        # The byte in front of ROWS_QUERY was meant for the length, and is garbage.
        text = self._body(event)[event.kind == _ROWS_QUERY :]
        self._group.note(QUERY, text, self.position + event.size)

    def _on_xa_prepare(self, event: Event) -> None:
        xid, one_phase = xid_of_prepare(self._body(event))
        end = self.position + event.size
        if one_phase:
            self._group.close(None, event.ts, end)
        else:
            self._group.prepare(xid, end)

    def _on_load_query(self, event: Event) -> None:
        body = self._body(event)
        # Behind the usual head of a QUERY lie 13 bytes of its own.
        self._statement(event, body[:HEAD_BYTES] + body[HEAD_BYTES + 13 :])

    def _on_compressed_query(self, event: Event) -> None:
        body = self._body(event)
        sql_at = query_text_at(body)
        self._statement(event, body[:sql_at] + control.inflate_record(body[sql_at:]))

    def _on_query(self, event: Event) -> None:
        self._statement(event, self._body(event))

    def _statement(self, event: Event, body: bytes) -> None:
        """A QUERY: what begins or ends transactions, or else a statement to hand out."""
        group, query = self._group, parse_query(body)
        end = self.position + event.size
        words = strip_comments(query.sql[:200]).upper().split(None, 2)
        first, second = (words[0].rstrip(";") if words else ""), (words[1] if len(words) > 1 else "")
        if self._details and group.open:
            group.thread_id = int.from_bytes(body[:4], "little")
        if first == "BEGIN":
            group.open = group.begun = True
        elif first == "XA":
            self._xa(second, query, event, end)
        elif first == "COMMIT":
            group.close(None, event.ts, end)
        elif first == "SAVEPOINT":
            group.note(SAVEPOINT, savepoint_name(query.sql), end)
        elif first == "ROLLBACK" and "TO" in words[1:]:
            # It is logged only where something cannot be undone; rows of tables without transactions, which
            # survive, have groups of their own.
            group.roll_back_to(savepoint_name(query.sql))
        elif first != "RELEASE":
            self._hand_out(query, event, end)
            if first == "ROLLBACK":
                group.roll_back(event.ts, end)
            elif not group.begun:
                group.close(None, event.ts, end)

    def _hand_out(self, query: Query, event: Event, end: int, kind: str | None = None) -> None:
        dialect = Dialect.of(self.format.version if self.format else None, query.sql_mode)
        found, objects = classify(query.sql, query.database, dialect)
        if not self._group.is_quiet:
            where = self._group.gtid_text(), event.ts, event.server_id, self.file, end
            read_as = query.sql_mode, query.charset
            statement = Statement(query.database, query.sql, kind or found, objects, *where, *read_as)
            self._group.out.append(statement)
            if not statement.is_ddl:
                return
        self.on_ddl()

    def _xa(self, verb: str, query: Query, event: Event, end: int) -> None:
        """The statements of XA as servers log them; PREPARE is an event of its own."""
        group = self._group
        if verb in ("START", "BEGIN"):
            group.open = group.begun = True
            group.expect_prepare(require_xid(xid_of_statement(query.sql), query.sql))
        elif verb == "COMMIT":
            xid = require_xid(xid_of_statement(query.sql), query.sql)
            if not group.commit_prepared(xid, event.ts, end):
                self._hand_out(query, event, end, "xa-unknown")
        elif verb == "ROLLBACK":
            group.roll_back_prepared(require_xid(xid_of_statement(query.sql), query.sql), end)
