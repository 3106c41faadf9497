"""The Docker collector on a real Docker Engine, and on Podman's service: containers that log, end, restart and go."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.certificates import certificate
from tests.components.collectors.docker_reading import DockerReading, run
from tests.servers.docker import Docker, Engine
from tests.servers.fixtures import Make
from wlf.errors import Retryable, SetupError
from wlf.events.log import Container

COUNT = "i={first}; while [ $i -lt {end} ]; do echo line $i; i=$((i+1)); done"
LONG = 'head -c {size} /dev/zero | tr "\\0" x; echo'
WAITS = "trap go=1 USR1; while [ -z $go ]; do sleep 0.02; done"


def counting(first: int, end: int) -> str:
    return COUNT.format(first=first, end=end)


def numbered(first: int, end: int) -> list[str]:
    return [f"line {number}" for number in range(first, end)]


@pytest.fixture
def engine(docker: Docker) -> Docker:
    """Docker alone, without containers."""
    docker.reset()
    return docker


def tell(engine: Engine, container: str) -> None:
    """Let a container that waits go on."""
    engine.api.request("POST", f"/containers/{container}/kill", signal="USR1")


def test_lines_carry_their_time_stream_and_container(container_engine: Engine) -> None:
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "tier": "front"}
    id = container_engine.api.run_to_end("shop-web-1", "echo out; echo err >&2", labels=labels)
    reading = run(DockerReading(container_engine.url, host="h1").to_end())
    out, err = sorted(reading.events, key=lambda event: event.message, reverse=True)
    assert (out.message, out.stream, err.message, err.stream) == ("out", "stdout", "err", "stderr")
    expected = Container(id, "shop-web-1", container_engine.image, labels, "shop", "web")
    assert out.container == err.container == expected
    assert (out.source, out.type, out.host) == ("docker", "log", "h1")
    assert out.time.endswith("Z")
    assert abs(out.ts - reading.context.clock.time()) < 60


def test_a_line_of_50_kb_is_one_event(container_engine: Engine) -> None:
    container_engine.api.run_to_end("long", f"{LONG.format(size=50_000)}; echo next")
    reading = run(DockerReading(container_engine.url).to_end())
    assert [(len(line), line[-4:]) for line in reading.lines] == [(50_000, "xxxx"), (4, "next")]
    assert all(not event.flags for event in reading.events)


def test_running_and_new_containers_are_followed_until_they_end(container_engine: Engine) -> None:
    async def work() -> None:
        container_engine.api.run("before", f"{counting(0, 100)}; {WAITS}; {counting(100, 200)}; echo -n last")
        async with DockerReading(container_engine.url) as reading:
            await reading.until_line("line 99")
            new = container_engine.api.run("new", "echo first; sleep 0.2; echo second")
            await reading.until_line("second")
            tell(container_engine, "before")
            await reading.until_line("last")
            assert reading.lines_of("before") == [*numbered(0, 200), "last"]
            assert reading.lines_of("new") == ["first", "second"]
            await reading.until(lambda: bool(reading.positions[new].ended))
            container_engine.api.remove("new")
            await reading.until(lambda: reading.forgotten == [new])
            assert new not in reading.stored

    run(work())


def test_what_was_written_while_nobody_read_comes_once(container_engine: Engine) -> None:
    async def work() -> None:
        script = f"{counting(0, 100)}; {WAITS}; {counting(100, 1_100)}; sleep 1000"
        container_engine.api.run("cc", script)
        reading = DockerReading(container_engine.url)
        await reading.until_line("line 99")
        await reading.close()
        tell(container_engine, "cc")
        await reading.until_line("line 1099")
        await reading.restart()
        await reading.to_end()
        assert reading.lines == numbered(0, 1_100)

    run(work())


def test_a_container_that_was_started_and_ended_while_nobody_read_is_read_once(container_engine: Engine) -> None:
    async def work() -> None:
        container = container_engine.api.run_to_end("cc", counting(0, 10))
        reading = DockerReading(container_engine.url)
        await reading.to_end()
        for _ in range(2):
            container_engine.api.start(container)
            container_engine.api.wait(container)
        container_engine.api.run_to_end("dd", "echo of d")
        await reading.to_end()
        await reading.to_end()
        assert reading.lines_of("cc") == numbered(0, 10) * 3
        assert reading.lines_of("dd") == ["of d"]

    run(work())


@pytest.mark.parametrize(("driver", "size"), [("json-file", 40_000), ("local", 16_000)])
def test_a_terminal_has_one_stream_and_no_returns(engine: Docker, driver: str, size: int) -> None:
    script = f"echo out; echo err >&2; {LONG.format(size=size)}; printf last"
    engine.api.run_to_end("tt", script, tty=True, log={"Type": driver, "Config": {}})
    reading = run(DockerReading(engine.url).to_end())
    assert [len(line) for line in reading.lines] == [3, 3, size, 4]
    assert {event.stream for event in reading.events} == {"stdout"}
    assert "\r" not in "".join(reading.lines)


@pytest.mark.parametrize("driver", ["json-file", "local", "syslog"])
def test_every_log_driver_that_can_be_read_gives_the_same_lines(engine: Docker, driver: str) -> None:
    lines = [LONG.format(size=size) for size in (16_383, 16_384, 16_385, 32_768, 50_000)]
    config = {"syslog-address": "udp://127.0.0.1:9"} if driver == "syslog" else {}
    script = "; ".join(["echo a", *lines, "echo b", "echo", "echo c", "printf d"])
    engine.api.run_to_end("cc", script, log={"Type": driver, "Config": config})
    reading = run(DockerReading(engine.url).to_end())
    assert [len(line) for line in reading.lines] == [1, 16_383, 16_384, 16_385, 32_768, 50_000, 1, 0, 1, 1]
    assert all(not event.flags for event in reading.events)


def test_a_log_driver_that_cannot_be_read_is_told_once(engine: Docker, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        engine.api.run("silent", "while :; do echo lost; sleep 0.1; done", log={"Type": "none", "Config": {}})
        async with DockerReading(engine.url, rescan_interval_ms=100) as reading:
            engine.api.run("heard", f"{WAITS}; echo heard")
            await reading.until(lambda: reading.counted("wlf_docker_unreadable_containers_total") == 1)
            tell(engine, "heard")
            await reading.until_line("heard")
            await reading.restart()
            await reading.until(lambda: reading.counted("wlf_docker_unreadable_containers_total") == 1)
            assert reading.lines == ["heard"]

    with caplog.at_level(logging.WARNING):
        run(work())
    told = [record.getMessage() for record in caplog.records if "cannot read its log" in record.getMessage()]
    assert told == ["silent: cannot read its log: configured logging driver does not support reading"] * 2


def test_the_last_line_before_a_restart_of_the_container_stays_a_line_of_its_own(engine: Docker) -> None:
    container = engine.api.run_to_end("cc", "echo first; printf last")
    for _ in range(2):
        engine.api.start(container)
        engine.api.wait(container)
    assert run(DockerReading(engine.url).to_end()).lines == ["first", "last"] * 3


def test_a_container_that_restarts_all_the_time_loses_nothing(engine: Docker) -> None:
    async def work() -> None:
        async with DockerReading(engine.url) as reading:
            await reading.open()
            engine.api.run("cc", "echo one; echo two >&2; printf three; exit 1", restart="always")
            await reading.until(lambda: len(reading.lines) >= 12)
            engine.api.stop("cc")
            count = len(engine.log_file(next(iter(reading.stored))).read_text().splitlines())
            await reading.until(lambda: len(reading.lines) >= count)
            assert reading.lines_of("cc", "stdout") == ["one", "three"] * (count // 3)
            assert reading.lines_of("cc", "stderr") == ["two"] * (count // 3)

    run(work())


def test_a_container_that_is_removed_while_it_is_read_loses_nothing(engine: Docker) -> None:
    async def work() -> None:
        container = engine.api.run("cc", f"{counting(0, 50_000)}; sleep 1000")
        while not engine.log_file(container).exists() or b"line 49999" not in engine.log_file(container).read_bytes():
            pass
        async with DockerReading(engine.url) as reading:
            await reading.until(lambda: len(reading.events) > 0)
            assert len(reading.events) < 40_000
            engine.api.remove(container)
            await reading.until(lambda: reading.forgotten == [container])
            assert reading.lines == numbered(0, 50_000)

    run(work())


def test_an_engine_that_is_killed_and_comes_back_costs_nothing(make_docker: Make[Docker]) -> None:
    async def work(engine: Docker) -> None:
        slowly = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); [ $((i%10)) = 0 ] && sleep 0.01; done"
        engine.api.run("cc", slowly)
        reading = DockerReading(engine.url)
        await reading.until(lambda: len(reading.lines) > 100)
        engine.crash()
        with pytest.raises(Retryable):
            await reading.until(lambda: False)
        await reading.close()
        with pytest.raises(Retryable, match=r"engine\.sock"):
            await reading.open()
        engine.come_back()
        await reading.until_line("line 2999")
        await reading.restart()
        await reading.to_end()
        assert reading.lines == numbered(0, 3_000)

    with make_docker(options={"live-restore": "true"}) as engine:
        run(work(engine))


def test_an_engine_that_hangs_is_found_and_waited_for(make_docker: Make[Docker]) -> None:
    async def work(engine: Docker) -> None:
        engine.api.run("cc", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.01; done")
        reading = DockerReading(engine.url, rescan_interval_ms=100, timeout_ms=500)
        await reading.until(lambda: len(reading.lines) > 10)
        engine.pause()
        with pytest.raises(Retryable, match=r"engine\.sock"):
            await reading.until(lambda: False)
        await reading.close()
        engine.resume()
        count = len(reading.lines)
        await reading.until(lambda: len(reading.lines) > count + 100)
        await reading.close()
        assert reading.lines == numbered(0, len(reading.lines))

    run(work(make_docker()))


def test_lines_are_read_over_the_engines_own_rotations(engine: Docker) -> None:
    """Docker 20.10 repeats lines when it rotates a log that is followed."""

    async def work() -> None:
        rotated = {"Type": "json-file", "Config": {"max-size": "200k", "max-file": "5"}}
        slowly = "i=0; while [ $i -lt 12000 ]; do echo line $i; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.04; done"
        async with DockerReading(engine.url) as reading:
            await reading.open()
            container = engine.api.run("cc", slowly, log=rotated)
            await reading.until(lambda: len(reading.lines) > 4_000)
            await reading.restart()
            await reading.until_line("line 11999")
            assert reading.lines == numbered(0, 12_000)
            assert engine.log_file(container).with_name(f"{container}-json.log.1").exists()

    run(work())


def test_what_the_engine_rotated_away_while_nobody_read_is_told(engine: Docker) -> None:
    async def work() -> None:
        rotated = {"Type": "json-file", "Config": {"max-size": "50k", "max-file": "2"}}
        engine.api.run("cc", f"{counting(0, 10)}; {WAITS}; {counting(10, 5_000)}; sleep 1000", log=rotated)
        reading = DockerReading(engine.url)
        await reading.until_line("line 9")
        await reading.close()
        tell(engine, "cc")
        while "line 4999" not in engine.api.request("GET", "/containers/cc/logs", stdout=1, tail=1):
            pass
        await reading.until_line("line 4999")
        await reading.close()
        assert reading.lines[10] != "line 10"
        assert reading.lines[-500:] == numbered(4_500, 5_000)
        assert reading.counted("wlf_docker_gaps_total") == 1

    run(work())


def test_containers_are_chosen_and_a_new_name_counts(engine: Docker) -> None:
    async def work() -> None:
        for name, labels in {"shop-1": {}, "shop-2": {"quiet": "yes"}, "other": {}}.items():
            engine.api.run_to_end(name, f"echo {name}", labels=labels)
        include, exclude = {"names": ["shop-*"], "images": ["localhost/*"]}, {"labels": ["quiet"]}
        async with DockerReading(engine.url, include=include, exclude=exclude) as reading:
            await reading.until_line("shop-1")
            engine.api.rename("other", "shop-3")
            await reading.until_line("other")
            assert [(event.container.name, event.message) for event in reading.events] == [  # type: ignore[union-attr]
                ("shop-1", "shop-1"),
                ("shop-3", "other"),
            ]

    run(work())


def test_an_event_of_several_lines_is_one_event_for_each_stream(engine: Docker) -> None:
    script = "for i in 1 2 3; do echo Error $i; echo '  at x'; echo warn $i >&2; echo '  at y'; done"
    engine.api.run_to_end("cc", script)
    reading = run(DockerReading(engine.url, multiline={"continue": r"^\s"}).to_end())
    assert reading.lines_of("cc", "stdout") == [f"Error {n}\n  at x\n  at y" for n in (1, 2, 3)]
    assert reading.lines_of("cc", "stderr") == ["warn 1", "warn 2", "warn 3"]


def test_an_engine_is_reached_by_tcp_with_both_sides_proved(make_docker: Make[Docker], tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    engine = make_docker(proofs=(cert, key))
    engine.api.run_to_end("cc", "echo over tcp")
    address = f"tcp://{engine.address}"
    tls = {"ca": str(cert), "cert": str(cert), "key": str(key)}
    assert run(DockerReading(address, tls=tls).to_end()).lines == ["over tcp"]
    with pytest.raises(SetupError, match="certificate is not trusted") as refused:
        run(DockerReading(address, tls=True).to_end())
    assert refused.value.hint == "name its authority in tls.ca"
    with pytest.raises((Retryable, SetupError)):
        run(DockerReading(address, tls={"ca": str(cert)}).to_end())


def test_a_socket_that_is_not_allowed_is_told_at_once(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from tests.components.collectors.docker_reading import DockerReading;"
        "asyncio.run(DockerReading(sys.argv[1]).to_end())"
    )
    with socket.socket(socket.AF_UNIX) as listening:
        path = tmp_path / "engine.sock"
        listening.bind(str(path))
        listening.listen()
        path.chmod(0)
        asked = [sys.executable, "-c", program, f"unix://{path}"]
        as_others = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", *asked]  # root that may not do all
        done = subprocess.run(as_others, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert "SetupError" in done.stderr, done.stderr
    assert "permission denied" in done.stderr


def test_the_latest_engine_gives_the_same(make_docker: Make[Docker]) -> None:
    engine = make_docker(edition="sid")
    engine.api.run_to_end("cc", f"echo a; {LONG.format(size=50_000)}; printf b")
    engine.api.run_to_end("tt", f"echo a; {LONG.format(size=50_000)}; printf b", tty=True)
    reading = run(DockerReading(engine.url).to_end())
    for name in ("cc", "tt"):
        assert [len(line) for line in reading.lines_of(name)] == [1, 50_000, 1]


def test_the_latest_engine_is_followed_over_rotations_that_come_fast(make_docker: Make[Docker]) -> None:
    async def work(engine: Docker) -> None:
        rotated = {"Type": "json-file", "Config": {"max-size": "200k", "max-file": "5"}}
        slowly = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.01; done"
        async with DockerReading(engine.url) as reading:
            await reading.open()
            engine.api.run("cc", slowly, log=rotated)
            await reading.until_line("line 19999")
            assert reading.lines == numbered(0, 20_000)

    run(work(make_docker(edition="sid")))
