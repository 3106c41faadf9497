"""How a server stands to a stored GTID set: what it never had of it, and what else it has purged already."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wlf.binlog.gtid import GtidPosition, GtidSet
from wlf.components.collectors._binlog.server import Server, binlog_files
from wlf.errors import SetupError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

_LIST_ROWS = 4
"""In front of the GTID list lie the format, and what an encrypted file begins with."""


class Standing(NamedTuple):
    """GTIDs as text; "" where there are none."""

    lacks: str
    """Of the stored set, what this server never had."""
    purged: str
    """What this server had, no longer has, and is not in the stored set."""
    rest: str
    """The set behind which everything lies that the server still has and the stored set lacks."""


def compare(side: SideConnection, server: Server, stored: str) -> Standing:
    """Compare a stored set with what the server says of its own.

    Raises:
        SetupError: the set is of another make of server.
    """
    try:
        if server.is_mariadb:
            return _compare_mariadb(side, server, GtidPosition.parse(stored))
        return _compare_mysql(side, GtidSet.parse(stored))
    except ValueError as error:
        raise SetupError(
            f"{server.address}: the GTIDs {_short(stored)} are none of {_make(server)}: {error}"
        ) from error


def _compare_mysql(side: SideConnection, stored: GtidSet) -> Standing:
    text = str(stored)
    # The server subtracts: both answers are of one moment.
    ((lacks, unseen, purged),) = side.query(
        "SELECT GTID_SUBTRACT(%s, @@GLOBAL.gtid_executed), GTID_SUBTRACT(@@GLOBAL.gtid_purged, %s), "
        "@@GLOBAL.gtid_purged",
        (text, text),
    )
    rest = stored.copy()
    rest.update(GtidSet.parse(one_line(purged)))
    return Standing(one_line(lacks), one_line(unseen), str(rest))


def _compare_mariadb(side: SideConnection, server: Server, stored: GtidPosition) -> Standing:
    ((state, applied),) = side.query("SELECT @@GLOBAL.gtid_binlog_state, @@GLOBAL.gtid_slave_pos")
    written = _last_of_each_server(one_line(state))
    before = _before_first_file(side, server)
    # A replica made from a backup has what it was made with, although none of its binlog files ever had.
    received = GtidPosition.parse(one_line(applied))
    lacks = GtidPosition()
    for domain, source, number in map(_numbers, filter(None, str(stored).split(","))):
        if written.get((domain, source), 0) >= number:
            continue
        gtid = GtidPosition.parse(f"{domain}-{source}-{number}")
        if received.issuperset(gtid):
            before.update(received.only(domain))
        else:
            lacks.update(gtid)
    rest = stored.copy()
    rest.update(before)
    return Standing(str(lacks), str(before.beyond(stored)), str(rest))


def _last_of_each_server(state: str) -> dict[tuple[int, int], int]:
    """Number by domain and server: `gtid_binlog_state` has the last one of each."""
    return {(domain, source): number for domain, source, number in map(_numbers, filter(None, state.split(",")))}


def _numbers(gtid: str) -> tuple[int, int, int]:
    domain, source, number = map(int, gtid.split("-"))
    return domain, source, number


def _before_first_file(side: SideConnection, server: Server) -> GtidPosition:
    """What lies before the first binlog file that is left, as the list at its head says."""
    name = next(iter(binlog_files(side)))
    for row in side.query(f"SHOW BINLOG EVENTS IN %s LIMIT {_LIST_ROWS}", (name,)):
        if row[2] == "Gtid_list":
            before = GtidPosition()
            for gtid in re.findall(r"\d+-\d+-\d+", str(row[5])):
                # A domain is there once for each server that wrote it; the highest counts.
                before.update(GtidPosition.parse(gtid))
            return before
    return GtidPosition()


def is_replica(side: SideConnection, server: Server) -> bool | None:
    """Does the server replicate from another one? None: the account may not ask (MariaDB: SLAVE MONITOR)."""
    if server.is_mariadb:
        statement = "SHOW ALL SLAVES STATUS"
    else:
        statement = "SHOW REPLICA STATUS" if server.version >= (8, 0, 22) else "SHOW SLAVE STATUS"
    try:
        return bool(side.query(statement))
    except SetupError:
        return None


def waits_for_acknowledgement(side: SideConnection) -> bool:
    """Does a transaction wait for a semi-synchronous replica? It is in the binlog then, but not yet committed."""
    rows = side.query("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_%_wait_sessions'")
    return any(int(count) for _, count in rows)


def gtids_at(side: SideConnection, server: Server, file: str, offset: int) -> str | None:
    """The GTIDs of all that lies before a place, where the server can tell (MariaDB)."""
    if not server.is_mariadb:
        return None
    ((text,),) = side.query("SELECT BINLOG_GTID_POS(%s, %s)", (file, offset))
    return None if text is None else one_line(text)


def one_line(value: object) -> str:
    """Servers break long sets into lines."""
    return "".join((value.decode() if isinstance(value, bytes) else str(value or "")).split())


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."


def _make(server: Server) -> str:
    return "MariaDB" if server.is_mariadb else "MySQL"


__all__ = ["Standing", "compare", "gtids_at", "is_replica", "one_line", "waits_for_acknowledgement"]
