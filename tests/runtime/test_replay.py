"""Dead letters come back to the node that refused them, through the runtime, and once for each contents of a file."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.components.rows import configured, insert
from tests.runtime.sample import copies, sink, source
from wlf.components.config import BatchConfig
from wlf.components.transformers.aggregator import Aggregator, AggregatorConfig
from wlf.errors import Retryable, StateError, WlfError
from wlf.events import DeadLetter, Event, LogLine
from wlf.events.codec import encode_json
from wlf.graph.plan import Plan
from wlf.runtime.dead_letters import read_letters
from wlf.runtime.replay import outline, refused_again, replay, replay_plan, summary
from wlf.runtime.report import RunReport
from wlf.runtime.store import SqliteStore
from wlf.testing import CallConfig, CallTransformer, Partial, Record, RecordingDispatcher, build_plan, lines


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="wlf")


def write(file: Path, *letters: tuple[str, Event]) -> Path:
    made = [DeadLetter(node, "refused", 1, 1.5, event) for node, event in letters]
    file.write_bytes(b"".join(line + b"\n" for line in encode_json(made)))
    return file


def of(node: str, *messages: str) -> list[tuple[str, Event]]:
    return [(node, line) for line in lines(*messages)]


def run(plan: Plan, file: Path, state_dir: Path, **options: Any) -> RunReport:
    return replay(plan, read_letters(file), state_dir, **options)


def upper(destination: str = "sink", id: str = "upper", **options: Any) -> Any:
    def call(events: Any) -> list[Event]:
        if any(event.message == "bad" for event in events):
            raise ValueError("bad")
        return lines(*(event.message.upper() for event in events))

    return CallTransformer, CallConfig(id=id, destination=destination, call=call, **options)


def test_what_a_dispatcher_refused_goes_straight_to_it(tmp_path: Path) -> None:
    first, second = Record(), Record()
    plan = build_plan(
        source([lines("never")], "upper"), upper("copies"), copies("a", "b"), sink(first, "a"), sink(second, "b")
    )
    report = run(plan, write(tmp_path / "dead", *of("a", "x", "y"), ("a", insert(id=1))), tmp_path / "state")
    assert report.exit_code == 0
    assert [type(event).__name__ for event in first.events] == ["LogLine", "LogLine", "RowInsert"]
    assert second.events == []
    assert first.durable == 3


def test_what_a_transformer_or_router_refused_passes_it_and_all_behind(tmp_path: Path) -> None:
    first, second = Record(), Record()
    plan = build_plan(
        source([lines("never")], "upper"), upper("copies"), copies("a", "b"), sink(first, "a"), sink(second, "b")
    )
    letters = [*of("upper", "x"), *of("copies", "y"), *of("b", "z"), *of("upper", "w")]
    assert run(plan, write(tmp_path / "dead", *letters), tmp_path / "state").exit_code == 0
    assert sorted(first.messages) == ["W", "X", "y"]
    assert sorted(second.messages) == ["W", "X", "y", "z"]


def test_what_an_aggregator_refused_is_gathered_again(tmp_path: Path) -> None:
    record = Record()
    merge = [{"field": "/message", "strategy": "list"}]
    config = configured(AggregatorConfig, id="groups", destination="sink", merge=merge, max_events=2)
    plan = build_plan(source([], "groups"), (Aggregator, config), sink(record))
    assert run(plan, write(tmp_path / "dead", *of("groups", *"abc")), tmp_path / "state").exit_code == 0
    assert [event.fields["message"] for event in record.events] == [["a", "b"], ["c"]]  # type: ignore[attr-defined]


def test_what_is_refused_again_goes_to_the_dead_letters_again(tmp_path: Path) -> None:
    record, dead = Record([Partial(rejected={0: "no"})]), Record()
    plan = build_plan(
        source([], "upper"), upper(dead_letter="dead"), sink(record, dead_letter="dead"), sink(dead, "dead")
    )
    letters = [*of("upper", "bad", "x"), *of("sink", "y", "z")]
    file = write(tmp_path / "dead", *letters)
    report = run(plan, file, tmp_path / "state")
    assert report.exit_code == 0
    assert "bad" in dead.messages
    assert len(dead.messages) == 2
    assert sorted([*record.messages, *dead.messages]) == ["X", "bad", "y", "z"]
    assert {event.node for event in dead.events if isinstance(event, DeadLetter)} == {"upper", "sink"}
    assert refused_again(report) == 2
    assert summary(read_letters(file), report) == f"{file}: 4 of 4 dead letters replayed, 2 refused again"


def test_a_file_is_replayed_once_under_whatever_name_unless_again(tmp_path: Path) -> None:
    record = Record()
    plan = build_plan(source([], "sink"), sink(record))
    file = write(tmp_path / "dead", *of("sink", "x", "y"))
    assert run(plan, file, tmp_path / "state").exit_code == 0
    file = file.rename(tmp_path / "moved")
    report = run(plan, file, tmp_path / "state")
    assert record.messages == ["x", "y"]
    wanted = f"{file}: 0 of 2 dead letters replayed, 2 were before (--again begins anew), 0 refused again"
    assert summary(read_letters(file), report) == wanted
    other = write(tmp_path / "other", *of("sink", "z"))
    run(plan, other, tmp_path / "state")
    run(plan, file, tmp_path / "state", again=True)
    run(plan, other, tmp_path / "state")
    assert record.messages == ["x", "y", "z", "x", "y"]


def test_an_interrupted_replay_goes_on_behind_what_was_delivered(tmp_path: Path) -> None:
    messages = [f"m{n:04}" for n in range(2500)]
    file = write(tmp_path / "dead", *of("sink", *messages))
    failing = Record([None, Partial(rejected={0: "no"})])
    report = run(build_plan(source([], "sink"), sink(failing)), file, tmp_path / "state")
    assert report.exit_code == 1
    assert "refused" in report.problems[0]
    assert 0 < len(failing.messages) < len(messages)
    rest = Record([Retryable("down"), None])
    assert run(build_plan(source([], "sink"), sink(rest)), file, tmp_path / "state").exit_code == 0
    assert 0 < len(rest.messages) < len(messages)
    assert rest.messages == messages[-len(rest.messages) :]
    assert {*failing.messages, *rest.messages} == set(messages)


class Stopping(RecordingDispatcher):
    """Tells wlf to stop with the first event that it gets."""

    type_name = "Stopping"

    async def dispatch(self, batch: Any) -> Any:
        if not self.config.record.batches:
            os.kill(os.getpid(), signal.SIGTERM)
        return await super().dispatch(batch)


def test_a_replay_that_is_stopped_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    messages = [f"m{n:05}" for n in range(10_000)]
    file = write(tmp_path / "dead", *of("sink", *messages))
    record = Record()
    few = BatchConfig(max_events=10, max_delay_ms=0)
    plan = build_plan(source([], "sink"), (Stopping, sink(record, batch=few)[1]))
    report = run(plan, file, tmp_path / "state")
    assert report.exit_code == 1
    assert report.problems == (f"{file}: stopped before the end, the same command goes on",)
    assert "were before" not in summary(read_letters(file), report)
    assert 0 < len(record.messages) < len(messages)
    assert run(plan, file, tmp_path / "state").exit_code == 0
    assert record.messages == messages


def test_only_the_chosen_nodes_are_replayed(tmp_path: Path) -> None:
    a, b = Record(), Record()
    plan = build_plan(source([], "copies"), copies("a", "b"), sink(a, "a"), sink(b, "b"))
    file = write(tmp_path / "dead", *of("a", "x"), *of("b", "y"), *of("gone", "z"))
    replay(plan, read_letters(file, ["b"]), tmp_path / "state")
    assert (a.messages, b.messages) == ([], ["y"])


def test_the_outline_says_what_would_go_where(tmp_path: Path) -> None:
    plan = build_plan(source([], "upper"), upper("copies"), copies("a", "b"), sink(Record(), "a"), sink(Record(), "b"))
    file = write(tmp_path / "dead", *of("a", "x"), ("a", insert(id=1)), *of("upper", "y", "z"))
    assert outline(plan, read_letters(file)) == ["a: 1 log, 1 insert -> Recording", "upper: 2 log -> Call, on to a, b"]


def test_the_collectors_of_the_pipeline_are_left_out(tmp_path: Path) -> None:
    plan = build_plan(source([lines("never")], "upper"), upper(), sink(Record()), http="127.0.0.1:1")
    part = replay_plan(plan, read_letters(write(tmp_path / "dead", *of("sink", "x"))))
    assert [(node.id, node.kind) for node in part.nodes] == [("replay:sink", "collector"), ("sink", "dispatcher")]
    assert (part.options.name, part.options.http) == ("test.replay", None)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"no json\n", ":2: expected a JSON object"),
        (encode_json(lines("a"))[0] + b"\n", ":2: expected a dead letter, got a LogLine"),
        (
            b'{"node":"sink","error":"e","attempts":1,"ts":1,"event":{"type":"x"},"type":"dead-letter"}\n',
            ":2: expected a",
        ),
        (b'{"node":"sink","error":"e","attempts":1', ":2: expected a JSON object"),
        (encode_json([DeadLetter("gone", "e", 1, 1.0, LogLine("s", 1.0, "m"))])[0], ":2: expected a node of the pipe"),
        (
            encode_json([DeadLetter("source", "e", 1, 1.0, LogLine("s", 1.0, "m"))])[0],
            ":2: expected a node of the pipe",
        ),
    ],
    ids=["no JSON", "no dead letter", "unknown type", "torn", "unknown node", "collector"],
)
def test_a_wrong_line_is_named_before_anything_is_sent(tmp_path: Path, text: bytes, wanted: str) -> None:
    record = Record()
    file = write(tmp_path / "dead", *of("sink", "x"))
    file.write_bytes(file.read_bytes() + text)
    with pytest.raises(WlfError) as caught:
        run(build_plan(source([], "sink"), sink(record)), file, tmp_path / "state")
    assert str(caught.value).startswith(f"{file}{wanted}")
    assert record.batches == []


def test_a_file_that_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(WlfError, match=r"none: no such file or directory$"):
        read_letters(tmp_path / "none")


def test_a_file_that_changes_meanwhile_ends_the_run(tmp_path: Path) -> None:
    record = Record()
    file = write(tmp_path / "dead", *of("sink", "x", "y"))
    letters = read_letters(file)
    file.write_bytes(file.read_bytes()[:-20])
    report = replay(build_plan(source([], "sink"), sink(record)), letters, tmp_path / "state")
    assert report.exit_code == 1
    assert "changed while it was replayed" in report.problems[0]


class OneWriter(RecordingDispatcher):
    """Writes to `dead`, and nobody else may."""

    type_name = "OneWriter"

    @classmethod
    def sole_writer_of(cls, config: Any) -> str:
        return str(config.on_missing)


def test_the_file_that_a_node_of_the_replay_writes_to_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "dead", *of("sink", "x"))
    dead = (OneWriter, sink(Record(), "dead", on_missing=str(file))[1])
    plan = build_plan(source([], "sink"), sink(Record(), dead_letter="dead"), dead)
    with pytest.raises(WlfError, match="dead writes to this file"):
        run(plan, file, tmp_path / "state")


def test_a_sink_with_one_writer_is_not_replayed_to_while_the_pipeline_runs(tmp_path: Path) -> None:
    file = write(tmp_path / "letters", *of("sink", "x"))
    record = Record()
    plan = build_plan(source([], "sink"), (OneWriter, sink(record, on_missing="out")[1]))
    running = SqliteStore(tmp_path / "state", "test")
    try:
        with pytest.raises(StateError, match="another wlf runs this pipeline"):
            run(plan, file, tmp_path / "state")
    finally:
        running.close()
    assert run(plan, file, tmp_path / "state").exit_code == 0
    assert record.messages == ["x"]
