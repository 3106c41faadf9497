"""Docker: lines that the containers of an Engine write, also those that they wrote while nobody listened."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from wlf.components.base import Collected, Collector, Context
from wlf.components.collectors._docker.choice import Choice
from wlf.components.collectors._docker.drivers import Drivers
from wlf.components.collectors._docker.files import containers_of, file_session
from wlf.components.collectors._docker.options import DockerConfig
from wlf.components.collectors._docker.position import decode_position
from wlf.components.collectors._docker.tally import Tally
from wlf.components.containers.tally import ContainerTally
from wlf.components.following.position import decode_position as decode_file_position
from wlf.components.following.session import Session as FileSession
from wlf.errors import InternalError, SetupError
from wlf.events import Kinds
from wlf.events.log import ContainerLine

if TYPE_CHECKING:
    from wlf.components.collectors._docker.session import Session

if find_spec("aiodocker") is None:  # said here, for only a run imports the client, which takes a while
    raise ModuleNotFoundError("No module named 'aiodocker'", name="aiodocker")

__all__ = ["DockerCollector", "DockerConfig"]


class DockerCollector(Collector):
    """Reads the logs of containers through the API of a Docker Engine, or of Podman.

    Each container is a partition of the positions. How far its two streams are delivered is told by times that the
    Engine wrote down, with a count for lines of the same time, so reading goes on wherever the Engine still has the
    lines. A container is followed over one connection, from which nothing is taken before the last chunk was asked for.
    """

    type_name: ClassVar[str] = "Docker"
    Config = DockerConfig

    def __init__(self, config: DockerConfig, context: Context) -> None:
        super().__init__(config, context)
        self.config: DockerConfig = config
        self._reads_files = config.source == "files"
        self._decode: Callable[[bytes], Any] = decode_file_position if self._reads_files else decode_position
        self._tally = Tally(context.metrics)
        self._file_tally = ContainerTally(context.metrics) if self._reads_files else None
        self._told: set[str] = set()
        self._session: Session | FileSession | None = None
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        """Lines of containers."""
        return frozenset((ContainerLine,))

    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Find all containers; those that are stored are gone on with."""
        await self.close()
        self._check(positions)
        if self._file_tally is not None:
            self._session = file_session(self.config, self.context, self._file_tally)
            self._watch_drivers()
        else:
            from wlf.components.collectors._docker.session import Session

            self._session = Session(self.config, self.context, self._tally, self._told)
        await self._session.begin(positions)

    async def collect(self) -> Collected | None:
        """The lines that are there, of one container or of many; waits only while there are none."""
        if self._session is None:
            raise InternalError("collect() before open()")
        return await self._session.collect()

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """Positions are of one container, or of one life of a file: both streams must be as far."""
        is_covered: bool = self._decode(cursor).covers(self._decode(position))
        return is_covered

    def describe_position(self, position: bytes) -> str:
        """`shop-web-1: stdout 2026-01-31T23:59:59.123456789Z (1), stderr at its beginning`; of a file its offset."""
        described: str = self._decode(position).describe()
        return described

    async def close(self) -> None:
        """End all connections, close all files."""
        session, self._session = self._session, None
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
        if session is not None:
            closing = session.close()
            if closing is not None:
                await closing

    def _watch_drivers(self) -> None:
        config = self.config
        choice = Choice(config.include, config.exclude, socket.gethostname())
        drivers = Drivers(containers_of(config), choice, self._tally, self.context.logger)
        if self.context.until_end:
            drivers.look()
        else:
            self._watching = asyncio.create_task(drivers.watch(config.rescan_interval_ms / 1000))

    def _check(self, positions: Mapping[str, bytes]) -> None:
        """Were these told by the same source?"""
        try:
            for position in positions.values():
                self._decode(position)
        except msgspec.MsgspecError as error:
            other = "api" if self._reads_files else "files"
            raise SetupError(
                f"source: expected `{other}`, which the stored positions are from, got `{self.config.source}`",
                hint="give the collector another id to begin anew",
            ) from error
