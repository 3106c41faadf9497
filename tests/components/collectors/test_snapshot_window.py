"""The algorithm on a scripted server: however writes, commits, chunks and the stream interleave, the sink is right.

The server logs a transaction first and commits it some time later; only then a SELECT sees it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import UNSET

from wlf.binlog import Change, GtidSet, Statement, Transaction
from wlf.components.collectors._binlog.columns import treat
from wlf.components.collectors._binlog.options import ColumnOptions
from wlf.components.collectors._binlog.snapshot.watermarks import GtidLow, SpotLow
from wlf.components.collectors._binlog.snapshot.window import KeyedWindow, Watch, WholeWindow, key_reader
from wlf.events.table import TableVersion

FILE = "binlog.000001"
UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
VERSION = TableVersion("d", "t", ("id", "n", "c"), (0,))
KEYS = 12
Row = tuple[int, int, str]


def transaction(number: int, changes: list[Change], *, commit: bool = True) -> Transaction:
    return Transaction(
        gtid=f"{UUID}:{number}",
        xid=number,
        file=FILE,
        end_position=number * 100,
        ts=1,
        changes=changes,
        commit=commit,
        held=True,
        first_xoffset=0,
    )


def insert(row: Row) -> Change:
    return Change(VERSION, "insert", 1, 1, 0, [VERSION.row(*row)], None)


def delete(row: Row) -> Change:
    return Change(VERSION, "delete", 1, 1, 0, [VERSION.row(*row)], None)


def update(row: Row, old: Row, *, partial: bool = False) -> Change:
    missing = tuple(index for index in (1, 2) if partial and row[index] == old[index])
    make = VERSION.old_row((), missing) if missing else VERSION.row
    olds = make(*(was if was != now else UNSET for was, now in zip(old, row, strict=True)))
    new = VERSION.row(*(UNSET if index in missing else now for index, now in enumerate(row)))
    return Change(VERSION, "update", 1, 1, 0, [new], [olds])


class Server:
    """A table with its log; `committed` transactions of it are visible."""

    def __init__(self, draw: random.Random, *, partial: bool) -> None:
        self.draw = draw
        self.partial = partial
        self.newest: dict[int, Row] = {}
        self.visible: dict[int, Row] = {}
        self.log: list[tuple[list[Change], dict[int, Row]]] = []
        self.committed = 0
        for _ in range(KEYS // 2):
            self.write()
        self.commit(len(self.log))

    def write(self) -> None:
        """Log a transaction of one to three changes; it is not visible yet."""
        changes = [self._change() for _ in range(self.draw.randint(1, 3))]
        self.log.append((changes, dict(self.newest)))

    def _change(self) -> Change:
        id, other = self.draw.randrange(KEYS), self.draw.randrange(KEYS)
        old = self.newest.get(id)
        if old is None:
            row = self.newest[id] = (id, self.draw.randrange(1000), "new")
            return insert(row)
        match self.draw.randrange(4):
            case 0:
                del self.newest[id]
                return delete(old)
            case 1 if other not in self.newest:
                del self.newest[id]
                row = self.newest[other] = (other, *old[1:])
                return update(row, old, partial=self.partial)
            case _:
                row = self.newest[id] = (id, self.draw.randrange(1000), old[2])
                return update(row, old, partial=self.partial)

    def commit(self, count: int) -> None:
        """Make the next ones visible."""
        self.committed = min(self.committed + count, len(self.log))
        if self.committed:
            self.visible = self.log[self.committed - 1][1]


class Sink:
    """Applies events by key."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}

    def change(self, change: Change) -> None:
        for index, row in enumerate(change.rows):
            if change.kind == "delete":
                self.rows.pop(row.f0, None)
                continue
            former: dict[str, Any] = {}
            if change.olds is not None:
                was = change.olds[index].f0
                former = self.rows.pop(row.f0 if was is UNSET else was, {})
            self.rows[row.f0] = {**former, **present(row)}

    def copied(self, row: Any) -> None:
        self.rows[row.f0] = present(row)


def present(row: Any) -> dict[str, Any]:
    return {name: value for name, value in zip("inc", (row.f0, row.f1, row.f2), strict=True) if value is not UNSET}


