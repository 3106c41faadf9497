"""Positions, restarts and outages of the Docker collector, with an Engine that answers what a test wants."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from tests.components.collectors.docker_fake import FakeEngine, at
from tests.components.collectors.docker_reading import DockerReading, run
from wlf.errors import Retryable


def numbered(first: int, end: int, step: float = 0.001) -> list[tuple[int, str, str]]:
    return [at(number * step, f"line {number}", 1 + number % 2) for number in range(first, end)]


def texts(end: int) -> list[str]:
    return [f"line {number}" for number in range(end)]


def test_nothing_comes_twice_when_it_is_stopped_after_every_batch(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            await engine.add("a", numbered(0, 5_000))
            reading = DockerReading(engine.url)
            while len(reading.events) < 5_000:
                await reading.step()
                await reading.restart()
            assert reading.lines == texts(5_000)
            assert reading.counted("wlf_docker_gaps_total") == 0
            await reading.to_end()
            assert len(reading.events) == 5_000

    run(work())


def test_nothing_comes_twice_among_thousands_of_lines_of_one_moment(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            await engine.add("a", numbered(0, 4_000, step=0))
            reading = DockerReading(engine.url)
            while len(reading.events) < 4_000:
                await reading.step()
                await reading.restart()
            assert reading.lines == texts(4_000)

    run(work())


def test_only_what_may_be_new_is_asked_for(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            container = await engine.add("a", [at(100, "err", 2), *numbered(200_000, 200_100)])
            reading = DockerReading(engine.url)
            await reading.until(lambda: len(reading.events) == 101)
            await reading.restart()
            await engine.write(container, at(200.2, "late", 2))
            await reading.until_line("late")
            await reading.close()
            assert [since for _, since in engine.asked] == ["0", "1777593795.099000000"]  # five seconds before the last

    run(work())


def test_what_is_held_back_is_read_again_after_a_restart(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            container = await engine.add("a", [at(1, "Error", 1), at(1.1, "  at x", 1), at(60, "err", 2)])
            options = {"multiline": {"continue": r"^\s", "timeout_ms": 600_000}}
            reading = DockerReading(engine.url, **options)
            await engine.write(container, at(61, "err 2", 2))
            await reading.until_line("err")
            await reading.restart()
            await engine.write(container, at(120, "  at y", 1), at(121, "done", 1), at(122, "err 3", 2))
            await reading.until(lambda: len(reading.events) == 3)
            assert sorted(reading.lines) == ["Error\n  at x\n  at y", "err", "err 2"]
            await reading.close()

    run(work())


def test_an_event_that_goes_on_is_delivered_after_a_while(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            await engine.add("a", [at(1, "Error"), at(1.1, "  at x")])
            reading = DockerReading(engine.url, multiline={"continue": r"^\s", "timeout_ms": 50})
            await reading.until_line("Error\n  at x")
            await reading.close()
            assert reading.events[0].flags == ("multiline",)

    run(work())


def test_a_stream_that_breaks_off_is_opened_again_without_loss_or_doubles(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            engine.breaks_after = 700
            await engine.add("a", numbered(0, 1_000))
            async with DockerReading(engine.url) as reading:
                await reading.until(lambda: len(reading.events) >= 1_000)
                assert reading.lines == texts(1_000)
                assert reading.counted("wlf_docker_broken_streams_total") == 1

    run(work())


def test_an_engine_that_is_gone_is_waited_for_and_nothing_comes_twice(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            await engine.add("a", numbered(0, 100))
            reading = DockerReading(engine.url)
            await reading.until(lambda: len(reading.events) == 100)
        with pytest.raises(Retryable, match=r"fake\.sock: "):
            await reading.until(lambda: False)
        await reading.close()
        with pytest.raises(Retryable, match=r"fake\.sock"):
            await reading.open()
        again = FakeEngine(tmp_path)
        again.containers = engine.containers
        async with again:
            await again.write(*again.containers.values(), *numbered(100, 200))
            await reading.until(lambda: len(reading.events) >= 200)
            assert reading.lines == texts(200)
            await reading.close()

    run(work())


def test_a_clock_that_is_set_back_while_wlf_runs_costs_no_line(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            engine.set_clock(at(1_000, "")[1])
            container = await engine.add("a", numbered(900_000, 900_010))
            reading = DockerReading(engine.url, rescan_interval_ms=100)
            await reading.until(lambda: len(reading.events) == 10)
            await reading.restart()  # the stream is asked for from there on
            await reading.open()
            engine.set_clock(at(500, "")[1])
            await engine.write(container, *numbered(500_000, 500_010))
            with pytest.raises(Retryable, match=r"the clock was set back by \d+ s"):
                await reading.until(lambda: False)
            await reading.restart()
            await reading.until(lambda: len(reading.events) >= 20)
            await engine.write(container, *numbered(500_010, 500_015))
            await reading.until(lambda: len(reading.events) >= 25)
            assert reading.lines == [f"line {n}" for n in [*range(900_000, 900_010), *range(500_000, 500_015)]]
            await reading.restart()
            await engine.write(container, *numbered(500_015, 500_020))
            await reading.until(lambda: len(reading.events) >= 30)
            assert reading.lines[25:] == [f"line {n}" for n in range(500_015, 500_020)]
            await reading.close()

    run(work())


def test_records_that_the_engine_repeats_come_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            container = await engine.add("a", numbered(0, 1_000))
            container.repeats = {500: numbered(480, 500), 900: [at(0.899, "line 899", 2)]}
            async with DockerReading(engine.url) as reading:
                await reading.until(lambda: len(reading.events) >= 1_000)
                assert reading.lines == texts(1_000)
                assert not container.repeats

    run(work())


def test_a_log_that_cannot_be_read_is_told_once_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            refusing = await engine.add("a", numbered(0, 10))
            refusing.refusal = (501, "configured logging driver does not support reading")
            async with DockerReading(engine.url, rescan_interval_ms=100) as reading:
                await engine.add("b", numbered(0, 10))
                await reading.until(lambda: len(reading.events) == 10)
                asked = len(engine.asked)
                await engine.tell("start", refusing)
                await engine.add("c", numbered(0, 10))
                await reading.until(lambda: len(reading.events) == 20)
                assert [name for name, _ in engine.asked[asked:]] == ["c"]
                assert reading.counted("wlf_docker_unreadable_containers_total") == 1

    run(work())
    told = [record.getMessage() for record in caplog.records if "cannot read" in record.getMessage()]
    assert told == ["a: cannot read its log: configured logging driver does not support reading"]


def test_one_chatty_container_holds_nobody_up(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            await engine.add("chatty", numbered(0, 200_000))
            for number in range(20):
                await engine.add(f"quiet-{number}", [at(1, f"quiet {number}")])
            async with DockerReading(engine.url) as reading:
                await reading.until(lambda: sum(line.startswith("quiet") for line in reading.lines) == 20)
                assert len(reading.lines) < 50_000

    run(work())


def test_hundreds_of_containers_are_followed_at_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine, DockerReading(engine.url) as reading:
            containers = [await engine.add(f"c{number}", [at(1, f"first of {number}")]) for number in range(300)]
            await reading.until(lambda: len(reading.events) == 300)
            for number, container in enumerate(containers):
                await engine.write(container, at(2, f"second of {number}"))
            await reading.until(lambda: len(reading.events) == 600)
            assert len(set(reading.lines)) == 600
            assert reading.counted("wlf_docker_open_streams") == 300

    run(work())


def test_nothing_is_taken_from_the_engine_while_nobody_asks(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            line = "x" * 1_000
            await engine.add("a", [at(number / 1000, line) for number in range(20_000)])
            async with DockerReading(engine.url) as reading:
                await reading.until(lambda: len(reading.events) > 0)
                last = -1
                while engine.sent_bytes != last:
                    last = engine.sent_bytes
                    await engine.add("b")
                    await reading.collector._session._engine.containers()  # type: ignore[union-attr]
                # What was taken, one chunk that waits, one buffer of the client, and what the kernel holds.
                assert engine.sent_bytes < len(reading.events) * 1_050 + 1_000_000

    run(work())


def test_thousands_of_short_lived_containers_leave_nothing_behind(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine, DockerReading(engine.url) as reading:
            await reading.open()
            sizes = []
            for turn in range(6):
                for number in range(turn * 300, turn * 300 + 300):
                    container = await engine.add(f"c{number}", [at(number, f"line {number}")])
                    await reading.until_line(f"line {number}")
                    await engine.remove(container)
                await reading.until(lambda turn=turn: len(reading.forgotten) == turn * 300 + 300)  # type: ignore[misc]
                gc.collect()
                sizes.append((len(gc.get_objects()), len(os.listdir("/proc/self/fd"))))
                reading.events.clear()
            assert not reading.stored
            assert reading.counted("wlf_docker_open_streams") == 0
            assert reading.counted("wlf_docker_followed_containers") == 0
            fds = [count for _, count in sizes]
            assert max(fds) < fds[0] + 2 * 20  # both ends of the connections that are kept for questions
            assert sizes[-1][0] - sizes[1][0] < 4 * 300 * 3  # what the test itself remembers

    run(work())


def test_a_container_that_is_gone_before_it_is_asked_about_is_counted(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine, DockerReading(engine.url) as reading:
            await reading.open()
            container = await engine.add("a", [at(1, "lost")])
            del engine.containers[container.id]
            await engine.add("b", [at(1, "there")])
            await reading.until_line("there")
            await reading.until(lambda: reading.counted("wlf_docker_missed_containers_total") == 1)

    run(work())


def test_a_container_that_an_engine_does_not_know_at_once_is_not_forgotten(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            container = await engine.add("a", numbered(0, 10), is_running=False)
            reading = DockerReading(engine.url, rescan_interval_ms=100)
            await reading.to_end()
            engine.containers.clear()
            await reading.open()
            assert list(reading.stored) == [container.id]
            engine.containers[container.id] = container
            container.ended_at = "2026-02-01T00:00:00Z"
            container.records += numbered(10, 20)
            await reading.until(lambda: len(reading.events) >= 20)
            assert reading.lines == texts(20)
            engine.containers.clear()
            await reading.until(lambda: reading.forgotten == [container.id])
            await reading.close()

    run(work())


def test_a_start_that_nobody_told_is_found_by_looking(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            container = await engine.add("a", numbered(0, 10), is_running=False)
            async with DockerReading(engine.url, rescan_interval_ms=100) as reading:
                await reading.until(lambda: len(reading.events) == 10)
                container.is_running = True
                container.records += numbered(10, 20)
                await reading.until(lambda: len(reading.events) == 20)

    run(work())


def test_an_ended_container_that_is_read_is_not_asked_for_again(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            await engine.add("a", numbered(0, 10), is_running=False)
            reading = DockerReading(engine.url)
            for _ in range(3):
                await reading.to_end()
            assert len(engine.asked) == 1
            assert reading.lines == texts(10)

    run(work())


def test_of_containers_that_are_there_at_the_first_start_only_what_comes_is_read(tmp_path: Path) -> None:
    async def work() -> None:
        async with FakeEngine(tmp_path) as engine:
            engine.set_clock(at(50, "")[1])
            container = await engine.add("a", [at(49, "old"), at(51, "new")])
            reading = DockerReading(engine.url, start="end")
            await reading.until_line("new")
            await reading.restart()
            await engine.add("b", [at(10, "b's first")])
            await engine.write(container, at(52, "newer"))
            await reading.until(lambda: len(reading.events) == 3)
            assert sorted(reading.lines) == ["b's first", "new", "newer"]
            await reading.close()

    run(work())
