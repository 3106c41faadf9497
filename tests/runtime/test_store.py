from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.runtime.sample import sink, source
from wlf.errors import SetupError, StateError
from wlf.runtime.positions import Positions
from wlf.runtime.runner import Runner
from wlf.runtime.store import Changes, Key, SqliteStore, read_cursors
from wlf.runtime.tracker import Cursor
from wlf.testing import Record, ScriptedCollector, build_plan, lines, run_with_fake_time

KEY = Key("c", "d", "p")


def test_cursors_and_lanes_survive_the_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, "x")
    store.save(Changes({KEY: Cursor(b"\x00\xff", 7), Key("c", "d", "q"): Cursor(None, 8)}, [("c", "d"), ("c", "new")]))
    store.close()
    again = SqliteStore(tmp_path, "x")
    assert again.load() == {("c", "d"): {"p": Cursor(b"\x00\xff", 7), "q": Cursor(None, 8)}, ("c", "new"): {}}
    again.save(Changes({KEY: None}))
    assert again.load()["c", "d"] == {"q": Cursor(None, 8)}
    again.save(Changes({}, forgotten=["c"]))
    assert again.load() == {}
    again.close()
    again.close()


def test_a_failed_checkpoint_writes_nothing_of_itself(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, "x")
    with pytest.raises(StateError):
        store.save(Changes({KEY: Cursor(b"1", 1), Key("c", "d", "q"): Cursor(b"1", None)}))  # type: ignore[arg-type]
    assert store.load() == {}
    store.save(Changes({KEY: Cursor(b"1", 1)}))
    assert store.load()["c", "d"] == {"p": Cursor(b"1", 1)}
    store.close()


def test_each_checkpoint_is_synced_to_the_disk(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, "x")
    assert store._database.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert store._database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    store.close()


def test_a_full_disk_is_told_and_what_was_stored_stays(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, "x")
    store.save(Changes({KEY: Cursor(b"1", 1)}))
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateError, match="full\n  hint: make room") as caught:
        store.save(Changes({KEY: Cursor(b"x" * 100_000, 2)}))
    assert str(caught.value).startswith(str(tmp_path / "x.db"))
    assert store.load()["c", "d"]["p"] == Cursor(b"1", 1)
    store.close()


def test_one_name_is_for_one_wlf_and_other_names_are_free(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path, "x")
    with pytest.raises(StateError, match=f"another wlf runs this pipeline, pid {os.getpid()}"):
        SqliteStore(tmp_path, "x")
    SqliteStore(tmp_path, "y").close()
    first.close()
    SqliteStore(tmp_path, "x").close()


@pytest.mark.parametrize("content", [b"this is no database, but it is longer than a header " * 10, b"\x00" * 4096])
def test_a_corrupt_file_is_named_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.db").write_bytes(content)
    with pytest.raises(StateError, match=r"x\.db: .*\n  hint: move x\.db away"):
        SqliteStore(tmp_path, "x")
    # The lock is free again.
    (tmp_path / "x.db").unlink()
    SqliteStore(tmp_path, "x").close()


def test_a_newer_state_is_refused(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "x.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StateError, match="expected version 1 of the state, got 99"):
        SqliteStore(tmp_path, "x")


def test_cursors_can_be_read_while_a_wlf_runs(tmp_path: Path) -> None:
    assert read_cursors(tmp_path, "x") == {}
    store = SqliteStore(tmp_path, "x")
    store.save(Changes({KEY: Cursor(b"1", 1)}))
    assert read_cursors(tmp_path, "x") == {("c", "d"): {"p": Cursor(b"1", 1)}}
    store.close()


class SettableCollector(ScriptedCollector):
    def parse_position(self, text: str) -> dict[str, bytes]:
        return {"script": b"%012d" % int(text)}


def test_positions_are_shown_set_and_reset(tmp_path: Path) -> None:
    record = Record()
    _, config = source([lines("a"), lines("b"), lines("c")])
    plan = build_plan((SettableCollector, config), sink(record))

    def run() -> None:
        report = run_with_fake_time(Runner(plan, tmp_path, until_end=True).run())
        assert report.exit_code == 0

    positions = Positions(plan, tmp_path)
    assert positions.show(None) == [f"no cursor is stored in {tmp_path}"]
    run()
    assert positions.show(None) == ["source sink script: 000000000003"]
    assert positions.set(None, "1") == ["source script: 000000000001"]
    assert positions.show("source") == ["source sink script: 000000000001"]
    run()
    assert record.messages == ["a", "b", "c", "b", "c"]
    positions.reset("source")
    run()
    assert record.messages[5:] == ["a", "b", "c"]
    with pytest.raises(SetupError, match="expected one of source, got other"):
        positions.show("other")


def test_positions_of_a_running_pipeline_are_left_alone(tmp_path: Path) -> None:
    plan = build_plan(source([]), sink(Record()))
    running = SqliteStore(tmp_path, "test")
    with pytest.raises(StateError, match="another wlf runs this pipeline"):
        Positions(plan, tmp_path).reset(None)
    running.close()


def test_partitions_that_a_new_position_forgets_are_named(tmp_path: Path) -> None:
    """Such as a copy of a table that is not complete: whoever sets a position must know that it goes no further."""
    _, config = source([lines("a")])
    plan = build_plan((SettableCollector, config), sink(Record()))
    store = SqliteStore(tmp_path, plan.options.name)
    store.save(
        Changes({Key("source", "sink", "script"): Cursor(b"1", 1), Key("source", "sink", "copy"): Cursor(b"1", 2)})
    )
    store.close()
    assert Positions(plan, tmp_path).set(None, "1") == ["source script: 000000000001", "source copy: forgotten"]
