"""Going on where transactions were prepared by XA and not yet ended: their rows must be read once more."""

from __future__ import annotations

from collections.abc import Collection

from wlf.components.collectors._binlog.place import Position
from wlf.errors import SetupError

_HINT = "XA ROLLBACK or copy what they changed anew, then wlf position reset CONFIG --collector ID"


def check_prepared(position: Position, files: Collection[str], address: str) -> None:
    """Are the files there that the prepared transactions lie in?

    Raises:
        SetupError: one is purged: what its transaction changed is lost as soon as it is committed.
    """
    for xa in position.prepared:
        if xa.file not in files:
            raise SetupError(
                f"{address}: the transaction {xa.xid} was prepared at {xa.file}:{xa.offset} and not ended before "
                f"{position}; its changes cannot be read again, for the binlog file {xa.file} is purged",
                hint=_HINT,
            )
