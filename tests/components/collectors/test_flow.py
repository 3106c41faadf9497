"""What a batch of the Binlog collector holds, and which position comes with it."""

from __future__ import annotations

from tests.components.fakes import make_context
from wlf.binlog import Boundary, Change, Item, Transaction
from wlf.binlog.counts import Counts
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.components.collectors._binlog.flow import Begin, Flow
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.place import PARTITION, decode_position
from wlf.events.table import TableVersions

TABLE = TableVersions().get("d", "t", ("id",), (0,))


class ScriptedDecoder:
    """Gives one list of items for each chunk; a transaction that ends moves the boundary."""

    def __init__(self, *script: list[Item]) -> None:
        self.script = iter(script)
        self.boundary = Boundary("binlog.000001", 4, None)
        self.position = ("binlog.000001", 4)
        self.counts = Counts()
        self.gtids = None

    def feed(self, chunk: bytes) -> list[Item]:
        items = next(self.script)
        for item in items:
            if isinstance(item, Transaction) and item.commit:
                self.boundary = Boundary(item.file, item.end_position, None)
        return items


def part(end: int, *ids: int, commit: bool, first: int = 0) -> Transaction:
    change = Change(TABLE, "insert", 1, 1, end - 1, [TABLE.row(id) for id in ids], None)
    return Transaction(None, None, "binlog.000001", end, 1, [change], commit, False, first)


def batches(*script: list[Item]) -> list[tuple[list[int], int | None]]:
    """(ids, offset of the position) of each batch."""
    flow = Flow(ScriptedDecoder(*script), Assembler(), Lag({}), make_context(), Begin("", None), None)  # type: ignore[arg-type]
    found = []
    for _ in script:
        flow.feed(b"")
        while (collected := flow.take()) is not None:
            position = collected.positions.get(PARTITION)
            offset = decode_position(position).offset if position else None
            found.append(([event.data.f0 for event in collected.events], offset))
    return found


def test_a_position_covers_every_event_that_comes_with_it() -> None:
    assert batches(
        [part(100, 1, commit=True), part(150, 2, 3, commit=False)], [part(200, 4, commit=True, first=2)]
    ) == [
        ([1], 100),
        ([2, 3], None),
        ([4], 200),
    ]


def test_whole_transactions_come_together_with_the_last_ones_position() -> None:
    assert batches([part(100, 1, commit=True), part(200, 2, commit=True)]) == [([1, 2], 200)]


def test_nothing_is_stored_in_the_middle_of_a_transaction() -> None:
    assert batches([part(100, 1, commit=False)], [part(150, 2, commit=False, first=1)]) == [([1], None), ([2], None)]
