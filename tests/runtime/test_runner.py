from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from tests.runtime.sample import copies, sink, source
from wlf.components.base import Partial
from wlf.components.config import BatchConfig, RetryConfig
from wlf.errors import Retryable, SetupError, TransformFailed
from wlf.events import DeadLetter, LogLine, RowInsert, SchemaChange
from wlf.events.codec import FORMATS, encode_json
from wlf.runtime.runner import Runner
from wlf.testing import (
    CRASH,
    EOF,
    PAUSE,
    STUCK,
    CallConfig,
    CallTransformer,
    Crashed,
    FakeTimeLoop,
    MemoryStore,
    Part,
    Record,
    RecordingDispatcher,
    ScriptedCollector,
    build_plan,
    lines,
    refuse_first,
    run_graph,
    run_with_fake_time,
)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="wlf")


def position(store: MemoryStore, dispatcher: str = "sink") -> int:
    return int(store.lanes["source", dispatcher]["script"].position or b"-1")


def test_everything_arrives_in_order_and_its_end_is_stored() -> None:
    record, store = Record(), MemoryStore()
    report = run_graph(source([lines("a", "b"), PAUSE, lines("c")]), sink(record), store=store)
    assert report.exit_code == 0
    assert record.messages == ["a", "b", "c"]
    assert record.durable == 3
    assert position(store) == 3
    assert report.counts["source"]["in"] == report.counts["sink"]["out"] == 3


def test_a_second_run_reads_nothing_again() -> None:
    record, store = Record(), MemoryStore()
    for _ in range(2):
        assert run_graph(source([lines("a", "b")]), sink(record), store=store).exit_code == 0
    assert record.messages == ["a", "b"]


def test_all_dispatchers_share_the_tuple_and_one_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setitem(FORMATS, "json", lambda events: calls.append(len(events)) or encode_json(events))
    records = {id: Record() for id in "abc"}
    run_graph(source([lines("x", "y")], "copies"), copies(*"abc"), *(sink(r, id) for id, r in records.items()))
    batches = [record.batches[0] for record in records.values()]
    assert batches[0].events is batches[1].events is batches[2].events
    assert batches[0].payloads() is batches[1].payloads() is batches[2].payloads()
    assert calls == [2]


def test_a_retry_ends_before_the_next_batch_begins() -> None:
    record = Record(refuse_first(3))
    run_graph(source([lines("a"), PAUSE, lines("b")]), sink(record))
    assert record.messages == ["a", "b"]
    assert len(record.batches) == 5


def test_only_what_was_not_delivered_is_tried_again() -> None:
    record = Record([Partial({1: "later", 3: "later"})])
    run_graph(source([lines(*"abcd")]), sink(record))
    assert record.messages == ["a", "c", "b", "d"]
    assert [len(batch) for batch in record.batches] == [4, 2]


def test_a_delivery_that_hangs_is_cut_and_tried_again() -> None:
    record = Record([STUCK])
    assert run_graph(source([lines("a")]), sink(record, timeout_ms=500)).exit_code == 0
    assert record.messages == ["a"]


def test_a_refused_event_stops_the_run_after_the_others_are_drained() -> None:
    bad, good, store = Record([Partial(rejected={1: "too large"})]), Record(), MemoryStore()
    script = [lines("a", "b", "c"), PAUSE, *(lines(str(n)) for n in range(5))]
    report = run_graph(
        source(script, "copies"), copies("bad", "good"), sink(bad, "bad"), sink(good, "good"), store=store
    )
    assert report.exit_code == 1
    assert report.problems[0].startswith("bad: refused a log line of test, timestamp 0.0: too large")
    assert bad.messages == ["a", "c"]
    assert position(store, "bad") == 0
    assert position(store, "good") >= 1
    assert good.messages == ["a", "b", "c", *(str(n) for n in range(max(0, position(store, "good") - 2)))]


def test_the_stopped_run_goes_on_behind_the_last_good_place_and_replays_nobody_else() -> None:
    bad, good, store = Record([Partial(rejected={1: "no"})]), Record(), MemoryStore()

    def run() -> int:
        return run_graph(
            source([lines("a", "b"), PAUSE, lines("c")], "copies"),
            copies("bad", "good"),
            sink(bad, "bad"),
            sink(good, "good"),
            store=store,
        ).exit_code

    assert [run(), run()] == [1, 0]
    assert good.messages == ["a", "b", "c"]
    assert bad.messages == ["a", "a", "b", "c"]


