"""The GTID set of a replica that stands at a binlog position: programs that follow by GTID begin there with it."""

from __future__ import annotations

from collections.abc import Iterator

import pymysql
from pymysql.cursors import SSCursor

from benchmarks.contender import BinlogSource

_NEXT = "SET @@SESSION.GTID_NEXT= '"


def gtids_before(source: BinlogSource) -> str | None:
    """All transactions before the job's position, None where the server has no GTIDs."""
    connection = pymysql.connect(
        host=source.host, port=source.port, user=source.user, password=source.password, cursorclass=SSCursor
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@gtid_mode")
            mode = cursor.fetchall()
            if mode != [("ON",)]:
                return None
            cursor.execute("SHOW BINLOG EVENTS IN %s", (source.file,))
            return ",".join(_sets(cursor, source.position))
    finally:
        connection._force_close()  # type: ignore[attr-defined]  # the rest of a large file is not worth reading


def _sets(events: SSCursor, position: int) -> Iterator[str]:
    """What the head of the file says, and each transaction between that and the position."""
    for _, at, kind, _, _, info in events:
        if kind == "Previous_gtids" and info:
            yield info.replace("\n", "")
        elif kind == "Gtid":
            if at >= position:
                return
            yield info.removeprefix(_NEXT).removesuffix("'")
