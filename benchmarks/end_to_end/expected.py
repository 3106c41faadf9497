"""What must arrive: the identities of all events of an input, and how a message is told to be one of them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

Identity: TypeAlias = tuple[Any, ...]
"""What no two events of an input have in common."""

_decode = msgspec.json.Decoder().decode


class Tally(NamedTuple):
    """What came of an input."""

    lost: int = 0
    duplicates: int = 0
    strangers: int = 0
    """Messages of no event of the input: heartbeats, definitions, wrong values."""

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


def tally(expected: Collection[Identity], found: Iterable[Identity | None]) -> Tally:
    """Compare what must be there with what is."""
    times = Counter(found)
    strangers = times.pop(None, 0)
    wanted = set(expected)
    lost = len(wanted - times.keys())
    duplicates = 0
    for identity, number in times.items():
        if identity in wanted:
            duplicates += number - 1
        else:
            strangers += number
    return Tally(lost, duplicates, strangers)


class Expected(ABC):
    """All events of one input."""

    identities: Collection[Identity]
    megabytes: float
    """Size of the input."""

    @abstractmethod
    def identify(self, message: bytes) -> Identity | None:
        """The event that a message carries; None for one that carries none."""

    def __len__(self) -> int:
        return len(self.identities)


class Rows(Expected):
    """Row changes, told apart by table and the values of some columns in the row as it is afterwards."""

    def __init__(
        self,
        identities: Collection[Identity],
        columns: tuple[str, ...],
        numbers: Mapping[str, Sequence[int]] = {},
        megabytes: float = 0.0,
    ) -> None:
        self.identities = identities
        self.columns = columns
        self.numbers = numbers
        """The same columns for each table by their numbers, counted from 1."""
        self.megabytes = megabytes

    def identify(self, message: bytes) -> Identity | None:
        table, row = table_and_row(_decode(message))
        return self.of_row(table, row) if row else None

    def of_row(self, table: str, row: dict[str, Any] | list[Any]) -> Identity | None:
        """The identity of a row; rivet gives its values alone, in the order of the columns."""
        if isinstance(row, list):
            numbers = self.numbers.get(table, ())
            values = [row[number - 1] if number <= len(row) else None for number in numbers] or [None]
        else:
            values = [row.get(column) for column in self.columns]
        # Canal's messages have all values as texts.
        return None if None in values else (table, *map(int, values))  # type: ignore[arg-type]


class Numbered(Expected):
    """Events that carry `seq=NUMBER` in a text, from 0 to a count: the lines of a log."""

    def __init__(self, count: int, megabytes: float = 0.0) -> None:
        self.identities = [(number,) for number in range(count)]
        self.megabytes = megabytes

    def identify(self, message: bytes) -> Identity | None:
        found = _NUMBER.search(message)
        return (int(found[1]),) if found else None


_NUMBER = re.compile(rb"seq=(\d+)")


def table_and_row(message: Any) -> tuple[str, dict[str, Any] | list[Any] | None]:
    """The table and the row, of any of the known layouts; no row when there is none.

    Maxwell, Canal (with one row) and wlf have `table` and `data`; Debezium has `source.table` and `after` or `before`,
    with its schema a level deeper; rivet has `table`, and lists as `after` and `before`.
    """
    if not isinstance(message, dict):
        return "", None
    body = message.get("payload", message)
    if not isinstance(body, dict):
        return "", None
    row = body.get("data") or body.get("after") or body.get("before")
    if isinstance(row, list) and len(row) == 1 and isinstance(row[0], dict):
        row = row[0]
    table = body.get("table") or (body.get("source") or {}).get("table") or ""
    return table, row if isinstance(row, dict | list) else None