def test_drop_counts_what_it_drops_and_goes_on() -> None:
    record, store = Record([Partial(rejected={0: "no"})]), MemoryStore()
    report = run_graph(source([lines("a", "b")]), sink(record, on_error="drop"), store=store)
    assert report.exit_code == 0
    assert report.counts["sink"]["dropped"] == 1
    assert record.messages == ["b"]
    assert position(store) == 1


def test_after_max_attempts_on_error_decides() -> None:
    record = Record(refuse_first(5, "down"))
    retry = RetryConfig(max_attempts=3)
    report = run_graph(source([lines("a")]), sink(record, retry=retry))
    assert report.exit_code == 1
    assert "down" in report.problems[0]
    assert len(record.batches) == 3


def test_dead_letters_tell_all_and_settle_the_event_when_they_have_arrived() -> None:
    record, dead, store = Record([Partial(rejected={1: "too large"})]), Record(refuse_first(2)), MemoryStore()
    report = run_graph(
        source([lines("a", "b", "c"), lines("d")]), sink(record, dead_letter="dead"), sink(dead, "dead"), store=store
    )
    assert report.exit_code == 0
    assert record.messages == ["a", "c", "d"]
    letter = dead.events[0]
    assert isinstance(letter, DeadLetter)
    assert (letter.node, letter.error, letter.attempts) == ("sink", "too large", 1)
    assert dead.messages == ["b"]
    assert position(store) == 2


def test_a_cursor_waits_for_its_dead_letters() -> None:
    record, dead, store = Record([Partial(rejected={0: "no"})]), Record([Partial(rejected={0: "no"})]), MemoryStore()
    report = run_graph(
        source([lines("a"), PAUSE, lines("b")]), sink(record, dead_letter="dead"), sink(dead, "dead"), store=store
    )
    assert report.exit_code == 1
    assert position(store) == 0


def test_a_poison_event_in_a_transformer_goes_to_the_dead_letters_and_holds_the_cursor() -> None:
    def poison(events: Any) -> Any:
        if any(e.message == "b" for e in events):
            raise ValueError("b")
        return events

    record, dead, store = Record(), Record(refuse_first(1)), MemoryStore()
    report = run_graph(
        source([lines(*"abc")], "t"),
        (CallTransformer, CallConfig(id="t", destination="sink", call=poison, dead_letter="dead")),
        sink(record),
        sink(dead, "dead"),
        store=store,
    )
    assert report.exit_code == 0
    assert (record.messages, dead.messages) == (["a", "c"], ["b"])
    assert position(store) == 1


@pytest.mark.parametrize(
    ("on_error", "left", "buried", "code"),
    [("pass", "AbCd", "", 0), ("drop", "AC", "", 0), ("dead_letter", "AC", "bd", 0), ("stop", "", "", 1)],
)
def test_events_that_a_transformer_cannot_take_are_settled_by_its_rule(
    on_error: str, left: str, buried: str, code: int
) -> None:
    def upper(events: Any) -> Any:
        made = [e if e.message in "bd" else lines(e.message.upper())[0] for e in events]
        reasons = {n: "not b, not d" for n, e in enumerate(events) if e.message in "bd"}
        if reasons:
            raise TransformFailed(made, reasons)
        return made

    record, dead, store = Record(), Record(), MemoryStore()
    dead_letter = "dead" if on_error == "dead_letter" else None
    report = run_graph(
        source([lines(*"abcd"), lines("x")], "t"),
        (
            CallTransformer,
            CallConfig(id="t", destination="sink", call=upper, on_error=on_error, dead_letter=dead_letter),
        ),
        sink(record, dead_letter="dead"),
        sink(dead, "dead"),
        store=store,
    )
    assert report.exit_code == code
    assert record.messages == [*left, "X"][: None if code == 0 else 0]
    assert dead.messages == [*buried]
    assert position(store) == (2 if code == 0 else 0)


class Encoding(RecordingDispatcher):
    """As a real one: asks for the payloads first."""

    async def dispatch(self, batch: Any) -> Any:
        batch.payloads()
        return await super().dispatch(batch)


