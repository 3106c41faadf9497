"""What the stream changed while a chunk is read: such rows are left out of the chunk, the stream has them newer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol

import msgspec
from msgspec import UNSET

from wlf.binlog import Change, Statement, Transaction
from wlf.components.collectors._binlog.columns import hides
from wlf.components.collectors._binlog.snapshot.watermarks import Low, Spot
from wlf.events.table import TableVersion

_encode = msgspec.json.Encoder().encode


class Window(Protocol):
    """Open from before the chunk's low watermark until the chunk is handed out."""

    low: Low | None
    is_void: bool
    """The table changed meanwhile: the chunk must be read again."""

    def note(self, change: Change, transaction: Transaction) -> None:
        """Take in rows that a transaction changed."""
        ...


class KeyedWindow:
    """By the values of a unique key, named by its columns."""

    def __init__(self, key: Sequence[str]) -> None:
        self.low: Low | None = None
        self.is_void = False
        self.has_moved = False
        """A row that was logged in part got another key, maybe from where the copy has not been to where it was."""
        self._changed: dict[tuple[Any, ...], dict[str, Any] | None] = {}
        """By key: None where the stream brings the row whole, or it is gone; else the columns that it brings."""
        self._unsure: set[tuple[Any, ...]] = set()
        """Keys that one row left and another one took, of which the stream has only some columns."""
        self._key = tuple(key)
        self._reads: dict[int, tuple[TableVersion, Callable[[Any], tuple[Any, ...]]]] = {}

    def note(self, change: Change, transaction: Transaction) -> None:
        """Both the former and the new key of a row count. What the chunk has may still be missing in earlier ones.

        Of a key that is noted, all that follows is noted, seen by the chunk or not: else an older value would be last.
        """
        is_seen = self.low is not None and self.low.has(transaction)
        if is_seen and change.olds is None and not self._changed:
            return
        version: TableVersion = change.binding
        known = self._reads.get(id(version))
        if known is None:
            read = key_reader(version, self._key)
            if read is None:
                self.is_void = True
                return
            known = self._reads[id(version)] = version, read
        keys = list(map(known[1], change.rows))
        if change.olds is None:
            self._put_whole(key for key in keys if not is_seen or key in self._changed)
        else:
            self._note_updates(change, change.olds, keys, known[1], is_seen=is_seen)

    def _note_updates(
        self,
        change: Change,
        olds: Sequence[Any],
        keys: Sequence[tuple[Any, ...]],
        read: Callable[[Any], tuple[Any, ...]],
        *,
        is_seen: bool,
    ) -> None:
        names = _logged(change.binding, olds)
        for key, old, row in zip(keys, olds, change.rows, strict=True):
            former = tuple(now if was is UNSET else was for was, now in zip(read(old), key, strict=True))
            self.has_moved = self.has_moved or (names is not None and former != key)
            if is_seen and former not in self._changed and key not in self._changed:
                continue
            if names is None:
                self._put_whole((former, key))
            else:
                self._put_part(former, key, {name: getattr(row, field) for field, name in names})

    def _put_whole(self, keys: Iterable[tuple[Any, ...]]) -> None:
        for key in keys:
            self._changed[key] = None
            self._unsure.discard(key)

    def _put_part(self, former: tuple[Any, ...], key: tuple[Any, ...], columns: dict[str, Any]) -> None:
        changed, unsure = self._changed, self._unsure
        is_whole = former in changed and changed[former] is None and former not in unsure
        if former == key:
            before = changed.setdefault(key, columns)
            if before is not None:
                before.update(columns)
            return
        # Was the key another row's in this window, then the chunk may have that one.
        is_taken = key in changed
        self._put_whole((former, key))
        if not is_whole and is_taken:
            unsure.add(key)
        elif not is_whole:
            changed[key] = columns

    def split(
        self, rows: list[Any], keys: Sequence[tuple[Any, ...]], *, completes: bool = False
    ) -> tuple[list[Any], list[tuple[Any, ...]]]:
        """The rows that go on, and the keys of those that must be read once more.

        With `completes`, a row that was logged in part goes on too, with the columns that the stream brought: each
        column has then the value of its last change, or has not changed since before the chunk was read.
        """
        changed = self._changed
        if not changed:
            return rows, []
        kept: list[Any] = []
        again: list[tuple[Any, ...]] = []
        for row, key in zip(rows, keys, strict=True):
            if key not in changed:
                kept.append(row)
            # A date with zeros may be shown as NULL, for several keys alike: the change may be another row's.
            elif key in self._unsure or None in key:
                again.append(key)
            elif (columns := changed[key]) is not None:
                if completes:
                    kept.append(_completed(row, columns))
                else:
                    again.append(key)
        return kept, again


