"""Begin to read binlog files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wlf.components.collectors._binlog.files import files_from, find_files
from wlf.components.collectors._binlog.flow import Begin
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.making import Making
from wlf.components.collectors._binlog.options import BinlogConfig, StartOptions
from wlf.components.collectors._binlog.place import FIRST_OFFSET, Position
from wlf.components.collectors._binlog.session import Session
from wlf.components.collectors._binlog.sources import FileSource

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection


async def read_files(making: Making, stored: Position | None) -> Session:
    """Read files, from the stored position or `start` on.

    Raises:
        SetupError: there are no such files.
    """
    config = making.config
    wanted = stored or _start(config)
    first = None if wanted is None else Position(*wanted.reads_from)
    files = files_from(find_files(config.files), first)
    at = wanted or Position(files[0].name, FIRST_OFFSET)
    lag = Lag({path.name: path.stat().st_size for path in files})
    lag.reached(at.file, at.offset)
    await making.history.load()
    making.history.take_up_files(at, is_stored=stored is not None)
    decoder = making.decoder("file", at, at.gtid)
    begin = Begin("", None if stored else at, knows_gtids=at.offset == FIRST_OFFSET or at.gtid is not None)
    return Session(
        making, FileSource(files, at.reads_from[1], decoder), making.flow(decoder, lag, begin), lag, _side(config)
    )


def _side(config: BinlogConfig) -> SideConnection | None:
    """The server that knows the tables' columns; PyMySQL is needed only where there is one."""
    if not config.has_server:
        return None
    from wlf.components.collectors._binlog.side import SideConnection

    return SideConnection(config)


def _start(config: BinlogConfig) -> Position | None:
    """`latest` and `earliest` both mean all there is: nothing is written to files any more."""
    if isinstance(config.start, StartOptions) and config.start.file is not None:
        return Position(config.start.file, config.start.position)
    return None