def test_an_event_that_cannot_be_encoded_is_refused_alone() -> None:
    record = Record()
    poison = LogLine("test", 0.0, "p", attributes={"bad": object()})
    _, config = sink(record, on_error="drop")
    report = run_graph(source([[*lines("a"), poison, *lines("b")]]), (Encoding, config))
    assert report.exit_code == 0
    assert record.messages == ["a", "b"]
    assert report.counts["sink"]["dropped"] == 1


def test_a_lost_source_is_opened_again_where_it_was_read_without_replay() -> None:
    record = Record()
    report = run_graph(source([lines("a"), Retryable("gone"), OSError("gone"), lines("b")]), sink(record))
    assert report.exit_code == 0
    assert record.messages == ["a", "b"]


def test_a_source_lost_in_mid_transaction_repeats_that_transaction_only() -> None:
    record = Record()
    run_graph(source([lines("a"), Part(lines("b1")), Retryable("gone"), lines("b2")]), sink(record))
    assert record.messages == ["a", "b1", "b1", "b2"]


def test_a_wrong_password_ends_the_run_and_a_refused_connection_does_not() -> None:
    class Locked(RecordingDispatcher):
        errors: list[Exception] = []

        async def open(self) -> None:
            if self.errors:
                raise self.errors.pop(0)

    record = Record()
    _, config = sink(record)
    Locked.errors = [Retryable("refused"), Retryable("refused")]
    assert run_graph(source([lines("a")]), (Locked, config)).exit_code == 0
    Locked.errors = [SetupError("wrong password", hint="check user and password")]
    report = run_graph(source([lines("a")]), (Locked, config))
    assert report.exit_code == 1
    assert report.problems[0] == "sink: wrong password\n  hint: check user and password"


def test_a_dead_sink_stops_the_collector_and_the_others_are_not_replayed() -> None:
    dead, good, store = Record([STUCK] * 100), Record(), MemoryStore()
    script = [lines(*(f"{n}.{i}" for i in range(50))) for n in range(200)]

    def nodes(timeout_ms: int) -> list[Any]:
        return [
            source(script, "copies"),
            copies("dead", "good"),
            sink(dead, "dead", timeout_ms=timeout_ms, batch=BatchConfig(max_events=100)),
            sink(good, "good"),
        ]

    async def stopped_after_a_minute() -> Any:
        plan = build_plan(*nodes(3_600_000), memory_limit_bytes=200_000)
        runner = Runner(plan, "unused", store=store, random=lambda: 0.5, clock=loop.clock)
        running = asyncio.create_task(runner.run())
        await asyncio.sleep(60)
        held = sum(each.mailbox.weight_bytes for each in runner._dispatching.values())
        runner.stop()
        return await running, held

    loop = FakeTimeLoop()
    report, held = run_with_fake_time(stopped_after_a_minute(), loop=loop)
    assert report.exit_code == 1
    assert held <= 200_000
    assert 0 < len(good.events) < 2_000
    assert any(problem.startswith("dead: ") for problem in report.problems)
    dead.script = []
    assert run_graph(*nodes(1000), store=store).exit_code == 0
    everything = [event.message for batch in script for event in batch]
    assert good.messages == everything
    assert dead.messages == everything


def test_a_stop_drains_what_is_under_way() -> None:
    record, store = Record(refuse_first(3)), MemoryStore()
    script = [lines("a", "b"), *([PAUSE] * 10_000)]

    async def work() -> Any:
        runner = Runner(build_plan(source(script), sink(record)), "unused", store=store, clock=loop.clock)
        running = asyncio.create_task(runner.run())
        await asyncio.sleep(0.02)
        runner.stop()
        return await running

    loop = FakeTimeLoop()
    report = run_with_fake_time(work(), loop=loop)
    assert (report.exit_code, report.problems) == (0, ())
    assert record.messages == ["a", "b"]
    assert position(store) >= 1


def test_a_hung_dispatcher_does_not_keep_the_others_from_storing_their_cursors() -> None:
    hung, good, store = Record([STUCK]), Record(), MemoryStore()

    async def work() -> int:
        plan = build_plan(
            source([lines("a"), *([PAUSE] * 10_000)], "copies"),
            copies("hung", "good"),
            sink(hung, "hung"),
            sink(good, "good"),
        )
        runner = Runner(plan, "unused", store=store, clock=loop.clock)
        running = asyncio.create_task(runner.run())
        await asyncio.sleep(3)
        stored = position(store, "good")
        runner.stop()
        await running
        return stored

    loop = FakeTimeLoop()
    assert run_with_fake_time(work(), loop=loop) > 0
    assert position(store, "hung") == 0


