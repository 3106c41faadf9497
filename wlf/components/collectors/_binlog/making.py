"""Puts decoder, row classes and flow together as the options say."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from typing import Literal

from wlf.binlog import Binding, Decoder, TableMap
from wlf.binlog.charset import Undecodable
from wlf.binlog.ddl import HASH
from wlf.binlog.rows import Table
from wlf.binlog.tablemap import LONGLONG
from wlf.binlog.tables import MakeTable
from wlf.components.base import Context
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.components.collectors._binlog.column_type import column_type
from wlf.components.collectors._binlog.columns import treat
from wlf.components.collectors._binlog.ddl import schema_changes
from wlf.components.collectors._binlog.flow import Begin, Flow
from wlf.components.collectors._binlog.history import SchemaHistory
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.place import Position, parse_gtids
from wlf.components.collectors._binlog.tables import table_filter
from wlf.events.table import TableVersion, TableVersions

_OWN_FORMATS = frozenset(("json", "msgpack", "wlf", "maxwell", "canal"))
"""These show what the events' fields say, and nothing of `Place.origin`."""


class Making:
    """Makes the decoder and the flow behind it; `versions` outlive a reconnect, so tables keep their row classes."""

    def __init__(self, config: BinlogConfig, context: Context, versions: TableVersions, history: SchemaHistory) -> None:
        self.config = config
        self.context = context
        self._versions = versions
        self.history = history
        self.wants = table_filter(config.tables, context.wants)
        """Are rows of this (database, table) read at all?"""
        self._shows_origin = bool(context.formats - _OWN_FORMATS)
        large = config.large or ("spill" if "maxwell" in context.formats else "stream")
        self._spills = large == "spill"

    def decoder(
        self,
        mode: Literal["file", "stream"],
        begin: Position,
        seen: str | None,
        *,
        declared_checksum: bool = False,
        semi_sync: bool = False,
    ) -> Decoder:
        """A decoder that begins at a place; `seen` is the GTID set of all before it, None where that is unknown.

        With transactions that are prepared at this place it begins at the first of them, see `Position.reads_from`.
        """
        output = self.config.output
        file, offset = begin.reads_from
        decoder = Decoder(
            self.bind,
            mode=mode,
            file=file,
            position=offset,
            quiet_until=(begin.file, begin.offset) if begin.prepared else None,
            make_file=tempfile.TemporaryFile,
            spills=self._spills,
            details=self._shows_origin or output.query or output.thread_id,
            declared_checksum=declared_checksum,
            semi_sync=semi_sync,
            verify_checksum=self.config.checks_crc,
            hold_max_bytes=self.config.hold_max_bytes,
            wants=self.wants,
            make_table=None if self.config.decoder == "wlf" else _peer_tables(lambda: decoder.server_version),
        )
        if seen is not None:
            decoder.gtids = parse_gtids(seen)
        return decoder

    def flow(self, decoder: Decoder, lag: Lag, begin: Begin) -> Flow:
        """The flow from a decoder to events."""
        output, now = self.config.output, self.context.clock.time
        assembler = Assembler(begin.server, output, origin=self._shows_origin, now=now)
        on_ddl = partial(schema_changes, wants=self.wants, output=output) if self.config.ddl else None
        return Flow(decoder, assembler, lag, self.context, begin, self.history, on_ddl)

    def bind(self, table: TableMap) -> TableVersion:
        """The row class of a table version, without the columns that are left out."""
        types = tuple(map(column_type, table.columns))
        skip, convert = treat(self.config.columns, table.database, table.table, table.names, types)
        skip |= _hashes(table)
        # A key with a column left out would be another key: better none.
        key = () if skip.intersection(table.primary_key) else table.primary_key
        where, nulls = (table.database, table.table, table.names), self.config.columns.nulls
        return self._versions.get(*where, key, skip=skip, convert=convert, types=types, nulls=nulls)


def _hashes(table: TableMap) -> frozenset[int]:
    """The last columns in which MariaDB keeps hashes of unique keys: no SELECT shows them."""
    found = set[int]()
    for index in range(len(table.columns) - 1, -1, -1):
        if not (table.names[index].startswith(HASH) and table.columns[index].type == LONGLONG):
            break
        found.add(index)
    return frozenset(found)


def _peer_tables(version: Callable[[], str | None]) -> MakeTable:
    """Rows by the library mysql-replication, which is imported only where it is asked for."""
    from wlf.components.collectors._binlog.peer import PeerTable

    def make(table: TableMap, binding: Binding, undecodable: Undecodable, raw: bytes) -> Table:
        return PeerTable(table, binding, undecodable, raw, mariadb="mariadb" in (version() or "").lower())

    return make
