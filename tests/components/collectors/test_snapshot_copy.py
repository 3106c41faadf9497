"""One table's copy comes to its end, whatever changes while its chunks are read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec import structs

from wlf.binlog import Change, Transaction
from wlf.components.collectors._binlog.snapshot import copy as copying
from wlf.components.collectors._binlog.snapshot.copy import Copy, Taken
from wlf.components.collectors._binlog.snapshot.definition import Definition
from wlf.components.collectors._binlog.snapshot.progress import Progress
from wlf.components.collectors._binlog.snapshot.reader import Piece, Shape
from wlf.components.collectors._binlog.snapshot.window import KeyedWindow, Watch
from wlf.events.table import TableVersion

FILE = "binlog.000001"
VERSION = TableVersion("d", "t", ("id", "n"), (0,))
TABLE = Definition("d", "t", (), (0,), (0,), "", is_transactional=True, rows=3, row_bytes=8)


class Reader:
    """Rows 1 to 3 in one chunk; row 2 has another key and its own again whenever it is read."""

    def __init__(self) -> None:
        self.shape: Any = None
        self.asked: list[int] = []

    def look(self, progress: Progress, floor: Any) -> tuple[Shape, Progress]:
        self.shape = Shape(TABLE, VERSION, lambda raw: None, lambda row: (row.f0,))
        return self.shape, structs.replace(progress, key=("id",))

    def chunk(self, progress: Progress, window: KeyedWindow, floor: Any, only: Sequence[tuple[str, ...]]) -> Piece:
        self.asked.append(len(only))
        ids = [2] if only else [1, 2, 3]
        for old, new in ((2, 9), (9, 2)):
            update = Change(VERSION, "update", 1, 1, 0, [VERSION.row(new)], [VERSION.old_row((), (1,))(old)])
            window.note(update, Transaction(None, None, FILE, 100, 1, [], commit=True, held=True, first_xoffset=0))
        after = structs.replace(progress, last=("3",), rows=progress.rows + len(ids), done=not only)
        rows = [VERSION.row(id, 0) for id in ids]
        raw = [bytes((1, 48 + id)) for id in ids]
        return Piece(VERSION, rows, [(id,) for id in ids], (FILE, 100), after, 1, 0, raw)

    def drop(self) -> None:
        """There is no connection."""

    abort = drop


async def _copied(reader: Any, pool: ThreadPoolExecutor) -> tuple[list[Taken], list[str]]:
    ready, taken = asyncio.Event(), []

    async def mark(progress: Progress) -> None:
        raise AssertionError("the table has a key")

    def whole() -> Any:
        raise AssertionError("the table has a key")

    watch = Watch((FILE, 4))
    copy = Copy(Progress("run", "d", "t"), reader, whole, watch, pool, asyncio.Lock(), ready.set, mark)
    copy.start()
    while not taken or taken[-1].progress is None or not taken[-1].progress.done:
        await ready.wait()
        ready.clear()
        assert copy.error is None
        taken += [found] if (found := copy.take((FILE, 200))) is not None else []
    await copy.close()
    return taken, copy.notes


def test_a_row_that_is_never_still_is_left_to_the_stream_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "key_of_row", lambda table, fields: tuple(field.decode() for field in fields))
    reader = Reader()
    with ThreadPoolExecutor(1) as pool:
        taken, notes = asyncio.run(asyncio.wait_for(_copied(reader, pool), 30))
    assert [row.f0 for each in taken for row in each.rows] == [1, 3]
    assert [each.given_up for each in taken if each.given_up] == [1]
    assert reader.asked == [0] * 6 + [1] * 30
    assert notes[-1].startswith("1 row(s) of d.t changed each time they were read")
