"""The schema history: what each position knows of its tables, over restarts, compaction and servers that changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from tests.components.collectors.reading import everything
from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.binlog import Column, NeedSchema, SchemaColumn, Statement
from wlf.binlog.tablemap import LONG, LONGLONG, VARCHAR
from wlf.components.base import MemoryState
from wlf.components.collectors._binlog import history as module
from wlf.components.collectors._binlog.history import SchemaHistory
from wlf.components.collectors._binlog.keeping import BASE
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.place import Position
from wlf.components.collectors._binlog.server import Server
from wlf.components.collectors._binlog.side import SideConnection
from wlf.errors import Retryable, SetupError

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
SERVER = Server("db:3306", {"version": "8.0.36", "server_uuid": UUID, "binlog_row_metadata": "MINIMAL"})
OTHER = Server("db2:3306", {**SERVER.variables, "server_uuid": "0" * 36})
FILE = "binlog.000001"
LATEST = configured(BinlogConfig, destination="d", start="latest")
EARLIEST = configured(BinlogConfig, destination="d", start="earliest")

Answer = TypeVar("Answer")


def run(awaitable: Awaitable[Answer]) -> Answer:
    async def wait() -> Answer:
        return await awaitable

    return asyncio.run(wait())


class Tables(SideConnection):
    """A server with tables of INT columns."""

    def __init__(self, end: int = 100, **tables: str) -> None:
        super().__init__(LATEST)
        self.tables, self.end, self.asked = tables, end, 0
        self.on_ask: Callable[[], None] = lambda: None
        self.is_slow = False

    def query(self, sql: str, arguments: Any = None) -> list[tuple[Any, ...]]:
        if sql.startswith("SELECT @@version"):
            return [("8.0.36", 0)]
        if sql.startswith("SHOW MASTER STATUS"):
            return [(FILE, self.end)]
        if "SCHEMATA" in sql:
            return [("d", "utf8mb4")]
        if "information_schema.TABLES" in sql:
            self.asked += 1
            self.on_ask()
            names = [n for n in self.tables if n in arguments] or list(self.tables)
            return [("d", name, "BASE TABLE", "utf8mb4_bin")[: 2 if "NOT IN" in sql else 4] for name in names]
        if "information_schema.COLUMNS" in sql:
            names = [n for n in self.tables if n in arguments] or list(self.tables)
            if self.is_slow and len(arguments) == 1:
                raise Retryable("timed out")
            return [("d", n, column, b"int", None, "") for n in names for column in self.tables[n].split()]
        return []


class Life:
    """One life of a collector's history; `state` outlives it."""

    def __init__(self, state: MemoryState, wants: Callable[[str, str], bool] = everything) -> None:
        self.history = SchemaHistory(replace(make_context("binlog"), state=state), wants)
        self.side = Tables()

    def begin(
        self,
        side: Tables | None = None,
        stored: Position | None = None,
        config: BinlogConfig = LATEST,
        server: Server = SERVER,
        at: int = 100,
    ) -> Life:
        self.side = side or self.side
        self.config = config
        run(self.history.load())
        early = self.history.look_early(self.side, server, config, stored)
        place = None if stored else Position(FILE, at, server.uuid)
        self.history.take_up(self.side, server, config, place, stored, early)
        run(self.history.save())
        return self

    def read(self, end: int, sql: str) -> Position:
        """A definition of the stream; the position behind it, which may be handed out."""
        self.history.apply(Statement("d", sql, "table-alter", (), None, 1, 1, FILE, end), "8.0.36")
        if self.history.has_unsaved:
            run(self.history.save())
        return Position(FILE, end, UUID, schema=self.history.number)

    def columns(self, table: str = "t", count: int | None = None, place: int = 1) -> list[str] | None:
        known = self.history.catalogue.get("d", table)
        count = count if count is not None else len(known.columns) if known else 1
        answer = run(self.history.columns(need(table, count, place), self.side, self.config, "8.0.36"))
        return None if answer is None else [column.name for column in answer]


def need(table: str, count: int, place: int = 1, kind: int = LONG) -> NeedSchema:
    logged = tuple(Column(kind, 0, True) for _ in range(count))
    return NeedSchema("d", table, count, bytes([kind]) * count, FILE, place, logged)


def test_tables_come_from_the_server_at_first() -> None:
    life = Life(MemoryState()).begin(Tables(t="a b"))
    assert life.columns() == ["a", "b"]
    assert life.side.asked == 4, "two looks at the list and at the one table, none for the answer"