def _logged(version: TableVersion, olds: Sequence[Any]) -> list[tuple[str, str]] | None:
    """The attributes and names of the columns that updates were logged with; None: all that rows can have."""
    missing = getattr(type(olds[0]), "__missing__", ())
    if version.skip.issuperset(missing):
        return None
    return [(f"f{index}", name) for index, name in enumerate(version.columns) if index not in missing]


def _completed(row: Any, columns: Mapping[str, Any]) -> Any:
    version: TableVersion = row.__table__
    return version.row(*(columns.get(name, getattr(row, f"f{place}")) for place, name in enumerate(version.columns)))


def key_reader(version: TableVersion, key: Sequence[str]) -> Callable[[Any], tuple[Any, ...]] | None:
    """From a row to its key; None where the rows lack one of its columns, or do not show it."""
    places = [version.columns.index(name) for name in key if name in version.columns]
    if len(places) < len(key) or version.skip.intersection(places):
        return None
    if any(hides(version.convert.get(place)) for place in places):
        return None
    read: Callable[[Any], Any] = attrgetter(*(f"f{place}" for place in places))
    return read if len(places) > 1 else lambda row: (read(row),)


class WholeWindow:
    """For rows without a key: by all their values, and how often each such row is there.

    The stream has not brought the table's rows before the window is opened, see `Watch.withhold`. What it brings from
    then on is in the sink before the snapshot; as many of the snapshot's rows are left out as the sink then has, and as
    are deleted behind the snapshot's view.
    """

    def __init__(self) -> None:
        self.low: Low | None = None
        self.is_void = False
        self._noted: list[tuple[Transaction, Change]] = []
        self._gone: Counter[bytes] | None = None

    def note(self, change: Change, transaction: Transaction) -> None:
        """In the order of the changes; what they mean is known once the view is open."""
        # Of the transaction only its place and GTID: it may be long, and all else in it other tables.
        self._noted.append((transaction._replace(changes=[]), change))

    def keep(self, rows: list[Any]) -> list[Any]:
        """The rows that go on."""
        if self._gone is None:
            self._gone = self._count()
            self._noted.clear()
        return [row for row in rows if not self._is_gone(row)] if self._gone else rows

    def _count(self) -> Counter[bytes]:
        sink: Counter[bytes] = Counter()
        gone: Counter[bytes] = Counter()
        for transaction, change in self._noted:
            is_seen = self.low is not None and self.low.has(transaction)
            for index, row in enumerate(change.rows):
                if change.kind != "insert":
                    image = _image(row, None if change.olds is None else change.olds[index])
                    sink[image] -= sink[image] > 0
                    gone[image] += not is_seen
                if change.kind != "delete":
                    image = _image(row, None)
                    sink[image] += 1
                    gone[image] -= not is_seen
        gone.update(sink)
        return +gone

    def _is_gone(self, row: Any) -> bool:
        assert self._gone is not None
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
        self.withheld_rows = 0
        self._open: dict[tuple[str, str], Window] = {}
        self._withheld: set[tuple[str, str]] = set()

    def open(self, table: tuple[str, str], window: Window) -> None:
        """From now on the table's changes are noted in `window`, in place of a former one."""
        self._open[table] = window

    def close(self, table: tuple[str, str]) -> None:
        """Note them no longer."""
        self._open.pop(table, None)

    def withhold(self, table: tuple[str, str]) -> None:
        """Keep the table's changes from the sink up to the view of its copy, which has them all.

        Only for rows that cannot be told from each other: with them, the copy would bring such rows twice.
        """
        self._withheld.add(table)

    def release(self, table: tuple[str, str]) -> None:
        """Hand all its changes out from now on."""
        self._withheld.discard(table)

    def transaction(self, transaction: Transaction) -> Transaction:
        """What goes on of a transaction, or of a part of one."""
        if self._withheld:
            changes = [change for change in transaction.changes if not self._is_withheld(change)]
            if len(changes) < len(transaction.changes):
                transaction = transaction._replace(changes=changes)
        if self._open:
            for change in transaction.changes:
                window = self._open.get((change.binding.database, change.binding.table))
                if window is not None:
                    window.note(change, transaction)
        if transaction.commit:
            self.floor = transaction.file, transaction.end_position
        return transaction

    def _is_withheld(self, change: Change) -> bool:
        table = change.binding.database, change.binding.table
        if table not in self._withheld or table in self._open:
            return False
        self.withheld_rows += len(change.rows)
        return True

    def statement(self, statement: Statement) -> None:
        """A statement: one that may have changed a table voids what was read of it."""
        self.floor = statement.file, statement.end_position
        if self._open and statement.is_ddl:
            # A server that folds names logs the statement as it was typed; read again for nothing is only slower.
            objects = {(database.lower(), table.lower()) for database, table in statement.objects}
            databases = {database for database, table in objects if not table}
            for (database, table), window in self._open.items():
                folded = database.lower(), table.lower()
                if not objects or folded in objects or folded[0] in databases:
                    window.is_void = True
