"""What a batch of the Binlog collector holds, and which position comes with it."""

from __future__ import annotations

import logging

import pytest

from tests.components.collectors.reading import everything
from tests.components.fakes import make_context
from wlf.binlog import Boundary, Change, Item, Statement, Transaction
from wlf.binlog.counts import Counts
from wlf.binlog.ddl import Effect
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.components.collectors._binlog.ddl import schema_changes
from wlf.components.collectors._binlog.flow import Begin, Flow
from wlf.components.collectors._binlog.history import SchemaHistory
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.options import OutputOptions
from wlf.components.collectors._binlog.place import PARTITION, Position, decode_position
from wlf.events import RowChange, SchemaChange
from wlf.events.table import TableVersions

TABLE = TableVersions().get("d", "t", ("id",), (0,))


class ScriptedDecoder:
    """Gives one list of items for each chunk; what ends a transaction moves the boundary."""

    def __init__(self, *script: list[Item]) -> None:
        self.script = iter(script)
        self.boundary = Boundary("binlog.000001", 4, None)
        self.position = ("binlog.000001", 4)
        self.counts = Counts()
        self.gtids = None
        self.prepared = ()
        self.server_version = "8.0.36"

    def feed(self, chunk: bytes) -> list[Item]:
        items = next(self.script)
        for item in items:
            if (isinstance(item, Transaction) and item.commit) or (isinstance(item, Statement) and item.gtid is None):
                self.boundary = Boundary(item.file, item.end_position, None)
        return items


def part(end: int, *ids: int, commit: bool, first: int = 0) -> Transaction:
    change = Change(TABLE, "insert", 1, 1, end - 1, [TABLE.row(id) for id in ids], None)
    return Transaction(None, None, "binlog.000001", end, 1, [change], commit, False, first)


def statement(end: int, sql: str = "CREATE TABLE t", kind: str = "table-create", *, closes: bool) -> Statement:
    return Statement("d", sql, kind, (), None if closes else "0-1-1", 1, 1, "binlog.000001", end)


def flow_of(*script: list[Item]) -> Flow:
    def on_ddl(statement: Statement, effects: list[Effect]) -> list[SchemaChange]:
        return schema_changes(statement, effects, everything, OutputOptions())

    context = make_context()
    history = SchemaHistory(context, everything)
    return Flow(ScriptedDecoder(*script), Assembler(), Lag({}), context, Begin("", None), history, on_ddl)  # type: ignore[arg-type]


def batches(*script: list[Item]) -> list[tuple[list[int | str], int | None]]:
    """(ids of rows, `ddl` for a schema change; offset of the position) of each batch."""
    flow = flow_of(*script)
    found = []
    for _ in script:
        flow.feed(b"")
        while (collected := flow.take()) is not None:
            position = collected.positions.get(PARTITION)
            offset = decode_position(position).offset if position else None
            brought = [event.data.f0 if isinstance(event, RowChange) else "ddl" for event in collected.events]
            found.append((brought, offset))
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


def test_a_statement_that_opens_a_transaction_comes_behind_the_position_before_it() -> None:
    # CREATE TABLE ... SELECT: a dispatcher that has everything up to 100 must still get what the statement made.
    create, rows = statement(150, closes=False), part(200, 2, commit=True)
    assert batches([part(100, 1, commit=True), create], [rows]) == [([1], 100), (["ddl"], None), ([2], 200)]
    assert batches([part(100, 1, commit=True), create, rows]) == [([1, "ddl", 2], 200)]


def test_a_statement_of_its_own_comes_with_the_position_behind_it() -> None:
    assert batches([part(100, 1, commit=True), statement(150, closes=True), part(190, 2, commit=False)]) == [
        ([1, "ddl"], 150),
        ([2], None),
    ]


def test_a_change_logged_as_a_statement_is_told_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    flow = flow_of([statement(150, "INSERT INTO cards VALUES (4711)", "dml", closes=True)])
    with caplog.at_level(logging.WARNING):
        flow.feed(b"")
    assert "binlog.000001:150: a change is logged as a statement" in caplog.text
    assert "INSERT INTO cards ..." in caplog.text
    assert "4711" not in caplog.text


def test_rows_that_a_rollback_could_not_take_back_are_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    flow = flow_of([part(100, 1, commit=False, first=0)], [part(200, 2, commit=True, first=1)], [])
    with caplog.at_level("WARNING"):
        flow.feed(b"")
        assert caplog.text == ""
        flow.decoder.counts.escaped_events = 1
        flow.feed(b"")
        flow.feed(b"")
    assert caplog.text.count("before it was rolled back") == 1


def test_the_middle_of_a_transaction_says_how_far_it_goes() -> None:
    flow = flow_of([part(150, 2, commit=False)._replace(gtid="0-1-7")])
    flow.feed(b"")
    collected = flow.take()
    assert collected is not None
    assert collected.positions == {}
    assert collected.until is not None
    assert decode_position(collected.until) == Position("binlog.000001", 150, "", "0-1-7")


def test_everything_that_is_left_out_is_counted_with_its_reason() -> None:
    flow = flow_of([], [])
    numbers = flow._left_out._ignorable, flow._left_out._filtered, flow._left_out._unfit
    counts = flow.decoder.counts
    counts.skipped_events, counts.filtered_events, counts.unfit_events = 2, 3, 4
    flow.feed(b"")
    assert [number.value for number in numbers] == [2, 3, 4]
    counts.skipped_events += 1
    flow.feed(b"")
    assert [number.value for number in numbers] == [3, 3, 4]
