"""What the decoder hands out: transactions, statements, rotations, heartbeats and questions about a schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from wlf.binlog.tablemap import Column

Kind: TypeAlias = Literal["insert", "update", "delete"]


class Binding(Protocol):
    """How rows of one table version are built; given by the decoder's user for each wanted table version.

    It may have `old_row(unknown, missing)` too, which gives what builds the old values of updates that are logged in
    part (binlog_row_image MINIMAL and NOBLOB): `unknown` columns are in the new images and not in the former ones, so
    they are changed, from what is not logged; `missing` ones are in neither. Without it `row` builds them, and they
    look as if they were not changed.
    """

    @property
    def row(self) -> Callable[..., Any]:
        """Called with one positional value per column of the table: a value, None (NULL) or UNSET (not logged)."""

    @property
    def skip(self) -> frozenset[int]:
        """Columns that are not decoded at all; their value is always UNSET."""

    @property
    def convert(self) -> Mapping[int, Callable[[Any], Any]]:
        """Columns whose values go through a function (mask, hash); it never sees NULL or UNSET."""


class Change(NamedTuple):
    """The rows of one rows event; never empty."""

    binding: Any
    """What `bind` returned for the table version."""
    kind: Kind
    ts: int
    """The event header's timestamp, Unix seconds."""
    server_id: int
    """Of the server that made the change."""
    end_position: int
    """Byte offset behind the rows event in the transaction's file."""
    rows: list[Any]
    """Rows after the change; for deletes, before it. In an update of a MINIMAL image, columns that only the before
    image has are here too."""
    olds: list[Any] | None
    """For updates one row for each of `rows`, which holds the former values of changed columns, UNSET elsewhere."""
    query: str | None = None
    """The statement's text, where the server logs it (ROWS_QUERY, ANNOTATE_ROWS) and `details` were asked for."""
    partitions: tuple[int, ...] = ()
    """With `details`, for a partitioned table of MySQL: the partition's number; for an update (new, former)."""
    rows_before: int = 0
    """How many rows with the same `end_position` the transaction had before these: all events of a compressed
    payload, and all of a transaction that was prepared by XA, end at one place."""


class Transaction(NamedTuple):
    """A transaction, or the next part of one: parts come in order, the last one has `commit`."""

    gtid: str | None
    xid: int | None
    """None for non-transactional tables, and in all but the last part of a transaction that was not held."""
    file: str
    end_position: int
    """Behind the commit where `commit` is set: a place to resume. Elsewhere behind the last rows event."""
    ts: int
    changes: list[Change]
    commit: bool
    held: bool
    """False: longer than `hold_max_bytes`, streamed: of all its rows only the last may carry the XID."""
    first_xoffset: int
    """Number of rows that earlier parts of this transaction had."""
    thread_id: int | None = None
    """With `details`: the session's connection id, where the server logs it."""
    commit_us: int | None = None
    """With `details`: when the server whose binlog this is committed it, Unix microseconds; MySQL 8 and later."""


class Statement(NamedTuple):
    """A statement logged as text: DDL, or changes that a server not in ROW format logged as SQL."""

    database: str
    """The default database of the session."""
    sql: str
    kind: str
    """`table-create`, `table-alter`, `table-drop`, `table-rename`, `table-truncate`, `database-create`,
    `database-alter`, `database-drop`, `ddl` (any other definition), `dml` (a change not logged as rows: to be warned
    about), `rollback` (the rows logged before it did not survive, and are not handed out), `xa-unknown` (XA COMMIT of
    a transaction that was prepared before the place where reading began: its rows are not known), `other`."""
    objects: tuple[tuple[str, str], ...]
    """(database, table) of each table or (database, "") of each database it names, as far as it could be read."""
    gtid: str | None
    ts: int
    server_id: int
    file: str
    end_position: int
    sql_mode: int = 0
    """The session's, as the bits that the binlog has."""
    charset: str | None = None
    """The character set of new databases, where the event tells."""

    @property
    def is_ddl(self) -> bool:
        """Whether it changes a schema."""
        return self.kind not in ("dml", "rollback", "xa-unknown", "other")


class Prepared(NamedTuple):
    """A transaction that XA PREPARE left open: its rows wait for XA COMMIT, which may come from any session."""

    xid: str
    """As XA COMMIT in the binlog names it: `X'6f6e65',X'',1`, lower case."""
    file: str
    offset: int
    """Where its group begins, a boundary: who reads from here on meets its rows."""
    gtid: str | None
    """Of the group that prepared it; the one that commits it has another."""


class Rotate(NamedTuple):
    """The binlog goes on in `file` at `position`."""

    file: str
    position: int


class Heartbeat(NamedTuple):
    """The server is alive and has nothing new; it may have skipped events up to here."""

    file: str
    position: int


class EndOfStream(NamedTuple):
    """The server sent EOF: a dump with NON_BLOCK reached the end."""

    file: str
    position: int


class NeedSchema(NamedTuple):
    """The events of a table lack what its rows need; decoding goes on after `Decoder.provide`.

    Servers log column names only with `binlog_row_metadata=FULL`, signedness also with MINIMAL.
    """

    database: str
    table: str
    n_columns: int
    types: bytes
    """The type byte of each column as in the TABLE_MAP."""
    file: str
    position: int
    """Where the TABLE_MAP begins."""
    logged: tuple[Column, ...] = ()
    """What the TABLE_MAP tells of each column: type and length, with MINIMAL metadata also sign and character set."""


class SchemaColumn(NamedTuple):
    """One row of `information_schema.COLUMNS`, in ordinal order: the answer to NeedSchema."""

    name: str
    column_type: str
    """COLUMN_TYPE, for instance `int(10) unsigned` or `enum('a','b')`."""
    charset: str | None = None
    """CHARACTER_SET_NAME."""
    key_position: int = 0
    """1-based position in the primary key, 0 = not in it."""


Item: TypeAlias = Transaction | Statement | Rotate | Heartbeat | EndOfStream | NeedSchema


class Boundary(NamedTuple):
    """A place between two transactions, where reading can be taken up."""

    file: str
    position: int
    gtid: str | None
    """Of the last transaction before it that had one."""


Bind: TypeAlias = Callable[[Any], Binding | None]
