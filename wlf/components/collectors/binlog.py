"""Binlog: row changes of MySQL and MariaDB, live from a server or out of binlog files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from wlf.binlog import ServerRefused
from wlf.components.base import Collected, Collector, Context
from wlf.components.collectors._binlog.making import Making
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.place import PARTITION, Position, decode_position, is_covered, parse_position
from wlf.components.collectors._binlog.session import Session
from wlf.errors import InternalError, SetupError
from wlf.events import Event, Kinds, RowDelete, RowInsert, RowUpdate, SchemaChange
from wlf.events.table import TableVersions

__all__ = ["BinlogCollector", "BinlogConfig"]


class BinlogCollector(Collector):
    """Reads the changes of a MySQL or MariaDB server from its binlog, live as a replica does or from files.

    Positions have one partition, `binlog`, and lie between transactions only. Opening answers a stored position of
    another server, a purged one and a server without row-based binlog with SetupError; a server that is not there, or
    falls silent for 2.5 heartbeats, with Retryable.
    """

    type_name: ClassVar[str] = "Binlog"
    Config = BinlogConfig

    def __init__(self, config: BinlogConfig, context: Context) -> None:
        super().__init__(config, context)
        self.config: BinlogConfig = config
        self._session: Session | None = None
        self._versions = TableVersions()

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        """Row changes, and with `ddl: true` schema changes."""
        kinds: set[type[Event]] = {RowInsert, RowUpdate, RowDelete}
        return frozenset(kinds | {SchemaChange} if config.ddl else kinds)

    @classmethod
    def switched_off(cls, config: Any) -> Mapping[str, str]:
        """What `output` does not ask for."""
        output = config.output
        return {name: f"output.{name}" for name in output.__struct_fields__ if not getattr(output, name)}

    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Begin to read at the stored position, or at `start` where there is none."""
        await self.close()
        stored = positions.get(PARTITION)
        position = None if stored is None else decode_position(stored)
        making = Making(self.config, self.context, self._versions)
        try:
            self._session = await self._begin(making, position)
        except ImportError as error:
            raise SetupError(f"Binlog needs the library {error.name}", hint='pip install "wlf[mysql]"') from error

    async def _begin(self, making: Making, position: Position | None) -> Session:
        """Files are read without the MySQL client libraries: they are imported for a server only."""
        if self.config.files:
            from wlf.components.collectors._binlog.from_files import read_files

            return await read_files(making, position)
        from wlf.components.collectors._binlog.from_server import read_server

        return await read_server(making, position)

    async def collect(self) -> Collected | None:
        """The changes that are there, a few thousand at most; waits only while there are none."""
        session = self._session
        if session is None:
            raise InternalError("collect() before open()")
        try:
            return await session.collect()
        except ServerRefused as refused:
            raise await session.explain(refused) from refused

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """Does `position` lie at or before `cursor` in the same server's binlog?"""
        return is_covered(cursor, position)

    def describe_position(self, position: bytes) -> str:
        """`binlog.000042:1337`, and the server's uuid."""
        return decode_position(position).describe()

    def parse_position(self, text: str) -> Mapping[str, bytes]:
        """From `binlog.000042:1337`, with or without a server's uuid behind it."""
        return {PARTITION: parse_position(text).encode()}

    def lag(self) -> Mapping[str, float]:
        """Seconds since the last event was written, and bytes up to the end of the binlog; 0 while it is idle."""
        return {} if self._session is None else self._session.lag.measure(self.context.clock.time())

    async def close(self) -> None:
        """End the stream, the thread and the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