@pytest.mark.parametrize("is_slow", [False, True])
def test_many_tables_are_read_at_once_or_one_by_one_where_that_takes_too_long(is_slow: bool) -> None:
    side = Tables(**{f"t{i}": f"a{i} b{i}" for i in range(100)})
    side.is_slow = is_slow
    life = Life(MemoryState()).begin(side)
    assert life.columns("t77") == ["a77", "b77"]
    assert life.side.asked == (204 if is_slow else 4)


def test_answers_have_types_charsets_and_keys() -> None:
    life = Life(MemoryState()).begin()
    life.read(200, "CREATE TABLE t (a INT UNSIGNED, b VARCHAR(9) CHARSET latin1, PRIMARY KEY (B, a))")
    logged = (Column(LONG, 0, False), Column(VARCHAR, 9, True))
    asked = NeedSchema("d", "t", 2, b"\x03\x0f", FILE, 300, logged)
    assert run(life.history.columns(asked, life.side, LATEST, "8.0.36")) == [
        SchemaColumn("a", "int unsigned", None, 2),
        SchemaColumn("b", "varchar(9)", "latin1", 1),
    ]


def test_filtered_tables_are_not_asked_for() -> None:
    life = Life(MemoryState(), lambda database, table: table == "t").begin(Tables(t="a", other="x"))
    assert list(life.history.catalogue) == [("d", "t")]


def test_a_restart_sees_the_table_as_it_was_then() -> None:
    """Complaint 23: an ALTER while lagging must not shift the columns of rows before it."""
    state = MemoryState()
    life = Life(state).begin(Tables(t="a b"))
    first = Position(FILE, 150, UUID, schema=life.history.number)
    second = life.read(200, "ALTER TABLE t RENAME COLUMN a TO c, ADD d INT FIRST")
    third = life.read(300, "ALTER TABLE t DROP b")
    server_of_now = Tables(t="x y z")
    for position, columns in ((third, ["d", "c"]), (second, ["d", "c", "b"]), (first, ["a", "b"])):
        again = Life(state).begin(server_of_now, position)
        assert again.columns() == columns
    assert server_of_now.asked == 0


def test_what_lies_behind_the_position_is_made_again_from_the_stream() -> None:
    """A lagging dispatcher: reading begins at its cursor, and the others' positions stay good."""
    state = MemoryState()
    life = Life(state).begin(Tables(t="a"))
    behind = Position(FILE, 150, UUID, schema=life.history.number)
    ahead = life.read(200, "ALTER TABLE t ADD b INT")
    again = Life(state).begin(stored=behind)
    assert again.columns() == ["a"]
    assert again.read(200, "ALTER TABLE t ADD b INT") == ahead
    assert Life(state).begin(stored=ahead).columns() == ["a", "b"]


def test_an_entry_is_durable_before_its_position() -> None:
    state = MemoryState()
    life = Life(state).begin(Tables(t="a"))
    life.history.apply(Statement("d", "ALTER TABLE t ADD b INT", "table-alter", (), None, 1, 1, FILE, 200), "8.0.36")
    assert life.history.has_unsaved
    assert "schema/00000001" not in state.values
    run(life.history.save())
    assert "schema/00000001" in state.values
    assert not life.history.has_unsaved


def test_a_statement_of_an_open_transaction_is_not_before_its_boundary() -> None:
    """CREATE TABLE ... SELECT is followed by rows: the position is before it, whatever the number."""
    state = MemoryState()
    life = Life(state).begin(Tables(t="a"))
    number = life.read(200, "CREATE TABLE u (b INT) START TRANSACTION").schema
    again = Life(state).begin(stored=Position(FILE, 150, UUID, schema=number))
    assert again.history.catalogue.get("d", "u") is None


@pytest.mark.parametrize("folds", [False, True])
def test_compaction_keeps_what_positions_need(monkeypatch: pytest.MonkeyPatch, folds: bool) -> None:
    monkeypatch.setattr(module, "FOLD_ENTRIES", 10 if folds else 1_000)
    state = MemoryState()
    life = Life(state).begin(Tables(t="a"))
    positions = [life.read(200 + i, f"ALTER TABLE t ADD c{i} INT") for i in range(30)]
    for position in positions[:25]:
        run(life.history.fold(position))
    assert len(state.values) == (11 if folds else 31)
    for position, count in ((positions[29], 31), (positions[25], 27), (positions[24], 26)):
        assert len(Life(MemoryStateOf(state)).begin(stored=position).columns() or ()) == count


class MemoryStateOf(MemoryState):
    """A copy."""

    def __init__(self, other: MemoryState) -> None:
        super().__init__()
        self.values.update(other.values)


