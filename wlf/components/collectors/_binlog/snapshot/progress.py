"""How far the copy of one table has come: a partition of its own in the collector's positions."""

from __future__ import annotations

import re

import msgspec
from msgspec import structs

from wlf.errors import SetupError

PREFIX = "snapshot:"

_INTEGER = re.compile(r"-?\d+")
_MAGIC = b'{"run":'


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """A copy that goes on behind `last`, stored as JSON.

    Args:
        run: names this copy: another one of the same table has another name.
        database, table: which table.
        key: the columns by which the rows are ordered; () for a table that is read in one piece.
        last: the key of the last row that was handed out, as SQL literals; () at the beginning.
        upper: the greatest key at the beginning, as SQL literals: later rows come through the stream.
        rows: rows that were read.
        total: rows there are, as the server estimated.
        done: whether it ended.
        comment: what was said when the copy was asked for.
        order: how the key orders the rows, see `Definition.order`: by another order `last` says nothing.
        lap: how often it began anew: what an earlier lap copied is no part of a later one.
    """

    run: str
    database: str
    table: str
    key: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()
    rows: int = 0
    total: int = 0
    done: bool = False
    comment: str | None = None
    order: str = ""
    lap: int = 0

    @property
    def name(self) -> str:
        """`database.table`; names with a dot inside are quoted, so that no two tables share one."""
        return ".".join(f"`{part}`" if "." in part or "`" in part else part for part in (self.database, self.table))

    @property
    def partition(self) -> str:
        """The partition that holds it."""
        return PREFIX + self.name

    def encode(self) -> bytes:
        """The bytes that the runtime stores."""
        return _encoder.encode(self)

    def anew(self) -> Progress:
        """The same copy from its first row on."""
        lap = self.lap + bool(self.last)
        return structs.replace(self, key=(), last=(), upper=(), rows=0, done=False, order="", lap=lap)

    def describe(self) -> str:
        """`1,234 of about 5,000 rows`, or `complete, 5,000 rows`."""
        if self.done:
            return f"complete, {self.rows:,} rows"
        return f"{self.rows:,} of about {max(self.total, self.rows):,} rows"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Progress)


def is_progress(stored: bytes) -> bool:
    """Is it a copy's progress, and no place in the binlog?"""
    return stored.startswith(_MAGIC)


def decode_progress(stored: bytes) -> Progress:
    """The progress behind stored bytes.

    Raises:
        SetupError: they are none.
    """
    try:
        return _decoder.decode(stored)
    except msgspec.DecodeError as error:
        raise SetupError(
            f"the stored progress of a snapshot is unreadable: {error}",
            hint="wlf position reset CONFIG --collector ID",
        ) from error


def is_copied(cursor: bytes, position: bytes) -> bool:
    """Was all up to `position` handed out at `cursor`? Only what is certain: the server alone can order texts."""
    if cursor == position:
        return True
    mine, other = decode_progress(cursor), decode_progress(position)
    if (mine.run, mine.key, mine.order, mine.lap) != (other.run, other.key, other.order, other.lap):
        return False
    return mine.done or not other.last or (not other.done and _is_behind(mine.last, other.last))


def _is_behind(mine: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if not all(map(_INTEGER.fullmatch, (*mine, *other))):
        return False
    return tuple(map(int, mine)) >= tuple(map(int, other))
