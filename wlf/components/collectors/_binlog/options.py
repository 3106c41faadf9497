"""The options of the Binlog collector."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from wlf.components.config import CollectorConfig, Secret

_HOST = re.compile(
    r"(?:\[(?P<bracketed>[0-9a-fA-F:.]+(?:%\w+)?)\]|(?P<host>[^\s:\[\]/@]+))(?::(?P<port>\d{1,5}))?"
    r"|(?P<ipv6>[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F.]*(?:%\w+)?)"
)


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of options."""


def _dotted(patterns: tuple[str, ...], dots: int, shape: str) -> None:
    for pattern in patterns:
        if pattern.count(".") < dots:
            raise ValueError(f"expected a glob {shape}, got {pattern!r}")


class TlsOptions(_Options, frozen=True, kw_only=True):
    """How the connection is encrypted; the modes are those of the mysql client's `--ssl-mode`."""

    mode: Annotated[
        Literal["disabled", "preferred", "required", "verify_ca", "verify_identity"],
        Meta(
            description="preferred: TLS where the server offers it; verify_ca checks the certificate, verify_identity "
            "also the host name"
        ),
    ] = "preferred"
    ca: Annotated[str | None, Meta(description="file with the CA certificates (PEM); default: those of the system")] = (
        None
    )
    cert: Annotated[str | None, Meta(description="file with the client's certificate (PEM)")] = None
    key: Annotated[str | None, Meta(description="file with the client's private key (PEM)")] = None


class StartOptions(_Options, frozen=True, kw_only=True):
    """A place in the binlog to start at when nothing is stored yet: `file` with `position`, or `gtid`."""

    file: Annotated[str | None, Meta(description="name of the binlog file, such as binlog.000042")] = None
    position: Annotated[int, Meta(description="byte offset of an event in `file`", ge=4)] = 4
    gtid: Annotated[
        str | None, Meta(description="GTID set that was already seen; reading starts behind it; needs a server")
    ] = None

    def __post_init__(self) -> None:
        if (self.file is None) == (self.gtid is None):
            raise ValueError("expected either `file` (with `position`) or `gtid`")
        if self.gtid is not None and self.position != 4:
            raise ValueError("expected no `position` beside `gtid`")


class TableOptions(_Options, frozen=True, kw_only=True):
    """Which tables are read at all; rows of others are not even decoded."""

    include: Annotated[
        list[str], Meta(description="globs `database.table`; a table must match one of them; default: all")
    ] = []
    exclude: Annotated[list[str], Meta(description="globs `database.table`; a table must match none of them")] = []

    def __post_init__(self) -> None:
        _dotted((*self.include, *self.exclude), 1, "database.table")


class ColumnOptions(_Options, frozen=True, kw_only=True):
    """What happens to columns before anything else sees them; globs `database.table.column`."""

    exclude: Annotated[list[str], Meta(description="globs of columns that are left out")] = []
    mask: Annotated[list[str], Meta(description="globs of columns whose values, except NULL, become `***`")] = []
    hash: Annotated[
        list[str], Meta(description="globs of columns whose values, except NULL, become their SHA-256 in hexadecimal")
    ] = []
    hash_salt: Annotated[Secret, Meta(description="text put before each value that is hashed")] = Secret("")
    nulls: Annotated[bool, Meta(description="columns that are NULL are there, as null; false: they are left out")] = (
        True
    )
    zero_dates: Annotated[
        Literal["text", "null"],
        Meta(description="dates whose year, month or day is zero: the text that MySQL has for them, or null"),
    ] = "text"

    def __post_init__(self) -> None:
        _dotted((*self.exclude, *self.mask, *self.hash), 2, "database.table.column")