def test_a_dispatcher_that_does_not_answer_is_not_ready_long_before_its_timeout() -> None:
    async def work() -> list[dict[str, str]]:
        script = [lines("a"), *([PAUSE] * 10_000)]
        runner = Runner(
            build_plan(source(script), sink(Record([STUCK]))), "unused", store=MemoryStore(), clock=loop.clock
        )
        running = asyncio.create_task(runner.run())
        seen = [dict(runner.troubles())]
        for seconds in (3, 4):
            await asyncio.sleep(seconds)
            seen.append(dict(runner.troubles()))
        runner.stop()
        await running
        return seen

    loop = FakeTimeLoop()
    starting, early, late = run_with_fake_time(work(), loop=loop)
    assert starting == {"wlf": "starting"}
    assert early == {}
    assert late == {"sink": "no answer for 7 s"}


def test_a_failed_flush_holds_the_cursor_back() -> None:
    class Failing(RecordingDispatcher):
        failures = 2

        async def flush(self) -> None:
            if Failing.failures:
                Failing.failures -= 1
                raise Retryable("disk says no")
            await super().flush()

    record, store = Record(), MemoryStore()
    _, config = sink(record)
    assert run_graph(source([lines("a")]), (Failing, config), store=store).exit_code == 0
    assert position(store) == 1
    assert record.durable == 1
    Failing.failures = 10_000
    report = run_graph(source([lines("a"), lines("b")]), (Failing, config), store=store)
    assert report.exit_code == 1
    assert position(store) == 1


def test_a_crash_in_the_script_loses_nothing() -> None:
    record, store = Record(), MemoryStore()
    script = [lines("a"), CRASH, lines("b"), EOF]
    with pytest.raises(Crashed):
        run_graph(source(script), sink(record), store=store)
    assert run_graph(source(script), sink(record), store=store).exit_code == 0
    assert list(dict.fromkeys(record.messages)) == ["a", "b"]


def test_a_new_dispatcher_begins_where_the_others_are() -> None:
    old, new, store = Record(), Record(), MemoryStore()
    script: list[Any] = [lines("a")]
    run_graph(source(script, "copies"), copies("old"), sink(old, "old"), store=store)
    script.append(lines("b"))
    run_graph(source(script, "copies"), copies("old", "new"), sink(old, "old"), sink(new, "new"), store=store)
    assert (old.messages, new.messages) == (["a", "b"], ["b"])


def test_an_index_that_does_not_exist_is_the_components_fault() -> None:
    class Wrong(RecordingDispatcher):
        async def dispatch(self, batch: Any) -> Partial:
            return Partial(retry={7: "x"})

    _, config = sink(Record())
    report = run_graph(source([lines("a")]), (Wrong, config))
    assert report.exit_code == 1
    assert "expected indices from 0 to 0" in report.problems[0]


def test_an_unexpected_exception_is_told_without_its_text() -> None:
    class Broken(RecordingDispatcher):
        async def dispatch(self, batch: Any) -> Partial:
            raise KeyError("payload secret")

    _, config = sink(Record())
    report = run_graph(source([lines("a")]), (Broken, config))
    assert report.exit_code == 1
    assert report.problems[0].startswith("sink: unexpected KeyError at ")
    assert "secret" not in report.problems[0]


def test_lists_over_2000_events_go_in_slices() -> None:
    record = Record()
    run_graph(
        source([lines(*map(str, range(4500)))]), sink(record, batch=BatchConfig(max_events=10_000, max_delay_ms=0))
    )
    assert record.messages == [str(n) for n in range(4500)]
    assert max(len(batch) for batch in record.batches) <= 4500


def test_the_collector_is_told_what_all_dispatchers_have_stored() -> None:
    store = MemoryStore()
    record = Record()
    plan = build_plan(source([lines("a"), lines("b")]), sink(record))

    async def work() -> list[int]:
        runner = Runner(plan, "unused", store=store, until_end=True, clock=loop.clock)
        await runner.run()
        committed: list[int] = runner._components["source"].committed  # type: ignore[attr-defined]
        return committed

    loop = FakeTimeLoop()
    assert run_with_fake_time(work(), loop=loop)[-1] == 2


