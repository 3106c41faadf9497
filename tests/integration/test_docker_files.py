"""The Docker collector on log files: the same events as from the Engine's API, and rotations as fast as they like."""

from __future__ import annotations

import msgspec
import pytest

from tests.components.collectors.docker_reading import DockerReading, run
from tests.components.rows import configured
from tests.servers.docker import Docker
from wlf.components.collectors._docker.options import DockerConfig
from wlf.errors import SetupError

SYSLOG = {"syslog-address": "udp://127.0.0.1:9"}
LONG = 'head -c 50000 /dev/zero | tr "\\0" x; echo'


@pytest.fixture
def engine(docker: Docker) -> Docker:
    docker.reset()
    return docker


def reading_files(engine: Docker, **options: object) -> DockerReading:
    return DockerReading(engine.url, source="files", data_root=str(engine.data_root), **options)


@pytest.mark.parametrize("multiline", [None, {"continue": "^[ \t]"}])
def test_files_give_the_same_events_as_the_api(engine: Docker, multiline: dict[str, str] | None) -> None:
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    script = f"echo one; echo '  two'; echo three >&2; {LONG}; ({LONG}) >&2; echo 'ä€'; echo; printf last"
    id = engine.api.run_to_end("shop-web-1", script, labels=labels)
    engine.api.start(id)
    engine.api.wait(id)
    engine.api.run_to_end("tty-1", script, tty=True)
    config = {"max-size": "20k", "max-file": "9", "compress": "true"}
    for driver in ("json-file", "local"):
        rotated = {"Type": driver, "Config": config}
        engine.api.run_to_end(f"rotated-{driver}", f"{script}; {script}", log=rotated)
    api = run(DockerReading(engine.url, multiline=multiline).to_end())
    files = run(reading_files(engine, multiline=multiline).to_end())
    for name in ("shop-web-1", "tty-1", "rotated-json-file", "rotated-local"):
        for stream in ("stdout", "stderr"):
            first, second = (
                [msgspec.to_builtins(event) for event in reading.events if chosen(event, name, stream)]
                for reading in (api, files)
            )
            assert first == second, (name, stream)
    assert len(api.events) == len(files.events) > 20


def chosen(event: object, name: str, stream: str) -> bool:
    return (event.container.name, event.stream) == (name, stream)  # type: ignore[attr-defined]


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_files_are_read_over_rotations_faster_than_the_engine_itself_can_follow(engine: Docker, driver: str) -> None:
    async def work() -> None:
        rotated = {"Type": driver, "Config": {"max-size": "200k", "max-file": "5"}}
        script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.01; done"
        async with reading_files(engine) as reading:
            await reading.open()
            engine.api.run("fast", script, log=rotated)
            await reading.until(lambda: len(reading.lines) > 8_000)
            await reading.restart()
            await reading.until_line("line 19999")
            assert reading.lines == [f"line {number}" for number in range(20_000)]

    run(work())


def test_containers_are_chosen_by_what_the_engine_wrote_down(engine: Docker) -> None:
    for name, labels in {"shop-1": {}, "shop-2": {"quiet": "yes"}, "other": {}}.items():
        engine.api.run_to_end(name, f"echo {name}", labels=labels)
    include, exclude = {"names": ["shop-*"], "images": ["localhost/*"]}, {"labels": ["quiet=*"]}
    assert run(reading_files(engine, include=include, exclude=exclude).to_end()).lines == ["shop-1"]


def test_a_restart_goes_on_and_what_is_removed_is_forgotten(engine: Docker) -> None:
    async def work() -> None:
        id = engine.api.run_to_end("cc", "echo one")
        reading = reading_files(engine, forget_after_ms=0, rescan_interval_ms=100)
        await reading.to_end()
        engine.api.start(id)
        engine.api.wait(id)
        await reading.to_end()
        assert reading.lines == ["one", "one"]
        await reading.open()
        engine.api.remove(id)
        await reading.until(lambda: len(reading.stored) == 0)
        await reading.close()

    run(work())


def test_a_container_whose_log_is_in_no_such_file_is_told_once(
    engine: Docker, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        engine.api.run_to_end("first", "echo one", log={"Type": "syslog", "Config": SYSLOG})
        async with reading_files(engine, rescan_interval_ms=100, exclude={"names": ["left-out"]}) as reading:
            await reading.open()
            engine.api.run_to_end("left-out", "echo lost", log={"Type": "none", "Config": {}})
            engine.api.run_to_end("second", "echo lost", log={"Type": "none", "Config": {}})
            engine.api.run("heard", "while :; do echo heard; sleep 0.05; done")
            await reading.until_line("heard")
            await reading.until(lambda: reading.counted("wlf_docker_unreadable_containers_total") == 2)
            assert set(reading.lines) == {"heard"}

    run(work())
    told = [record.getMessage() for record in caplog.records if "cannot read" in record.getMessage()]
    assert told == [
        f"{name}: cannot read its log: expected the log driver json-file or local, got {driver}"
        for name, driver in (("first", "syslog"), ("second", "none"))
    ]


def test_positions_of_one_source_are_refused_by_the_other(engine: Docker) -> None:
    engine.api.run_to_end("cc", "echo one")
    api, files = run(DockerReading(engine.url).to_end()), run(reading_files(engine).to_end())
    api.stored, files.stored = files.stored, api.stored
    for reading, other in ((api, "files"), (files, "api")):
        with pytest.raises(SetupError, match=f"source: expected `{other}`, which the stored positions are from"):
            run(reading.to_end())


def test_parts_cannot_stay_apart_in_files() -> None:
    with pytest.raises(msgspec.ValidationError, match="merge_parts: expected true with `source: files`"):
        configured(DockerConfig, destination="next", source="files", merge_parts=False)
