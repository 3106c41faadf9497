"""What to tell the user when the server ends the dump with an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wlf.binlog.errors import ServerRefused
from wlf.components.collectors._binlog.grants import ASK, grant
from wlf.components.collectors._binlog.server import binlog_files
from wlf.errors import ComponentError, Retryable, SetupError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

_FATAL_READING_BINLOG = 1236
_NO_PRIVILEGE = frozenset((1044, 1045, 1142, 1227))

# Parts of what error 1236 says: MySQL's errmsg-utf8.txt and rpl_binlog_sender.cc, MariaDB's sql_repl.cc.
_PURGED_TEXTS = (
    "purged",  # MySQL: the source has purged binary logs containing GTIDs that the replica requires
    "required binlog files have been purged",
    "could not find gtid state requested by slave",
    "could not find first log file name",
    "could not find the target log",
)
_DIVERGED_TEXTS = (
    "slave has diverged",
    "has more gtids than the",
    "not in the master's binlog",
    "is not in the source",
    "out-of-order",
)

_NO_EVENT_TEXTS = ("max_allowed_packet", "bogus", "truncated in the middle of event")
NO_EVENT = "the position is probably not where an event begins: take an End_log_pos of SHOW BINLOG EVENTS"
"""For a place that the server or the decoder cannot make anything of."""


class SameName(SetupError):
    """Another replica came with the same server_id, and the server ended our stream in its favour."""


class Purged(SetupError):
    """The server no longer has what comes next: opening again looks at what is left."""


def _grant(side: SideConnection) -> str:
    try:
        ((version, account),) = side.query(ASK)
    except Retryable:
        return "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account"
    return grant(str(version), str(account))


def explain(refused: ServerRefused, address: str, side: SideConnection) -> ComponentError:
    """The error to raise: Retryable where the server only went away. Blocks: call it in a thread."""
    what = f"{address}: {refused.message} ({refused.code})"
    if refused.code in _NO_PRIVILEGE:
        return SetupError(what, hint=_grant(side))
    text = refused.message.lower()
    # MySQL says so with error 1236, MariaDB with 4052.
    if "same server_uuid/server_id" in text:
        return SameName(what, hint="another replica uses this `server_id`: give each its own")
    if refused.code != _FATAL_READING_BINLOG:
        return Retryable(what)
    if any(part in text for part in _DIVERGED_TEXTS):
        return SetupError(
            what,
            hint="this server lacks transactions that were delivered already: connect to one that has them, or "
            "wlf position reset CONFIG --collector ID",
        )
    if "gtid_mode" in text:
        return SetupError(what, hint="SET GLOBAL gtid_mode = ON, step by step, or start: {file, position}")
    if any(part in text for part in _NO_EVENT_TEXTS):
        return SetupError(what, hint=NO_EVENT)
    return _gone(what, text, side)


def _gone(what: str, text: str, side: SideConnection) -> ComponentError:
    files = binlog_files(side)
    left = f"{what}; the first available file is {next(iter(files), 'none')}"
    hint = "wlf position reset CONFIG --collector ID, and `start: earliest` to take what is left; or set `on_purged`"
    is_purged = any(part in text for part in _PURGED_TEXTS)
    return Purged(left, hint=hint) if is_purged else SetupError(left, hint=hint)
