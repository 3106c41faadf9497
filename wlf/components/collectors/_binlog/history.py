"""The schema history: which columns each table had at the place that reading has come to.

It begins with what the server says, goes on with every definition in the stream, and is stored so that each position
finds the tables of then: an entry is written before any position behind its statement is handed out.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from wlf.binlog import NeedSchema, SchemaColumn, Statement
from wlf.binlog.ddl import Catalogue, Dialect, Effect, Table, apply, misfit, with_hashes
from wlf.components.base import Context
from wlf.components.collectors._binlog import schema, server
from wlf.components.collectors._binlog.keeping import (
    BASE,
    PREFIX,
    Base,
    Entry,
    changes_of,
    file_place,
    pack_base,
    pack_entry,
    unpack_base,
    unpack_entries,
)
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.place import Position
from wlf.components.collectors._binlog.unsure import Unsure

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

FOLD_ENTRIES = 256
FOLD_BYTES = 262_144
"""So much is kept behind the base before it is folded in: or a quarter of the base, if that is more."""


class SchemaHistory:
    """See the module. One for the life of a collector; `begin` at each opening.

    Args:
        context: where it is stored, and told of what is not sure.
        wants: which tables rows are read of.
    """

    def __init__(self, context: Context, wants: Callable[[str, str], bool]) -> None:
        self.catalogue = Catalogue()
        self.number: int | None = None
        """Of the last definition that was read; None where no history is kept, as events name their columns."""
        self._state = context.state
        self._logger = context.logger
        self._wants = wants
        self._unsure = Unsure(context.logger)
        self._server = ""
        self._place = ("", "", 0)
        self._entries: dict[int, Entry] = {}
        self._sizes: dict[int, int] = {}
        self._base_bytes = 0
        self._unsaved: dict[str, bytes | None] = {}
        self._turn = asyncio.Lock()
        self._asked: schema.Asked | None = None
        self._stored: dict[str, bytes] = {}
        self._found: server.Server | None = None

    # The beginning.

    async def load(self) -> None:
        """Get what is stored; then one of the `take_up` is to be called. Raises StateError."""
        async with self._turn:
            self._stored = await self._state.load(PREFIX)

    def look_early(
        self, side: SideConnection, found: server.Server, config: BinlogConfig, stored: Position | None
    ) -> Catalogue | None:
        """The wanted tables before the place is chosen where reading begins; None where that is no use. Blocks."""
        if stored is not None or config.start != "latest" or not _is_needed(found, config):
            return None
        return self._look(side)

    def take_up(
        self,
        side: SideConnection,
        found: server.Server,
        config: BinlogConfig,
        place: Position | None,
        stored: Position | None,
        early: Catalogue | None,
    ) -> None:
        """Take up what is stored for a position, or begin with the server's tables. Blocks.

        Args:
            side: where to ask.
            found: the server.
            config: says whether a history is needed.
            place: where reading begins; None where that is known only later.
            stored: the position it goes on from; None where there is none, or where changes are left out.
            early: what `look_early` gave: tables that are the same afterwards were so at `place`. None: the place lies
                anywhere before now, and nothing is sure of it.
        """
        self._found, self._server = found, found.uuid
        if stored is not None and self._restore(stored):
            return
        is_kept = _is_needed(found, config)
        if stored is not None and stored.schema is not None:
            self._logger.warning("%s: no schema history is stored for %s: it begins anew", found.address, stored)
        self._begin_anew(place or stored, is_kept=is_kept)
        if is_kept:
            self._capture(side, found, early)

    def take_up_files(self, place: Position, *, is_stored: bool) -> None:
        """The same for files: what is not stored, their statements must tell."""
        self._found, self._server = None, ""
        if not (is_stored and self._restore(place)):
            self._begin_anew(place, is_kept=True)

    def _begin_anew(self, place: Position | None, *, is_kept: bool) -> None:
        self.catalogue = Catalogue()
        self.number = 0 if is_kept else None
        self._entries, self._sizes = {}, {}
        self._place = (self._server, *((place.file, place.offset) if place else ("", 0)))
        self._unsaved = dict.fromkeys(self._stored)
        self._keep_base()

    def _restore(self, position: Position) -> bool:
        stored = {name: value for name, value in self._stored.items() if name != BASE}
        packed = self._stored.get(BASE)
        if packed is None or position.schema is None:
            return False
        try:
            base, entries = unpack_base(packed), unpack_entries(stored.values())
        except (msgspec.DecodeError, zlib.error) as error:
            self._logger.warning("the stored schema history is unreadable, and made anew: %s", error)
            return False
        if not _is_before(base, position):
            return False
        catalogue = base.catalogue()
        self._entries, self._sizes, self._unsaved = {}, {}, {}
        for entry in entries:
            if entry.is_before(position):
                self._entries[entry.number], self._sizes[entry.number] = entry, len(stored[entry.name])
                entry.apply(catalogue)
            elif entry.server != self._server:
                self._unsaved[entry.name] = None
            # Else it stays: another dispatcher may be behind it already, and be the only one at the next start. Reading
            # comes by there again, and counts alike.
        catalogue.touched.clear()
        if base.server != self._server:
            _forget_places(catalogue)
        self.catalogue, self._base_bytes = catalogue, len(packed)
        self.number = max((position.schema, *self._entries))
        self._place = (self._server, position.file, position.offset)
        return True

    def _keep_base(self) -> None:
        self.catalogue.touched.clear()
        if self.number is not None:
            packed = pack_base(self.catalogue, self.number, *self._place)
            self._base_bytes = len(packed)
            self._unsaved[BASE] = packed

    def _look(self, side: SideConnection) -> Catalogue:
        """The wanted tables as they are now. Blocks."""
        self._asked = schema.look_at(side)
        return schema.read_all(side, self._asked, self._wants)

    def _capture(self, side: SideConnection, found: server.Server, early: Catalogue | None) -> None:
        self.catalogue = now = self._look(side)
        if not now.tables and found.variables.get("binlog_row_metadata", "").upper() != "FULL":
            self._unsure.blind(found.address)
        end = server.end_of_binlog(side, found)
        doubtful = now.tables if early is None else set(schema.differences(early, now))
        for name in [name for name in now if name in doubtful]:
            now.put(name, structs.replace(now.tables[name], sure=False, as_of=file_place(end.file, end.offset)))
        now.complete = early is not None and not doubtful
        self._keep_base()

    # The course of it.

    def apply(self, statement: Statement, server_version: str | None) -> list[Effect]:
        """A statement of the stream: what it did."""
        if not statement.is_ddl:
            return []
        catalogue = self.catalogue
        if self.number is not None:
            self.number += 1
        self._place = (self._server, statement.file, statement.end_position)
        effects = apply(
            catalogue,
            statement.sql,
            statement.database,
            Dialect.of(server_version, statement.sql_mode),
            place=file_place(statement.file, statement.end_position),
            server_charset=statement.charset,
        )
        self._note()
        return effects

    def _note(self) -> None:
        """What was touched is written with the next save."""
        if self.number is None or not self.catalogue.touched:
            self.catalogue.touched.clear()
            return
        before = self._entries.get(self.number)
        place = (before.server, before.file, before.offset) if before else self._place
        entry = changes_of(self.catalogue, self.number, place, before)
        packed = pack_entry(entry)
        self._entries[entry.number], self._sizes[entry.number] = entry, len(packed)
        self._unsaved[entry.name] = packed

    @property
    def is_doubtful(self) -> bool:
        """Are there tables whose columns are not known for sure?"""
        return any(not table.sure for table in self.catalogue.tables.values())

    @property
    def has_unsaved(self) -> bool:
        """Must `save` be called before a position is handed out?"""
        return bool(self._unsaved)

    async def save(self) -> None:
        """Make durable what was learnt; raises StateError."""
        async with self._turn:
            changes, self._unsaved = self._unsaved, {}
            await self._state.save(changes)

    # Answers.

    async def columns(
        self, need: NeedSchema, side: SideConnection | None, config: BinlogConfig, server_version: str | None
    ) -> list[SchemaColumn] | None:
        """The columns of a table at this place; None: its rows are to be dropped.

        Raises:
            SetupError: they are not known, and `on_schema_mismatch` does not let them be taken from the server, or the
                server's do not fit either.
            Retryable: the server is not there.
        """
        dialect = Dialect.of(server_version)
        known = self._as_logged(self.catalogue.get(need.database, need.table), need, dialect)
        wrong = misfit(known.columns, need.logged) if known is not None else None
        if known is None or not known.sure or wrong is not None:
            if need.logged and all(column.name is not None for column in need.logged):
                return None  # the events say enough: only MariaDB's own types stay the binary strings they are there
            reason = self._unsure.reason(known, wrong)
            if config.on_schema_mismatch == "drop":
                self._unsure.dropped(need, reason)
                return None
            if config.on_schema_mismatch == "stop" or side is None:
                raise self._unsure.refusal(need, reason, has_server=side is not None)
            known = await asyncio.to_thread(self._refetch, need, side, reason, dialect)
        order = {name.lower(): index for index, name in enumerate(known.key, 1)}
        return [
            SchemaColumn(column.name, column.column_type(dialect), column.charset, order.get(column.name.lower(), 0))
            for column in known.columns
        ]

    def _as_logged(self, table: Table | None, need: NeedSchema, dialect: Dialect) -> Table | None:
        """The table with the columns that only its rows have."""
        if table is None or not dialect.mariadb or len(table.columns) >= len(need.logged):
            return table
        return structs.replace(table, columns=with_hashes(table.columns, need.logged))

    def _refetch(self, need: NeedSchema, side: SideConnection, reason: str, dialect: Dialect) -> Table:
        """The table as it is now, if it fits. Blocks."""
        self._asked = self._asked or schema.look_at(side)
        table = schema.read_table(side, self._asked, need.database, need.table)
        if table is None:
            raise self._unsure.gone(need)
        logged = self._as_logged(table, need, dialect) or table
        wrong = misfit(logged.columns, need.logged)
        if wrong is not None and wrong.gross:
            raise self._unsure.altered(need, wrong)
        end = server.end_of_binlog(side, self._found) if self._found is not None else None
        self._unsure.taken(need, reason)
        as_of = file_place(end.file, end.offset) if end is not None else None
        table = structs.replace(table, sure=True, as_of=as_of)
        self.catalogue.put((need.database, need.table), table)
        self._note()
        return logged

    # Compaction.

    async def fold(self, position: Position) -> None:
        """All dispatchers have stored this position: what lies before it need not be told apart any longer."""
        async with self._turn:
            # A copy, as a thread may be noting what a server told.
            ready = [entry for entry in list(self._entries.values()) if entry.is_before(position)]
            size = sum(self._sizes[entry.number] for entry in ready)
            if len(ready) < FOLD_ENTRIES and size < max(FOLD_BYTES, self._base_bytes // 4):
                return
            # What is being written belongs to a later place, or is among these.
            stored = await self._state.load(BASE)
            if BASE not in stored or any(entry.name in self._unsaved for entry in ready):
                return
            packed = await asyncio.to_thread(_folded, stored[BASE], ready, position)
            await self._state.save({BASE: packed, **dict.fromkeys(entry.name for entry in ready)})
            self._base_bytes = len(packed)
            for entry in ready:
                if self._entries.get(entry.number) is entry:
                    del self._entries[entry.number], self._sizes[entry.number]


def _is_needed(found: server.Server, config: BinlogConfig) -> bool:
    """Do events not name their columns, or must columns be known for more than rows?"""
    metadata = found.variables.get("binlog_row_metadata", "").upper()
    snapshot = config.snapshot if isinstance(config.snapshot, str) else config.snapshot.mode
    return metadata != "FULL" or config.ddl or snapshot != "never"


def _folded(packed: bytes, entries: list[Entry], position: Position) -> bytes:
    catalogue = unpack_base(packed).catalogue()
    for entry in entries:
        entry.apply(catalogue)
    for name, table in catalogue.tables.items():
        if table.as_of is not None and file_place(position.file, position.offset) > table.as_of:
            catalogue.tables[name] = structs.replace(table, as_of=None)
    last = entries[-1]
    return pack_base(catalogue, last.number, last.server, last.file, last.offset)


def _is_before(base: Base, position: Position) -> bool:
    if base.server == position.server:
        return position.is_behind(base.file, base.offset)
    return position.schema is not None and base.number <= position.schema


def _forget_places(catalogue: Catalogue) -> None:
    """Places mean nothing in another server's binlog: what was doubtful up to one stays so."""
    for name, table in catalogue.tables.items():
        if table.as_of is not None:
            catalogue.tables[name] = structs.replace(table, sure=False, as_of=None)
