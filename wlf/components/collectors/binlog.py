"""Binlog: row changes of MySQL and MariaDB, live from a server or out of binlog files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from wlf.binlog import ServerRefused
from wlf.components.base import Collected, Collector, Context
from wlf.components.collectors._binlog.history import SchemaHistory
from wlf.components.collectors._binlog.hosts import Hosts
from wlf.components.collectors._binlog.making import Making
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.place import PARTITION, Position, decode_position, is_covered, parse_position
from wlf.components.collectors._binlog.refusal import NO_EVENT, Purged, SameName
from wlf.components.collectors._binlog.semi_sync import Acknowledger
from wlf.components.collectors._binlog.session import Session
from wlf.components.collectors._binlog.snapshot.progress import decode_progress, is_copied, is_progress
from wlf.components.collectors._binlog.snapshot.requests import written
from wlf.components.collectors._binlog.tables import table_filter
from wlf.components.collectors._binlog.tally import Tally
from wlf.errors import ComponentError, DecodeError, InternalError, Retryable, SetupError
from wlf.events import Event, Kinds, RowDelete, RowInsert, RowSnapshot, RowUpdate, SchemaChange
from wlf.events.table import TableVersions

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.dump import Identity
    from wlf.components.collectors._binlog.start import Start

__all__ = ["BinlogCollector", "BinlogConfig"]


class BinlogCollector(Collector):
    """Reads the changes of a MySQL or MariaDB server from its binlog, live as a replica does or from files.

    Positions have one partition, `binlog`, and lie between transactions only. A stored position of another server is
    gone on from by its GTIDs. Opening answers one without GTIDs, a purged one (see `on_purged`) and a server without
    row-based binlog with SetupError; a server that is not there, or falls silent for two heartbeats, with Retryable.
    """

    type_name: ClassVar[str] = "Binlog"
    Config = BinlogConfig

    def __init__(self, config: BinlogConfig, context: Context) -> None:
        super().__init__(config, context)
        self.config: BinlogConfig = config
        self._session: Session | None = None
        self._versions = TableVersions()
        self._history = SchemaHistory(context, table_filter(config.tables, context.wants))
        self._hosts = Hosts(config)
        self._tally = Tally(context.metrics, [each.address for each in self._hosts.each if each.has_server])
        self._identity: Identity | None = None
        self._acknowledger: Acknowledger | None = None
        self._doing = ""
        self._was_open = False

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        """Row changes, with a server rows of snapshots, and with `ddl: true` schema changes."""
        kinds: set[type[Event]] = {RowInsert, RowUpdate, RowDelete}
        if not config.files:
            kinds.add(RowSnapshot)  # with any mode: `wlf snapshot` asks for them at any time
        return frozenset(kinds | {SchemaChange} if config.ddl else kinds)

    @classmethod
    def switched_off(cls, config: Any) -> Mapping[str, str]:
        """What `output` does not ask for."""
        output = config.output
        return {name: f"output.{name}" for name in output.__struct_fields__ if not getattr(output, name)}

    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Begin to read at the stored position, or at `start` where there is none; of several hosts the first works."""
        await self.close()
        stored = positions.get(PARTITION)
        position = None if stored is None else decode_position(stored)
        self._doing = "connecting"
        try:
            self._session = await self._hosts.first(
                lambda config: self._begin(config, position, positions), self.context.logger
            )
        except ImportError as error:
            raise SetupError(f"Binlog needs the library {error.name}", hint='pip install "wlf[mysql]"') from error
        self._doing = ""

    async def _begin(self, config: BinlogConfig, position: Position | None, positions: Mapping[str, bytes]) -> Session:
        """Files are read without the MySQL client libraries: they are imported for a server only."""
        making = Making(config, self.context, self._versions, self._history)
        if config.files:
            from wlf.components.collectors._binlog.from_files import read_files

            return await read_files(making, position)
        from wlf.components.collectors._binlog.dump import Identity
        from wlf.components.collectors._binlog.from_server import read_server

        self._doing = f"connecting to {config.address}"
        self._identity = self._identity or Identity(config.server_id)
        session, start, self._acknowledger, what = await read_server(making, position, self._identity)
        self._tally.connected(config.address)
        where = "behind the GTIDs" if start.position is None else f"at {start.position}"
        self.context.logger.info("reads from %s (%s), beginning %s", config.address, what, where)
        if start.gap:
            self._tally.gap()
            self.context.logger.warning(
                "%s: %s: these changes are left out, reading goes on %s (on_purged: %s)",
                config.address,
                start.gap,
                "with a copy of the tables" if start.needs_snapshot else "at the first that are left",
                "snapshot" if start.needs_snapshot else "earliest",
            )
        await self._copy(session, making, positions, start)
        return session

    async def _copy(self, session: Session, making: Making, positions: Mapping[str, bytes], start: Start) -> None:
        """Begin the copies of tables that are due, or go on with them."""
        from wlf.components.collectors._binlog.snapshot.begin import begin_snapshots

        assert session.side is not None, "a server has one"
        try:
            snapshots = await begin_snapshots(
                making,
                session.side,
                positions,
                start.position,
                is_needed=start.needs_snapshot,
                is_first=not self._was_open,
            )
        except BaseException:
            await session.close()
            raise
        session.copy_with(snapshots)
        self._was_open = True

    async def collect(self) -> Collected | None:
        """The changes that are there, a few thousand at most; waits only while there are none."""
        session = self._session
        if session is None:
            raise InternalError("collect() before open()")
        try:
            return await session.collect()
        except ServerRefused as refused:
            raise self._lost(await session.explain(refused)) from refused
        except DecodeError as error:
            if not session.is_misplaced(error):
                raise
            raise SetupError(str(error), hint=NO_EVENT) from error
        except Retryable as error:
            raise self._lost(error) from error

    def _lost(self, error: ComponentError) -> ComponentError:
        """What to raise when the stream has ended with `error`."""
        if isinstance(error, SameName) and self._identity is not None and not self._identity.is_configured:
            self._identity.draw_again()
            return Retryable(f"{error.message}: another server_id is drawn")
        if isinstance(error, Purged) and self.config.on_purged != "stop":
            return Retryable(error.message)
        if isinstance(error, Retryable):
            self._hosts.move_on()
        return error

    async def commit(self, positions: Mapping[str, bytes]) -> None:
        """What lies before is stored: with `semi_sync` the server is told."""
        stored = positions.get(PARTITION)
        if self._acknowledger is not None and stored is not None:
            self._acknowledger.stored(decode_position(stored))
        if stored is not None:
            await self._history.fold(decode_position(stored))
        if self._session is not None and self._session.snapshots is not None:
            await self._session.snapshots.commit(positions)

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """Does `position` lie at or before `cursor`: by place in one server's binlog, by GTIDs between two?"""
        return is_copied(cursor, position) if is_progress(cursor) else is_covered(cursor, position)

    def describe_position(self, position: bytes) -> str:
        """`binlog.000042:1337`, and the server's uuid."""
        return decode_progress(position).describe() if is_progress(position) else decode_position(position).describe()

    def parse_position(self, text: str) -> Mapping[str, bytes]:
        """From `binlog.000042:1337`, with or without a server's uuid behind it."""
        return {PARTITION: parse_position(text).encode()}

    @classmethod
    def snapshot_request(cls, config: Any, tables: Sequence[str], comment: str | None) -> Mapping[str, bytes]:
        """A request to copy tables anew, by globs `database.table`."""
        if config.files:
            raise SetupError("binlog files hold no tables to copy: expected a collector that reads a server")
        for pattern in tables:
            if "." not in pattern:
                raise SetupError(
                    f"--table: expected a glob database.table, got {pattern!r}",
                    hint=f"'{pattern}.*' is a whole database, '*.{pattern}' that table of each",
                )
        return written(tables, comment)

    def lag(self) -> Mapping[str, float]:
        """Seconds since the last event was written, and bytes up to the end of the binlog; 0 while it is idle."""
        if self._session is None:
            return {}
        lag = self._session.lag
        self._tally.place(lag)
        return lag.measure(self.context.clock.time())

    def doing(self) -> str:
        """Connecting, and to which server; or waiting for the server to find the place."""
        if self._session is not None and self._session.lag.is_seeking:
            return f"seeking on {self._hosts.current.address}"
        if self._session is not None and self._session.snapshots is not None:
            return self._session.snapshots.status() or self._doing
        return self._doing

    async def close(self) -> None:
        """End the stream, the thread and the connections."""
        session, self._session = self._session, None
        self._acknowledger = None
        self._tally.disconnected()
        if session is not None:
            await session.close()