class SnapshotOptions(_Options, frozen=True, kw_only=True):
    """The initial copy: which tables, when, and how they are read."""

    mode: Annotated[
        Literal["never", "initial", "when_needed", "always"],
        Meta(
            description="initial: once, before or while changes are read for the first time; when_needed: also where "
            "the place to go on from is purged; always: at every start"
        ),
    ] = "initial"
    include: Annotated[
        list[str], Meta(description="globs `database.table` of tables to copy; default: all that are read")
    ] = []
    exclude: Annotated[list[str], Meta(description="globs `database.table` of tables not to copy")] = []
    chunk_rows: Annotated[int, Meta(description="rows that are selected at a time", ge=1)] = 4_096
    parallel_tables: Annotated[int, Meta(description="tables that are read at the same time", ge=1, le=64)] = 2

    def __post_init__(self) -> None:
        _dotted((*self.include, *self.exclude), 1, "database.table")


class OutputOptions(_Options, frozen=True, kw_only=True):
    """Which fields the events have beyond Maxwell's default ones."""

    position: Annotated[bool, Meta(description="`position`: file and offset behind the row's event")] = False
    query: Annotated[
        bool,
        Meta(
            description="`query`: the statement's text, where the server logs it (MySQL: binlog_rows_query_log_events; "
            "MariaDB: binlog_annotate_row_events)"
        ),
    ] = False
    gtid: Annotated[bool, Meta(description="`gtid` of the transaction")] = False
    server_id: Annotated[bool, Meta(description="`server_id` of the server that ran the transaction first")] = False
    thread_id: Annotated[bool, Meta(description="`thread_id`: the session's connection id")] = False
    push_ts: Annotated[bool, Meta(description="`push_ts`: when wlf made the event, Unix seconds")] = False
    primary_key: Annotated[bool, Meta(description="`primary_key`: the row's key values, in the key's order")] = False
    primary_key_columns: Annotated[bool, Meta(description="`primary_key_columns`: the names of the key's columns")] = (
        False
    )


def parse_host(text: str) -> tuple[str, int | None]:
    """Host and port (None: not said) of `db`, `db:3307`, `::1` or `[::1]:3307`; raises ValueError."""
    found = _HOST.fullmatch(text.strip())
    if found is None or not 0 < int(found["port"] or 1) < 65_536:
        raise ValueError(f"expected HOST or HOST:PORT, with an IPv6 address as [::1]:3306, got {text!r}")
    return found["bracketed"] or found["host"] or found["ipv6"], int(found["port"]) if found["port"] else None


