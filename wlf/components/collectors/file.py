"""File: lines of files that grow, are rotated, truncated, compressed and removed while they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from wlf.components.base import Collected, Collector, Context
from wlf.components.collectors._file.options import FileConfig
from wlf.components.collectors._file.plain import PlainReading
from wlf.components.following.globs import Globs
from wlf.components.following.position import decode_position
from wlf.components.following.session import Session
from wlf.components.following.tally import Tally
from wlf.errors import InternalError
from wlf.events import Kinds
from wlf.events.log import FileLine

__all__ = ["FileCollector", "FileConfig"]


class FileCollector(Collector):
    """Reads lines of files, each from its beginning to wherever it ends, whatever its name becomes.

    Each life of a file, from one beginning on, is a partition of the positions. What is known of a file is a digest of
    its first bytes and of those before the position, with its inode as a hint: so it is found again under another name,
    and never taken for another file that got its inode.
    """

    type_name: ClassVar[str] = "File"
    Config = FileConfig

    def __init__(self, config: FileConfig, context: Context) -> None:
        super().__init__(config, context)
        self.config: FileConfig = config
        self._tally = Tally(context.metrics)
        self._session: Session | None = None

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        """Lines of files."""
        return frozenset((FileLine,))

    @classmethod
    def switched_off(cls, config: Any) -> Mapping[str, str]:
        """What is left out without the option."""
        return {} if config.offset else {"offset": "offset"}

    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Find all files; those that are stored are gone on with."""
        await self.close()
        config, context, tally = self.config, self.context, self._tally
        globs = Globs(config.include, config.exclude)
        self._session = Session(
            config, globs, lambda roster: PlainReading(config, context, tally, roster), context, tally
        )
        await self._session.begin(positions)

    async def collect(self) -> Collected | None:
        """The lines that are there, of one file or of many; waits only while there are none."""
        if self._session is None:
            raise InternalError("collect() before open()")
        return await self._session.collect()

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """Positions are of one life of one file: the larger offset is further on."""
        return decode_position(cursor).covers(decode_position(position))

    def describe_position(self, position: bytes) -> str:
        """`/var/log/app.log: 1234`."""
        return decode_position(position).describe()

    async def close(self) -> None:
        """Close all files and end all watches."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