def test_a_position_before_the_base_begins_anew_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FOLD_ENTRIES", 1)
    state = MemoryState()
    life = Life(state).begin(Tables(t="a"))
    early = Position(FILE, 150, UUID, schema=0)
    run(life.history.fold(life.read(200, "ALTER TABLE t ADD b INT")))
    again = Life(state).begin(Tables(t="x"), early)
    with caplog.at_level(logging.WARNING):
        assert again.columns(count=1) == ["x"]
    assert "not known for sure" in caplog.text


@pytest.mark.parametrize("damage", [b"", b"\0", b"not zlib"])
def test_a_damaged_history_is_made_anew(damage: bytes) -> None:
    state = MemoryState()
    position = Life(state).begin(Tables(t="a")).read(200, "ALTER TABLE t ADD b INT")
    for name in (BASE, "schema/00000001"):
        broken = MemoryStateOf(state)
        broken.values[name] = damage
        assert Life(broken).begin(Tables(t="x y"), position).columns(count=2) == ["x", "y"]


def test_a_position_set_by_hand_knows_nothing_for_sure(caplog: pytest.LogCaptureFixture) -> None:
    state = MemoryState()
    Life(state).begin(Tables(t="a"))
    with caplog.at_level(logging.WARNING):
        life = Life(state).begin(Tables(t="x"), Position(FILE, 150, UUID))
        assert life.columns(count=1) == ["x"]
        assert life.columns(count=1) == ["x"]
    assert caplog.text.count("d.t") == 1, "one warning a table"


def test_where_nothing_is_sure_a_created_table_is(caplog: pytest.LogCaptureFixture) -> None:
    life = Life(MemoryState()).begin(Tables(t="x", end=1_000), config=EARLIEST, at=4)
    life.read(200, "CREATE TABLE t (a INT, b INT)")
    with caplog.at_level(logging.WARNING):
        assert life.columns() == ["a", "b"]
        life.read(300, "ALTER TABLE t DROP a")
        assert life.columns() == ["b"]
    assert not caplog.records


def test_a_statement_the_server_had_done_when_it_was_asked_is_not_done_twice() -> None:
    """From the beginning: the ALTER at 300 is in the columns that the server told at 1000."""
    life = Life(MemoryState()).begin(Tables(t="a b", end=1_000), config=EARLIEST, at=4)
    life.read(300, "ALTER TABLE t ADD b INT")
    assert life.columns(count=2) == ["a", "b"]
    life.side.tables["t"] = "a b c"
    life.read(2_000, "ALTER TABLE t ADD c INT")
    assert life.columns() == ["a", "b", "c"]


def test_a_table_that_changes_while_it_is_looked_at_is_not_sure() -> None:
    side = Tables(t="a", u="x")

    def alter() -> None:
        if side.asked == 4:  # the second look
            side.tables["t"] = "a b"

    side.on_ask = alter
    life = Life(MemoryState()).begin(side)
    known = {name: table.sure for name, table in life.history.catalogue.tables.items()}
    assert known == {("d", "t"): False, ("d", "u"): True}


# on_schema_mismatch


def unsure(policy: str, **tables: str) -> Life:
    config = configured(BinlogConfig, destination="d", start="earliest", on_schema_mismatch=policy)
    return Life(MemoryState()).begin(Tables(**tables), config=config)


def test_mismatch_stop_names_place_table_and_cure() -> None:
    with pytest.raises(SetupError, match=r"binlog\.000001:77: d\.t: its columns at this place are not known") as caught:
        unsure("stop", t="a").columns(place=77)
    assert "binlog_row_metadata = FULL" in caught.value.hint
    assert "on_schema_mismatch: refetch" in caught.value.hint


def test_mismatch_refetch_takes_what_fits_and_remembers_it(caplog: pytest.LogCaptureFixture) -> None:
    life = unsure("refetch", t="a b")
    with caplog.at_level(logging.WARNING):
        assert life.columns() == ["a", "b"]
        asked = life.side.asked
        life.read(5_000, "CREATE TABLE other (x INT)")
        assert life.columns() == ["a", "b"]
    assert life.side.asked == asked
    assert caplog.text.count("those that the server has now are taken") == 1


def test_mismatch_refetch_stops_where_the_server_does_not_fit() -> None:
    with pytest.raises(SetupError, match=r"d\.t was altered since this event: expected 3 columns, got 2 on the server"):
        unsure("refetch", t="a b").columns(count=3)


def test_mismatch_refetch_compares_types_too() -> None:
    life = unsure("refetch", t="a b")
    with pytest.raises(SetupError, match=r"column 1 \(a\): expected binlog type 8, got int on the server"):
        run(life.history.columns(need("t", 2, kind=LONGLONG), life.side, life.config, "8.0.36"))


