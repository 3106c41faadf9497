"""Where reading of a live binlog begins: a stored position first, then the `start` option."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from wlf.binlog.gtid import GtidPosition, GtidSet
from wlf.components.collectors._binlog.dump import MAX_OFFSET, Request
from wlf.components.collectors._binlog.options import BinlogConfig, StartOptions
from wlf.components.collectors._binlog.place import FIRST_OFFSET, Position, file_order
from wlf.components.collectors._binlog.server import Server, binlog_files, end_of_binlog
from wlf.errors import SetupError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

_RESET = "wlf position reset CONFIG --collector ID, and `start: earliest` to take what is left"


class Start(NamedTuple):
    """What to ask the server for.

    `position` is the same as a position to store; None where it is known only once something came (GTID start).
    """

    request: Request
    position: Position | None
    seen: str | None
    """The GTID set of all that lies before, None where it is unknown."""


def choose(config: BinlogConfig, server: Server, side: SideConnection, stored: Position | None) -> Start:
    """Where to begin.

    Raises:
        SetupError: the place is another server's, is purged, or does not exist.
    """
    if stored is not None:
        _check_server(stored, server)
        return _at(stored.of(server.uuid), binlog_files(side), server)
    if isinstance(config.start, StartOptions):
        if config.start.gtid is not None:
            return _behind_gtid(config.start.gtid, server)
        place = Position(config.start.file or "", config.start.position, server.uuid)
        return _at(place, binlog_files(side), server)
    if config.start == "latest":
        end = end_of_binlog(side, server)
        return _begin(Position(end.file, end.offset, server.uuid, end.gtid))
    return _begin(Position(next(iter(binlog_files(side))), FIRST_OFFSET, server.uuid))


def _begin(position: Position) -> Start:
    return Start(Request(position.file, position.offset), position, position.gtid)


def _check_server(stored: Position, server: Server) -> None:
    """Offsets mean nothing in another server's binlog: going on there would skip or repeat changes silently."""
    if stored.server not in ("", server.uuid):
        raise SetupError(
            f"{server.address}: the stored position {stored} belongs to the server {stored.server}, this one is "
            f"{server.uuid}",
            hint="connect to the former server, or wlf position reset CONFIG --collector ID",
        )


def _at(place: Position, files: Mapping[str, int], server: Server) -> Start:
    names = list(files)
    size = files.get(place.file)
    if size is None:
        purged = file_order(place.file) < file_order(names[0])
        reason = "is purged" if purged else "does not exist"
        raise SetupError(
            f"{server.address}: the binlog file {place.file} of position {place} {reason}: the first available file "
            f"is {names[0]}, the last one {names[-1]}",
            hint=_RESET,
        )
    if place.offset > size:
        raise SetupError(
            f"{server.address}: the position {place} lies behind the end of the file, which has {size} bytes: was "
            "the binlog reset?",
            hint=_RESET,
        )
    if place.offset > MAX_OFFSET:
        if place.gtid is None:
            raise SetupError(f"{server.address}: the protocol cannot begin at {place}, beyond 4 GiB", hint=_RESET)
        return _behind_gtid(place.gtid, server)
    return _begin(place)


def _behind_gtid(text: str, server: Server) -> Start:
    """Everything that is not in a GTID set. A place to store is known only once the first transaction came."""
    if not server.has_gtids:
        raise SetupError(
            f"{server.address}: start.gtid needs GTIDs, but gtid_mode is {server.variables.get('gtid_mode', 'OFF')}",
            hint="start: {file, position}",
        )
    try:
        wire = str(GtidPosition.parse(text)) if server.is_mariadb else GtidSet.parse(text).encode()
    except ValueError as error:
        form = "0-1-100" if server.is_mariadb else "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"
        raise SetupError(f"start.gtid: {error}", hint=f"{server.address} uses GTIDs such as {form}") from error
    return Start(Request("", FIRST_OFFSET, wire), None, text)