class BinlogConfig(CollectorConfig, frozen=True, kw_only=True):
    """Options of the Binlog collector: a server to replicate from, or binlog files to read."""

    files: Annotated[
        list[str],
        Meta(description="binlog files (paths or globs) to read once, by number, in place of a live server's stream"),
    ] = []
    host: Annotated[
        str | None,
        Meta(
            description="the server; default 127.0.0.1. With `files`, only a server named here is asked for what the "
            "files do not say about tables"
        ),
    ] = None
    port: Annotated[int, Meta(description="the server's TCP port", ge=1, le=65535)] = 3306
    hosts: Annotated[
        list[str],
        Meta(
            description="several servers, HOST or HOST:PORT, in place of `host`: when one is lost the next is read on "
            "from by GTID"
        ),
    ] = []
    unix_socket: Annotated[str | None, Meta(description="path of the server's Unix socket, in place of TCP")] = None
    user: Annotated[str, Meta(description="account with REPLICATION SLAVE and REPLICATION CLIENT")] = "root"
    password: Annotated[Secret, Meta(description="the account's password")] = Secret("")
    tls: Annotated[TlsOptions, Meta(description="how the connection is encrypted")] = TlsOptions()
    server_id: Annotated[
        Annotated[int, Meta(ge=1, le=4_294_967_295)] | None,
        Meta(
            description="id among the server's replicas: a second replica with the same id ends the first one's "
            "stream; default: drawn at random above 2^31",
        ),
    ] = None
    start: Annotated[
        Literal["latest", "earliest"] | StartOptions,
        Meta(description="where to start when nothing is stored yet: latest, earliest, {file, position} or {gtid}"),
    ] = "latest"
    on_purged: Annotated[
        Literal["stop", "earliest", "snapshot"],
        Meta(
            description="what to do where the server no longer has the changes to go on from: stop; take what is left, "
            "with a gap; or copy the tables anew"
        ),
    ] = "stop"
    snapshot: Annotated[
        Literal["never", "initial", "when_needed", "always"] | SnapshotOptions,
        Meta(description="copy the tables as they are, and then their changes: when, or {mode, include, ...}"),
    ] = "never"
    on_schema_mismatch: Annotated[
        Literal["stop", "refetch", "drop"],
        Meta(
            description="what to do with rows whose columns are not known for sure: stop; take the columns that the "
            "server tells now, if they fit; or drop the rows, counted. Never needed with binlog_row_metadata = FULL"
        ),
    ] = "refetch"
    semi_sync: Annotated[
        bool, Meta(description="acknowledge transactions to the server once they are stored (semi-synchronous)")
    ] = False
    connect_timeout_ms: Annotated[
        int, Meta(description="time that connecting and each answer to a query may take", ge=1)
    ] = 10_000
    heartbeat_interval_ms: Annotated[
        int,
        Meta(
            description="the idle server says so often that it is alive; after twice as much silence the connection "
            "is given up",
            ge=100,
            le=3_600_000,
        ),
    ] = 10_000
    read_buffer_bytes: Annotated[int, Meta(description="bytes that may lie read and not yet decoded", ge=65_536)] = (
        16_777_216
    )
    hold_max_bytes: Annotated[
        int,
        Meta(
            description="a transaction larger than this is not held in memory until its end is read: see `large`",
            ge=0,
        ),
    ] = 16_777_216
    large: Annotated[
        Literal["stream", "spill"] | None,
        Meta(
            description="transactions over `hold_max_bytes`: stream: their rows go on at once, only the last one has "
            "xid; spill: they wait for their end in a temporary file, and every row has xid; default: spill where a "
            "dispatcher's format is maxwell, else stream"
        ),
    ] = None
    tables: Annotated[TableOptions, Meta(description="which tables are read at all")] = TableOptions()
    columns: Annotated[ColumnOptions, Meta(description="columns left out, masked or hashed")] = ColumnOptions()
    output: Annotated[OutputOptions, Meta(description="fields beyond Maxwell's default ones")] = OutputOptions()
    ddl: Annotated[bool, Meta(description="emit a SchemaChange for each DDL statement")] = False
    decoder: Annotated[
        Literal["wlf", "mysql-replication"],
        Meta(
            description="what decodes the rows: wlf, or for comparison the library mysql-replication, which is many "
            "times slower and has faults of its own"
        ),
    ] = "wlf"
    verify_checksum: Annotated[
        bool | None,
        Meta(description="check the CRC32 of each event; default: true for files, false for a server's stream"),
    ] = None

    def __post_init__(self) -> None:
        if self.files and isinstance(self.start, StartOptions) and self.start.gtid is not None:
            raise ValueError("expected no `start.gtid` with `files`: finding a GTID needs a server")
        if sum((self.host is not None, self.unix_socket is not None, bool(self.hosts))) > 1:
            raise ValueError("expected only one of `host`, `hosts` and `unix_socket`")
        if self.files and self.hosts:
            raise ValueError("expected no `hosts` with `files`: name the one `host` that knows the tables")
        mode = self.snapshot.mode if isinstance(self.snapshot, SnapshotOptions) else self.snapshot
        if self.files and mode != "never":
            raise ValueError("expected no `snapshot` with `files`: binlog files hold no tables to copy")
        servers = [parse_host(entry) for entry in self.hosts]
        for index, (host, port) in enumerate(servers):
            if (host, port or self.port) in ((name, other or self.port) for name, other in servers[:index]):
                raise ValueError(f"expected each of `hosts` once, got {self.hosts[index]} twice")

    @property
    def has_server(self) -> bool:
        """Is there a server to ask?"""
        return not self.files or self.host is not None or self.unix_socket is not None

    @property
    def address(self) -> str:
        """The server, for messages."""
        host = self.host or "127.0.0.1"
        return self.unix_socket or f"{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def checks_crc(self) -> bool:
        """`verify_checksum` with its default worked out."""
        return bool(self.files) if self.verify_checksum is None else self.verify_checksum