class Copying:
    """The copy of the table, as `Copy` and its reader do it, one step at a time."""

    def __init__(self, server: Server, watch: Watch, *, waits: bool, rereads: int = 1000, restarts: int = 1000) -> None:
        self.server, self.watch, self.waits = server, watch, waits
        self.rereads, self.restarts = rereads, restarts
        self.takes = 0
        self.last = -1
        self.again: list[int] = []
        self.is_done = False
        self.is_last = False
        self.step: Callable[[int], list[Any]] = self.begin
        self.open()

    def open(self) -> None:
        self.window = KeyedWindow(("id",))
        self.watch.open(("d", "t"), self.window)

    def begin(self, at: int) -> list[Any]:
        self.arrive = len(self.server.log)
        self.step = self.low
        return []

    def low(self, at: int) -> list[Any]:
        if self.waits and self.server.committed < self.arrive:
            return []  # what was on its way has not arrived
        # Without waiting, what the log has is taken for what a SELECT sees.
        seen = self.server.committed if self.waits else len(self.server.log)
        by_gtid = self.server.draw.random() < 0.5
        self.window.low = GtidLow(GtidSet.parse(f"{UUID}:1-{seen}")) if by_gtid else SpotLow((FILE, seen * 100))
        self.step = self.select
        return []

    def select(self, at: int) -> list[Any]:
        visible = sorted(self.server.visible.values())
        limit = 3
        if self.again:
            found = [row for row in visible if row[0] in self.again]
        else:
            found = [row for row in visible if row[0] > self.last][:limit]
            self.is_last = len(found) < limit
        self.found = [VERSION.row(*row) for row in found]
        self.step = self.high
        return []

    def high(self, at: int) -> list[Any]:
        self.mark = len(self.server.log)
        self.step = self.take
        return []

    def take(self, at: int) -> list[Any]:
        if at < self.mark:
            return []
        self.step = self.begin
        self.takes += 1
        window = self.window
        self.open()
        if window.has_moved and self.restarts:
            self.restarts -= 1
            self.last, self.again = -1, []
            return []
        keys = [(row.f0,) for row in self.found]
        if keys and not self.again:
            self.last = keys[-1][0]
        rows, again = window.split(self.found, keys, completes=self.rereads == 0)
        self.rereads -= bool(again and self.rereads)
        self.again = [key for (key,) in again]
        self.is_done = self.is_last and not self.again
        return rows


def run(seed: int, *, waits: bool = True, **options: Any) -> bool:
    """One random interleaving; is the sink right at the end?"""
    return Run(seed, waits=waits, **options).is_right()


class Run:
    """One random interleaving of writes, commits, the stream and the copy."""

    def __init__(self, seed: int, *, waits: bool = True, partial: bool = False, **options: Any) -> None:
        self.draw = random.Random(seed)
        self.server, self.sink = Server(self.draw, partial=partial), Sink()
        self.watch = Watch((FILE, 0))
        self.copying = Copying(self.server, self.watch, waits=waits, **options)
        self.at = len(self.server.log)
        self.stale: list[Any] = []
        """Rows of the copy that were not as the table was at their place in the stream."""

    def stream(self) -> None:
        """The next transaction, sometimes in parts."""
        if self.at == len(self.server.log):
            return
        changes = self.server.log[self.at][0]
        self.at += 1
        parts = [changes[:1], changes[1:]] if self.draw.random() < 0.3 else [changes]
        for number, part in enumerate(parts, 1):
            self.watch.transaction(transaction(self.at, part, commit=number == len(parts)))
        for change in changes:
            self.sink.change(change)

    def copy(self) -> None:
        """The next step of the copy."""
        now = self.server.log[self.at - 1][1]
        for row in self.copying.step(self.at):
            self.stale += [row] if now.get(row.f0) != (row.f0, row.f1, row.f2) else []
            self.sink.copied(row)

    def go(self) -> None:
        """To the end of the copy, and then of the stream."""
        for turn in range(2000):
            if self.copying.is_done and turn > 60:
                break
            actions = [self.stream, self.copy, self.copy, lambda: self.server.commit(self.draw.randint(1, 2))]
            self.draw.choice([self.server.write, *actions] if len(self.server.log) < 200 else actions)()
        assert self.copying.is_done
        while self.at < len(self.server.log):
            self.stream()

    def is_right(self) -> bool:
        """Is the sink, at the end, as the table is?"""
        self.go()
        newest = {id: dict(zip("inc", row, strict=True)) for id, row in self.server.newest.items()}
        return self.sink.rows == newest


@pytest.mark.parametrize("seed", range(0, 600, 100))
def test_the_sink_equals_the_table_however_things_interleave(seed: int) -> None:
    assert [each for each in range(seed, seed + 100) if not run(each)] == []


@pytest.mark.parametrize("seed", range(0, 600, 100))
def test_rows_logged_without_some_columns_are_read_once_more(seed: int) -> None:
    assert [each for each in range(seed, seed + 100) if not run(each, partial=True)] == []


