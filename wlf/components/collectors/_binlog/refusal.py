"""What to tell the user when the server ends the dump with an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wlf.binlog.errors import ServerRefused
from wlf.components.collectors._binlog.server import binlog_files
from wlf.errors import ComponentError, Retryable, SetupError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

_FATAL_READING_BINLOG = 1236
_NO_PRIVILEGE = frozenset((1045, 1227))

GRANT = "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account"


def explain(refused: ServerRefused, address: str, side: SideConnection) -> ComponentError:
    """The error to raise: Retryable where the server only went away. Blocks: call it in a thread."""
    what = f"{address}: {refused.message} ({refused.code})"
    if refused.code in _NO_PRIVILEGE:
        return SetupError(what, hint=GRANT)
    if refused.code != _FATAL_READING_BINLOG:
        return Retryable(what)
    text = refused.message.lower()
    if "same server_uuid/server_id" in text or "same server_id" in text:
        return SetupError(what, hint="another replica uses this `server_id`: give each its own")
    if "gtid" in text:
        return SetupError(what, hint="the changes asked for are purged: take a later `start.gtid`, or start: earliest")
    if "max_allowed_packet" in text or "bogus" in text:
        return SetupError(
            what, hint="the position is probably not where an event begins: take an End_log_pos of SHOW BINLOG EVENTS"
        )
    files = binlog_files(side)
    return SetupError(
        f"{what}; the first available file is {next(iter(files), 'none')}",
        hint="wlf position reset CONFIG --collector ID, and `start: earliest` to take what is left",
    )
