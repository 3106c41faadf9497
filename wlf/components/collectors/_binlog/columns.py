"""Columns that are left out, masked or hashed before anything else sees their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from wlf.components.collectors._binlog.options import ColumnOptions
from wlf.events.table import ColumnType

MASK = "***"
_DATED = frozenset(("date", "datetime", "timestamp"))
_sorted = msgspec.json.Encoder(order="sorted", enc_hook=Decimal.__str__)


class Treatment(NamedTuple):
    """What happens to the columns of one table, by column index."""

    skip: frozenset[int]
    """Not even decoded."""
    convert: dict[int, Callable[[Any], Any]]
    """Put through a function, which never sees NULL."""


def treat(
    options: ColumnOptions, database: str, table: str, names: Sequence[str], types: Sequence[ColumnType] = ()
) -> Treatment:
    """The treatment of a table with these columns. Leaving out wins over masking, masking over hashing."""
    skip, convert = set[int](), dict[int, Callable[[Any], Any]]()
    if options.zero_dates == "null":
        convert = {index: _without_zero for index, kind in enumerate(types) if kind.type in _DATED}
    if not (options.exclude or options.mask or options.hash):
        return Treatment(frozenset(), convert)
    hashed = _hasher(options.hash_salt.reveal().encode())
    for index, name in enumerate(names):
        path = f"{database}.{table}.{name}"
        if _matches(path, options.exclude):
            skip.add(index)
        elif _matches(path, options.mask):
            convert[index] = _masked
        elif _matches(path, options.hash):
            convert[index] = hashed
    return Treatment(frozenset(skip), convert)


def _without_zero(value: str) -> str | None:
    """A date as it is; None where its year, month or day is zero."""
    return None if value[:4] == "0000" or value[5:7] == "00" or value[8:10] == "00" else value


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _masked(_: Any) -> str:
    return MASK


def hides(convert: Callable[[Any], Any] | None) -> bool:
    """Do all values look alike behind this function, so that they tell no rows apart?"""
    return convert is _masked


@cache  # equal treatments must be equal, so that a table keeps its row class over a reconnect
def _hasher(salt: bytes) -> Callable[[Any], str]:
    def hashed(value: Any) -> str:
        return sha256(salt + _canonical(value)).hexdigest()

    return hashed


def _canonical(value: Any) -> bytes:
    """Bytes that are the same for equal values: text and binary as they are, all else as it reads in JSON."""
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else _sorted.encode(value)
