"""What the stream changed while a chunk is read: such rows are left out of the chunk, the stream has them newer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Protocol

import msgspec
from msgspec import UNSET

from wlf.binlog import Change, Statement, Transaction
from wlf.components.collectors._binlog.snapshot.watermarks import Low, Spot
from wlf.events.table import TableVersion

_encode = msgspec.json.Encoder().encode


class Window(Protocol):
    """Open from before the chunk's low watermark until the chunk is handed out."""

    low: Low | None
    is_void: bool
    """The table changed meanwhile: the chunk must be read again."""

    def note(self, change: Change, *, is_seen: bool) -> None:
        """Take in rows that a transaction changed; `is_seen`: the chunk surely has them so."""
        ...


class KeyedWindow:
    """By the values of a unique key, named by its columns."""

    def __init__(self, key: Sequence[str]) -> None:
        self.low: Low | None = None
        self.is_void = False
        self.changed: set[tuple[Any, ...]] = set()
        self.partial: set[tuple[Any, ...]] = set()
        """Keys of rows that were logged without some of their columns: the stream does not bring them whole."""
        self.has_moved = False
        """Such a row got another key, maybe from where the copy has not been to where it was before."""
        self._key = tuple(key)
        self._reads: dict[int, tuple[TableVersion, Callable[[Any], tuple[Any, ...]]]] = {}

    def note(self, change: Change, *, is_seen: bool = False) -> None:
        """Both the former and the new key of a row count. What the chunk has may still be missing in earlier ones."""
        if is_seen and change.olds is None:
            return
        version: TableVersion = change.binding
        known = self._reads.get(id(version))
        if known is None:
            read = key_reader(version, self._key)
            if read is None:
                self.is_void = True
                return
            known = self._reads[id(version)] = version, read
        read = known[1]
        keys = list(map(read, change.rows))
        if not is_seen:
            self.changed.update(keys)
        for key, old, row in zip(keys, change.olds or (), change.rows, strict=False):
            former = tuple(now if was is UNSET else was for was, now in zip(read(old), key, strict=True))
            if is_seen and former == key:
                continue
            is_partial = _is_partial(version, row)
            self.has_moved = self.has_moved or (is_partial and former != key)
            if not is_seen:
                self.changed.add(former)
                if is_partial:
                    self.partial.add(key)

    def split(self, rows: list[Any], keys: Sequence[tuple[Any, ...]]) -> tuple[list[Any], list[tuple[Any, ...]]]:
        """The rows that go on, and the keys of those that must be read once more."""
        changed, partial = self.changed, self.partial
        if not changed:
            return rows, []
        kept = [row for row, key in zip(rows, keys, strict=True) if key not in changed]
        return kept, [key for key in keys if key in partial] if partial else []


def _is_partial(version: TableVersion, row: Any) -> bool:
    missing = [index for index in range(len(version.columns)) if getattr(row, f"f{index}") is UNSET]
    return not version.skip.issuperset(missing)


def key_reader(version: TableVersion, key: Sequence[str]) -> Callable[[Any], tuple[Any, ...]] | None:
    """From a row to its key; None where the rows lack one of its columns."""
    places = [version.columns.index(name) for name in key if name in version.columns]
    if len(places) < len(key) or version.skip.intersection(places):
        return None
    read: Callable[[Any], Any] = attrgetter(*(f"f{place}" for place in places))
    return read if len(places) > 1 else lambda row: (read(row),)


class WholeWindow:
    """For rows without a key: by all their values, and how often each such row is there.

    What the stream brought since the low watermark is counted. A row that was deleted, and that the stream had not
    brought before, was one of the snapshot's: one such row is left out.
    """

    def __init__(self) -> None:
        self.low: Low | None = None
        self.is_void = False
        self._brought: Counter[bytes] = Counter()
        self._gone: Counter[bytes] = Counter()

    def note(self, change: Change, *, is_seen: bool = False) -> None:
        """In the order of the changes."""
        if is_seen:
            return
        for index, row in enumerate(change.rows):
            if change.kind != "insert":
                self._take(_image(row, None if change.olds is None else change.olds[index]))
            if change.kind != "delete":
                self._brought[_image(row, None)] += 1

    def _take(self, image: bytes) -> None:
        if self._brought[image] > 0:
            self._brought[image] -= 1
        else:
            self._gone[image] += 1

    def keep(self, rows: list[Any]) -> list[Any]:
        """The rows that go on."""
        return [row for row in rows if not self._is_gone(row)] if self._gone else rows

    def _is_gone(self, row: Any) -> bool:
        image = _image(row, None)
        if self._gone.get(image, 0) <= 0:
            return False
        self._gone[image] -= 1
        return True


def _image(row: Any, old: Any) -> bytes:
    """The row as text, or as it was before an update that `old` tells of."""
    names = [f"f{index}" for index in range(len(row.__table__.columns))]
    now = [getattr(row, name) for name in names]
    if old is not None:
        now = [
            was if (was := getattr(old, name)) is not UNSET else value for name, value in zip(names, now, strict=True)
        ]
    return _encode([None if value is UNSET else value for value in now])


class Watch:
    """The open windows by table; the flow tells it what it has decoded, before it is handed out."""

    def __init__(self, floor: Spot) -> None:
        self.floor = floor
        """Behind the last transaction or statement of the stream."""
        self._open: dict[tuple[str, str], Window] = {}

    def open(self, table: tuple[str, str], window: Window) -> None:
        """From now on the table's changes are noted in `window`, in place of a former one."""
        self._open[table] = window

    def close(self, table: tuple[str, str]) -> None:
        """Note them no longer."""
        self._open.pop(table, None)

    def transaction(self, transaction: Transaction) -> None:
        """A transaction, or a part of one."""
        if self._open:
            for change in transaction.changes:
                window = self._open.get((change.binding.database, change.binding.table))
                if window is not None:
                    window.note(change, is_seen=window.low is not None and window.low.has(transaction))
        if transaction.commit:
            self.floor = transaction.file, transaction.end_position

    def statement(self, statement: Statement) -> None:
        """A statement: one that may have changed a table voids what was read of it."""
        self.floor = statement.file, statement.end_position
        if self._open and statement.is_ddl:
            objects = set(statement.objects)
            databases = {database for database, table in objects if not table}
            for table, window in self._open.items():
                if not objects or table in objects or table[0] in databases:
                    window.is_void = True
