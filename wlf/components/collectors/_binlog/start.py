"""Where reading of a live binlog begins: a stored position first, then the `start` option."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from wlf.binlog.gtid import GtidPosition, GtidSet
from wlf.components.collectors._binlog import standing
from wlf.components.collectors._binlog.dump import MAX_OFFSET, Request
from wlf.components.collectors._binlog.options import BinlogConfig, SnapshotOptions, StartOptions
from wlf.components.collectors._binlog.place import FIRST_OFFSET, Position, file_order
from wlf.components.collectors._binlog.prepared import check_prepared
from wlf.components.collectors._binlog.server import Server, binlog_files, end_of_binlog
from wlf.errors import Retryable, SetupError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

_RESET = "wlf position reset CONFIG --collector ID, and `start: earliest` to take what is left"
_OPTION = "check the option `start`: SHOW BINARY LOGS names the files with their sizes"
_PURGED = "`on_purged: earliest` takes what is left, with a gap; `on_purged: snapshot` copies the tables anew"
_COMMITTING_S = 2.0
"""How long a transaction may be in the binlog and not yet committed, before other reasons are looked for."""
_ROTATE_BYTES = 19 + 8 + 4
"""Size of the event that ends a file, without the name of the next one; the last 4 are its checksum."""


class Start(NamedTuple):
    """What to ask the server for.

    `position` is the same as a position to store; None where it is known only once something came (GTID start).
    """

    request: Request
    position: Position | None
    seen: str | None
    """The GTID set of all that lies before, None where it is unknown."""
    gap: str = ""
    """Which changes can no longer be had; "" where none are missing."""
    needs_snapshot: bool = False
    """The tables must be copied anew: what lies before `position` is not all delivered."""


def choose(config: BinlogConfig, server: Server, side: SideConnection, stored: Position | None) -> Start:
    """Where to begin.

    Raises:
        SetupError: the place is another server's and has no GTIDs, is purged, or does not exist; or the server lacks
            what was delivered already.
        Retryable: the server is a replica that has not got it yet.
    """
    if stored is not None:
        return _Resume(config, server, side, stored).start()
    if isinstance(config.start, StartOptions):
        if config.start.gtid is not None:
            return _behind_option(config.start.gtid, server)
        place = Position(config.start.file or "", config.start.position, server.uuid)
        return _at(_with_gtids(place, side, server), binlog_files(side), server, hint=_OPTION)
    if config.start == "latest":
        return _latest(side, server)
    return _begin(Position(next(iter(binlog_files(side))), FIRST_OFFSET, server.uuid))


class _Resume:
    """Goes on from a stored position."""

    def __init__(self, config: BinlogConfig, server: Server, side: SideConnection, stored: Position) -> None:
        self._config = config
        self._server = server
        self._side = side
        self._stored = stored

    def start(self) -> Start:
        """By file and offset on the server that the position is of, by GTID on any other."""
        if self._stored.server in ("", self._server.uuid):
            return self._here()
        return self._elsewhere()

    def _compare(self) -> standing.Standing | None:
        """None: the position or the server has no GTIDs to compare."""
        gtids = self._stored.gtid
        if not gtids or not self._server.has_gtids:
            return None
        return standing.compare(self._side, self._server, gtids)

    def _here(self) -> Start:
        place = self._stored.of(self._server.uuid)
        needed = place.reads_from[0]
        compared = self._compare()
        if compared is not None and compared.lacks:
            self._check_lacking()
        files = binlog_files(self._side)
        if place.file in files and needed in files:
            return _at(_with_gtids(place, self._side, self._server), files, self._server)
        if compared is not None:
            # The file is gone; what was written behind this place need not be.
            return self._purged(_missing(place, files), compared) if compared.purged else self._go()
        if file_order(needed) < file_order(next(iter(files))):
            return self._purged(_missing(place, files), None)
        raise SetupError(f"{self._server.address}: {_missing(place, files)}", hint=_RESET)

    def _check_lacking(self) -> None:
        """A server that has forgotten its own transactions was reset, or made anew from an older copy.

        What is written is sent before it is committed, so the newest transactions may be on their way only.
        """
        until = time.monotonic() + _COMMITTING_S
        while (compared := self._compare()) is not None and compared.lacks:
            if time.monotonic() > until:
                if standing.waits_for_acknowledgement(self._side):
                    return
                raise SetupError(
                    f"{self._server.address}: the server no longer has the transactions {compared.lacks}, which were "
                    f"read from it before the position {self._stored}: was its binlog reset, or the server restored?",
                    hint=_RESET,
                )
            time.sleep(0.1)

    def _elsewhere(self) -> Start:
        server, stored = self._server, self._stored
        compared = self._compare()
        if compared is None:
            whose = "this server" if stored.gtid else "the position"
            raise SetupError(
                f"{server.address}: the stored position {stored} belongs to the server {stored.server}, this one is "
                f"{server.uuid}: offsets mean nothing in another server's binlog, and {whose} has no GTIDs",
                hint="connect to the former server, or wlf position reset CONFIG --collector ID",
            )
        if compared.lacks:
            raise self._behind_or_errant(compared.lacks)
        if compared.purged:
            return self._purged(f"the transactions {_short(compared.purged)} are purged", compared)
        return self._go()

    def _behind_or_errant(self, lacks: str) -> SetupError | Retryable:
        text = f"{self._server.address}: the server lacks transactions that were delivered already: {_short(lacks)}"
        if standing.is_replica(self._side, self._server) is not False:
            return Retryable(f"{text}: is this replica behind?", hint="a replica that never gets them has diverged")
        return SetupError(
            f"{text}; it is no replica that could still get them",
            hint="connect to a server that has them, or wlf position reset CONFIG --collector ID",
        )

    def _go(self) -> Start:
        stored, server = self._stored, self._server
        prepared = [xa.gtid for xa in stored.prepared]
        if not prepared:
            return _behind(stored.gtid or "", server)
        if server.is_mariadb or None in prepared:
            names = ", ".join(xa.xid for xa in stored.prepared)
            # A position has no holes: what was prepared cannot be asked for again without all that came behind it.
            return self._purged(f"transactions that XA prepared on another server cannot be read again: {names}", None)
        # Their rows were read and not handed out: the server is to send them once more.
        ((text,),) = self._side.query("SELECT GTID_SUBTRACT(%s, %s)", (stored.gtid, ",".join(map(str, prepared))))
        return _behind(standing.one_line(text), server)

    def _purged(self, what: str, compared: standing.Standing | None) -> Start:
        config, server = self._config, self._server
        policy: str = config.on_purged
        mode = config.snapshot.mode if isinstance(config.snapshot, SnapshotOptions) else config.snapshot
        if policy == "stop" and mode == "when_needed":
            policy = "snapshot"
        if policy == "stop":
            raise SetupError(f"{server.address}: {what}", hint=_PURGED)
        if policy == "snapshot":
            return _latest(self._side, server)._replace(gap=what, needs_snapshot=True)
        if compared is not None or self._stored.prepared:
            rest = compared.rest if compared is not None else self._stored.gtid or ""
            return _behind(rest, server)._replace(gap=what)
        first = next(iter(binlog_files(self._side)))
        return _begin(Position(first, FIRST_OFFSET, server.uuid))._replace(gap=what)


def _begin(position: Position) -> Start:
    return Start(Request(*position.reads_from), position, position.gtid)


def _latest(side: SideConnection, server: Server) -> Start:
    end = end_of_binlog(side, server)
    return _begin(Position(end.file, end.offset, server.uuid, end.gtid))


def _with_gtids(place: Position, side: SideConnection, server: Server) -> Position:
    """The place with its GTIDs where they are not known and the server can tell them."""
    if place.gtid is not None or place.offset == FIRST_OFFSET:
        return place
    return structs.replace(place, gtid=standing.gtids_at(side, server, place.file, place.offset))


def _missing(place: Position, files: Mapping[str, int]) -> str:
    names = list(files)
    file = place.reads_from[0]
    reason = "is purged" if file_order(file) < file_order(names[0]) else "does not exist"
    return (
        f"the binlog file {file} of position {place} {reason}: the first available file is {names[0]}, the last "
        f"one {names[-1]}"
    )


def _at(place: Position, files: Mapping[str, int], server: Server, *, hint: str = _RESET) -> Start:
    size = files.get(place.file)
    if size is None:
        raise SetupError(f"{server.address}: {_missing(place, files)}", hint=hint)
    if place.offset > size:
        raise SetupError(
            f"{server.address}: the position {place} lies behind the end of the file, which has {size} bytes: was "
            "the binlog reset?",
            hint=hint,
        )
    check_prepared(place, files, server.address)
    return _begin(place) if place.reads_from[1] <= MAX_OFFSET else _far(place, files, server)


def _far(place: Position, files: Mapping[str, int], server: Server) -> Start:
    """Beyond 4 GiB, which only one huge transaction at the end of a file makes: the command has no room for it."""
    if place.gtid and server.has_gtids:
        return _behind(place.gtid, server)
    later = sorted((name for name in files if file_order(name) > file_order(place.file)), key=file_order)
    if later and files[place.file] - place.offset <= _ROTATE_BYTES + len(later[0]):
        return _begin(Position(later[0], FIRST_OFFSET, place.server))
    raise SetupError(f"{server.address}: the protocol cannot begin at {place}, beyond 4 GiB", hint=_RESET)


def _behind_option(text: str, server: Server) -> Start:
    if not server.has_gtids:
        raise SetupError(
            f"{server.address}: start.gtid needs GTIDs, but gtid_mode is {server.variables.get('gtid_mode', 'OFF')}",
            hint="start: {file, position}",
        )
    try:
        return _behind(text, server)
    except ValueError as error:
        form = "0-1-100" if server.is_mariadb else "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"
        raise SetupError(f"start.gtid: {error}", hint=f"{server.address} uses GTIDs such as {form}") from error


def _behind(text: str, server: Server) -> Start:
    """Everything that is not in a GTID set. A place to store is known only once the first transaction came."""
    wire = str(GtidPosition.parse(text)) if server.is_mariadb else GtidSet.parse(text).encode()
    return Start(Request("", FIRST_OFFSET, wire), None, text)


def _short(text: str) -> str:
    return text if len(text) <= 500 else f"{text[:500]}..."