@pytest.mark.parametrize("seed", range(0, 600, 100))
def test_rows_logged_without_some_columns_are_completed_by_what_the_stream_brings(seed: int) -> None:
    assert [each for each in range(seed, seed + 100) if not run(each, partial=True, rereads=0)] == []


@pytest.mark.parametrize("rereads", [0, 1, 1000])
@pytest.mark.parametrize("restarts", [0, 1000])
def test_a_row_is_as_the_table_was_at_its_place_in_the_stream(rereads: int, restarts: int) -> None:
    """Also where keys change and the table is not begun anew: a row may be left to the stream, but is never stale."""
    for seed in range(150):
        ran = Run(seed, partial=True, rereads=rereads, restarts=restarts)
        ran.go()
        assert not ran.stale, seed


def hot(rereads: int) -> Copying:
    """A row of the table is changed, in part, between any two steps of the copy, and the stream is always behind."""
    ran = Run(1, partial=True, rereads=rereads)
    server = ran.server
    server.newest = {id: (id, 0, "c") for id in range(KEYS)}
    server.log.append(([insert(row) for row in server.newest.values()], dict(server.newest)))
    for turn in range(200):
        for id in range(KEYS):
            old = server.newest[id]
            server.newest[id] = id, turn, "c"
            server.log.append(([update(server.newest[id], old, partial=True)], dict(server.newest)))
        server.commit(1000)
        ran.copy()
        while ran.at < len(server.log) - KEYS:
            ran.stream()
        if ran.copying.is_done:
            break
    assert not ran.stale
    return ran.copying


def test_a_table_that_changes_all_the_time_is_copied_in_the_end() -> None:
    assert hot(0).takes == KEYS // 3 + 1
    assert hot(3).takes == KEYS // 3 + 1 + 3
    assert not hot(100_000).is_done  # what this test can see


def test_a_change_that_the_chunk_has_seen_is_newer_than_one_of_unsure_order() -> None:
    """A part of a transaction is noted though it may be seen; what comes behind it must count as well."""
    window = KeyedWindow(("id",))
    window.low = SpotLow((FILE, 300))
    window.note(update((1, 1, "c"), (1, 0, "c"), partial=True), transaction(1, [], commit=False))
    window.note(update((1, 2, "c"), (1, 1, "c"), partial=True), transaction(2, []))
    rows, again = window.split([VERSION.row(1, 2, "c")], [(1,)], completes=True)
    assert [(row.f0, row.f1, row.f2) for row in rows] == [(1, 2, "c")]
    assert again == []


def test_a_column_that_became_null_is_no_column_that_is_missing() -> None:
    """Where rows leave NULL out, both look alike in the row alone."""
    version = TableVersion("d", "t", ("id", "n", "c"), (0,), nulls=False)
    none: Any = None
    row, old = version.row(1, none, UNSET), version.old_row((1,), (2,))(UNSET, UNSET, UNSET)
    window = KeyedWindow(("id",))
    window.note(Change(version, "update", 1, 1, 0, [row], [old]), transaction(1, []))
    (made,), _ = window.split([version.row(1, 7, "c")], [(1,)], completes=True)
    assert (made.f0, made.f1, made.f2) == (1, UNSET, "c")
    whole = KeyedWindow(("id",))
    whole.note(Change(version, "update", 1, 1, 0, [row], [version.row(UNSET, 7, UNSET)]), transaction(1, []))
    assert whole.split([version.row(1, 7, "c")], [(1,)]) == ([], [])


def test_a_key_that_changes_hands_is_read_once_more() -> None:
    """The chunk may have the row that had the key before."""
    window = KeyedWindow(("id",))
    window.note(delete((1, 1, "gone")), transaction(1, []))
    window.note(update((1, 2, "c"), (2, 2, "c"), partial=True), transaction(2, []))
    assert window.has_moved
    assert window.split([VERSION.row(1, 1, "gone")], [(1,)], completes=True) == ([], [(1,)])
    window.note(update((1, 3, "d"), (1, 2, "c")), transaction(3, []))
    assert window.split([VERSION.row(1, 1, "gone")], [(1,)], completes=True) == ([], [])


def test_the_end_of_the_log_would_be_no_low_watermark() -> None:
    """What these tests can see: a low watermark ahead of what is visible lets older rows overwrite newer ones."""
    assert not all(run(seed, waits=False) for seed in range(200))


def test_a_part_of_a_transaction_is_never_before_the_low_watermark() -> None:
    low = SpotLow((FILE, 1000))
    assert low.has(transaction(10, []))
    assert not low.has(transaction(9, [], commit=False))
    assert not low.has(transaction(11, []))