def test_mismatch_refetch_of_a_table_that_is_gone() -> None:
    with pytest.raises(SetupError, match="the table is gone, or the account may not see it"):
        unsure("refetch").columns("gone", count=1)


def test_mismatch_drop_leaves_rows_out_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    life = unsure("drop", t="a")
    with caplog.at_level(logging.ERROR):
        assert life.columns() is None
        assert life.columns() is None
    assert caplog.text.count("its rows are dropped") == 1


@pytest.mark.parametrize("policy", ["stop", "refetch", "drop"])
def test_sure_tables_need_no_policy(policy: str) -> None:
    life = unsure(policy, t="x")
    life.read(9_000, "CREATE OR REPLACE TABLE t (a INT)")
    assert life.columns() == ["a"]


def test_an_unreadable_statement_leaves_only_its_table_unsure() -> None:
    life = Life(MemoryState()).begin(Tables(t="a", u="b"))
    life.read(500, "ALTER TABLE t ADD")
    assert not life.history.catalogue.tables["d", "t"].sure
    assert life.history.catalogue.tables["d", "u"].sure
    life.side.tables["t"] = "a z"
    assert life.columns(count=2) == ["a", "z"]


def test_a_refetched_table_is_known_after_a_restart() -> None:
    state = MemoryState()
    life = Life(state).begin(Tables(t="a", end=100))
    position = life.read(500, "ALTER TABLE t ADD")
    life.side.tables["t"], life.side.end = "a z", 500
    assert life.columns(count=2) == ["a", "z"]
    run(life.history.save())
    again = Life(state).begin(Tables(), position)
    assert again.columns() == ["a", "z"]
    assert again.side.asked == 0


def test_on_another_server_numbers_tell_what_lies_before() -> None:
    state = MemoryState()
    life = Life(state).begin(Tables(t="a"))
    first = life.read(5_000, "ALTER TABLE t ADD b INT")
    life.read(6_000, "ALTER TABLE t ADD c INT")
    moved = Position("other.000001", 4, OTHER.uuid, schema=first.schema)
    assert Life(state).begin(stored=moved, server=OTHER).columns() == ["a", "b"]


def test_full_metadata_keeps_no_history_unless_definitions_are_asked_for() -> None:
    full = Server("db:3306", {**SERVER.variables, "binlog_row_metadata": "FULL"})
    state = MemoryState()
    life = Life(state).begin(Tables(t="a"), server=full)
    assert (life.history.number, life.side.asked, state.values) == (None, 0, {})
    with_ddl = configured(BinlogConfig, destination="d", start="latest", ddl=True)
    assert Life(state).begin(Tables(t="a"), server=full, config=with_ddl).history.number == 0


def test_ten_thousand_tables_and_many_definitions_stay_small() -> None:
    state = MemoryState()
    life = Life(state)
    side = Tables(**{f"t{i}": " ".join(f"column_{c}" for c in range(20)) for i in range(10_000)})
    life.begin(side)
    position = None
    for i in range(2_000):
        position = life.read(1_000 + i, f"ALTER TABLE t{i % 100} ADD extra_{i} DECIMAL(10,2) AFTER column_3")
        if i % 50 == 0:
            run(life.history.fold(position))
    size = sum(map(len, state.values.values()))
    assert size < 3_000_000
    assert len(state.values) < 600
    opened = time.perf_counter()
    again = Life(state).begin(stored=position)
    assert len(again.history.catalogue.tables) == 10_000
    now = time.perf_counter()
    assert now - opened < 5


def test_a_dispatcher_that_was_ahead_finds_its_tables_when_the_one_behind_is_removed() -> None:
    """One start for the one behind, and before it has caught up another one without it."""
    state = MemoryState()
    life = Life(state).begin(Tables(t="a b"))
    behind = Position(FILE, 150, UUID, schema=life.history.number)
    ahead = life.read(200, "ALTER TABLE t RENAME COLUMN a TO c, RENAME COLUMN b TO a")
    again = Life(state).begin(stored=behind)
    assert again.columns() == ["a", "b"]
    assert Life(state).begin(stored=ahead).columns() == ["c", "a"]


def test_what_another_server_had_behind_the_position_is_forgotten() -> None:
    state = MemoryState()
    life = Life(state).begin(Tables(t="a"))
    behind = Position(FILE, 150, UUID, "x:1", life.history.number)
    life.read(200, "ALTER TABLE t ADD b INT")
    Life(state).begin(stored=behind, server=OTHER)
    assert [name for name in state.values if name != BASE] == []