def test_what_is_handed_over_during_a_flush_waits_for_the_next_flush() -> None:
    class SlowToFlush(RecordingDispatcher):
        async def flush(self) -> None:
            record: Record = self.config.record
            count = len(record.events)
            await asyncio.sleep(0.2)
            record.durable = count

    record, store = Record(), MemoryStore()
    _, config = sink(record)
    report = run_graph(
        source([lines("a"), PAUSE, lines("b"), PAUSE]), (SlowToFlush, config), store=store, checkpoint_interval_ms=10
    )
    assert report.exit_code == 0
    assert record.durable == 2
    assert position(store) == 4


@pytest.mark.parametrize("step", ["collector", "dispatcher", "flush"])
def test_a_call_that_a_library_cancels_is_a_failure_and_no_end(step: str) -> None:
    cancelled = asyncio.CancelledError()
    record = Record([cancelled] if step == "dispatcher" else ())
    script = [lines("a"), *([cancelled] if step == "collector" else []), lines("b")]
    dispatcher = CancelledFlush if step == "flush" else RecordingDispatcher
    store = MemoryStore()
    report = run_graph(source(script), (dispatcher, sink(record)[1]), store=store)
    assert report.exit_code == 1
    assert "unexpected CancelledError" in report.problems[0]
    assert report.problems[0].startswith("source" if step == "collector" else "sink")
    assert record.messages == {"collector": ["a"], "dispatcher": [], "flush": ["a", "b"]}[step]


class CancelledFlush(RecordingDispatcher):
    """Its client cancels what flush() waits for."""

    async def flush(self) -> None:
        raise asyncio.CancelledError


class BadCommit(ScriptedCollector):
    """Fails when it is told what is stored."""

    async def commit(self, positions: Mapping[str, bytes]) -> None:
        raise ValueError("secret")


def test_a_failed_commit_names_its_collector_and_raises_nothing() -> None:
    record, store = Record(), MemoryStore()
    report = run_graph((BadCommit, source([lines("a")])[1]), sink(record), store=store)
    assert report.exit_code == 1
    assert report.problems[0].startswith("source: unexpected ValueError")
    assert "secret" not in "".join(report.problems)


def test_what_the_format_has_no_message_for_is_left_out_and_counted_and_holds_up_nothing() -> None:
    record, store = Record(), MemoryStore()
    row = RowInsert("d", "t", "insert", 1, data={"id": 1})
    truncate = SchemaChange("d", "table-truncate", 1, "TRUNCATE t", table="t")
    _, config = sink(record, format="maxwell")
    report = run_graph(source([[row, truncate, row], [truncate]]), (Encoding, config), store=store)
    assert (report.exit_code, list(report.problems)) == (0, [])
    assert record.events == [row, row]
    assert report.counts["sink"]["dropped"] == 2
    assert position(store) == 2


@pytest.mark.parametrize(
    ("step", "seconds"),
    [
        (Retryable("busy", after_s=50.0), 50.0),
        (Partial(retry={0: "busy"}, after_s=50.0), 50.0),
        (Retryable("busy", after_s=0.001), 0.075),
        (Partial(retry={0: "busy"}), 0.075),
        (Partial(retry={0: "not sent yet"}, after_s=0), 0.0),
    ],
)
def test_a_dispatcher_can_say_how_long_to_wait_at_least(step: Any, seconds: float) -> None:
    record, loop = Record([step]), FakeTimeLoop()
    asked: list[float] = []
    deliver = RecordingDispatcher.dispatch

    async def dispatch(self: RecordingDispatcher, batch: Any) -> Partial | None:
        asked.append(loop.time())
        return await deliver(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordingDispatcher, "dispatch", dispatch)
        assert run_graph(source([lines("a")]), sink(record), loop=loop).exit_code == 0
    assert record.messages == ["a"]
    assert asked[1] - asked[0] == pytest.approx(seconds, abs=0.001)


def test_what_goes_at_once_is_no_failed_try_and_a_wait_that_is_asked_for_is() -> None:
    at_once = Partial(retry={0: "not sent yet"}, after_s=0)
    record = Record([at_once] * 5)
    assert run_graph(source([lines("a")]), sink(record, retry=RetryConfig(max_attempts=1))).exit_code == 0
    assert record.messages == ["a"]
    record = Record([Retryable("busy", after_s=0)])
    assert run_graph(source([lines("a")]), sink(record, retry=RetryConfig(max_attempts=1))).exit_code == 1