@pytest.mark.parametrize(
    ("kind", "objects", "void"),
    [
        ("table-alter", (("d", "t"),), True),
        ("table-drop", (("d", "other"), ("d", "t")), True),
        ("table-alter", (("d", "other"),), False),
        ("database-drop", (("d", ""),), True),
        ("database-drop", (("e", ""),), False),
        # With lower_case_table_names the statement is logged as it was typed.
        ("table-truncate", (("D", "T"),), True),
        ("database-drop", (("D", ""),), True),
        ("ddl", (), True),
        ("other", (), False),
    ],
)
def test_a_definition_that_changes_voids_what_was_read(kind: str, objects: Any, void: bool) -> None:
    watch, window = Watch((FILE, 4)), KeyedWindow(("id",))
    watch.open(("d", "t"), window)
    watch.statement(
        Statement(
            database="d",
            sql="",
            kind=kind,
            objects=objects,
            gtid=None,
            ts=1,
            server_id=1,
            file="binlog.000002",
            end_position=500,
        )
    )
    assert window.is_void is void
    assert watch.floor == ("binlog.000002", 500)


def test_rows_without_the_key_void_what_was_read() -> None:
    window = KeyedWindow(("gone",))
    window.note(insert((1, 2, "c")), transaction(1, []))
    assert window.is_void


def bag(seed: int) -> bool:
    """Equal rows many times over, no key, and a view somewhere among the changes: the same bag comes out."""
    draw = random.Random(seed)
    table: Counter[Row] = Counter()
    sink: Counter[Row] = Counter()
    watch, window = Watch((FILE, 0)), WholeWindow()
    watch.withhold(("d", "t"))

    def write() -> Change:
        rows = sorted(+table)
        old, new = draw.choice(rows) if rows else None, (draw.randrange(2), draw.randrange(2), "x")
        action = draw.randrange(3)
        if old is None or action == 0:
            table[new] += 1
            return insert(new)
        table[old] -= 1
        if action == 1:
            return delete(old)
        table[new] += 1
        return update(new, old)

    log = [write() for _ in range(30)]
    opened, known = sorted((draw.randrange(31), draw.randrange(31)))
    view: Counter[Row] = Counter()
    view_at = draw.randint(opened, 30)
    for change in log[:view_at]:
        apply(view, change)
    for number, change in enumerate(log):
        if number == opened:
            watch.open(("d", "t"), window)
        if number >= max(known, view_at):
            window.low = SpotLow((FILE, view_at * 100))
        for kept in watch.transaction(transaction(number + 1, [change])).changes:
            apply(sink, kept)
    window.low = SpotLow((FILE, view_at * 100))
    if opened == 30:
        watch.open(("d", "t"), window)
    copied = window.keep([VERSION.row(*row) for row in view.elements()])
    sink.update((row.f0, row.f1, row.f2) for row in copied)
    return +sink == +table


def apply(bag: Counter[Row], change: Change) -> None:
    """A delete of a row that is not there does nothing."""
    (row,) = change.rows
    new = (row.f0, row.f1, row.f2)
    if change.kind != "insert":
        olds = (UNSET,) * 3 if change.olds is None else (change.olds[0].f0, change.olds[0].f1, change.olds[0].f2)
        old: Any = tuple(now if was is UNSET else was for was, now in zip(olds, new, strict=True))
        bag[old] -= bag[old] > 0
    if change.kind != "delete":
        bag[new] += 1


def test_rows_without_a_key_are_counted() -> None:
    assert [seed for seed in range(500) if not bag(seed)] == []


def test_a_masked_key_tells_no_rows_apart() -> None:
    convert = treat(ColumnOptions(mask=["d.t.id"]), "d", "t", ["id", "n"]).convert
    hidden = TableVersion("d", "t", ("id", "n"), (0,), convert=convert)
    assert key_reader(hidden, ["id"]) is None
    assert key_reader(hidden, ["n"]) is not None
    hashed = treat(ColumnOptions(hash=["d.t.id"]), "d", "t", ["id", "n"]).convert
    assert key_reader(TableVersion("d", "t", ("id", "n"), (0,), convert=hashed), ["id"]) is not None


def test_keys_that_are_shown_alike_are_read_once_more() -> None:
    """Zero dates as NULL: the row that changed may be another one."""
    window = KeyedWindow(("id",))
    none: Any = None
    window.note(insert((none, 1, "changed")), transaction(1, []))
    rows = [VERSION.row(none, 1, "changed"), VERSION.row(none, 2, "another"), VERSION.row(3, 3, "c")]
    kept, again = window.split(rows, [(None,), (None,), (3,)])
    assert kept == rows[2:]
    assert again == [(None,), (None,)]
