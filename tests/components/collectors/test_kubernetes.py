"""The Kubernetes collector: every line of every pod once, with what is known of it, whatever pods and API do."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from msgspec import UNSET

from tests.components.collectors.file_reading import run
from tests.components.collectors.kube_api import KubeApi, failure, namespace, pod
from tests.components.collectors.kube_cluster import on_loop
from tests.components.collectors.kube_reading import PodReading, pod_of
from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.collectors._kubernetes import asking
from wlf.components.collectors._kubernetes import watching as loops
from wlf.components.collectors.kubernetes import KubernetesCollector, KubernetesConfig
from wlf.errors import SetupError
from wlf.events.log import Owner, Pod


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(loops, "LAST_DELAY", 0.05)
    monkeypatch.setattr(asking, "RETRY_SECONDS", 0.01)


@on_loop
async def test_a_line_has_its_time_its_stream_and_whose_it_is(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0", labels={"app": "web"}))
        async with PodReading(tmp_path, server, offset=True) as reading:
            log = reading.log("web-0", "u0")
            log.write("hello")
            log.write("oh", stream="stderr")
            await reading.until(lambda: len(reading.events) == 2)
    first, second = reading.pod_lines
    assert (first.message, first.stream, second.message, second.stream) == ("hello", "stdout", "oh", "stderr")
    assert first.time == "2026-11-28T12:00:00.001000000Z"
    assert first.ts == pytest.approx(1795867200.001)
    assert first.file == str(log.path)
    assert (first.offset, second.offset) == (0, len("2026-11-28T12:00:00.001000000Z stdout F hello\n"))
    assert first.kubernetes == Pod(
        "shop", "web-0", "u0", "app", 0, "n1", "example/app:1", "app0", "10.0.0.7", {"app": "web"}
    )
    assert second.kubernetes is first.kubernetes
    assert first.source == "pods"


@on_loop
async def test_without_an_api_server_events_have_what_the_path_tells(tmp_path: Path) -> None:
    reading = PodReading(tmp_path, until_end=True)
    reading.log("web-0", "u0").write("hello")
    await reading.to_end()
    assert reading.pod_lines[0].kubernetes == Pod("shop", "web-0", "u0", "app", 0, "n1")
    assert reading.counted("wlf_kubernetes_bare_lines_total") == 0, "there was nothing to miss"


@on_loop
async def test_a_pod_that_is_not_known_yet_holds_up_no_other(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-1", "u1"))
        async with PodReading(tmp_path, server, metadata_timeout_ms=60_000) as reading:
            reading.log("web-0", "u0").write("0")
            reading.log("web-1", "u1").write("1")
            await reading.until(lambda: reading.lines == ["1"])
            assert reading.counted("wlf_file_held_files") == 1
            server.put(pod("web-0", "u0", labels={"app": "web"}))
            await reading.until(lambda: reading.lines == ["1", "0"])
            assert pod_of(reading.pod_lines[1]).labels == {"app": "web"}
            assert reading.counted("wlf_file_held_files") == 0


@on_loop
async def test_a_server_that_is_gone_at_the_start_delays_lines_for_a_bounded_time_and_names_them_when_it_comes(
    tmp_path: Path,
) -> None:
    server = await KubeApi().start()
    await server.stop()
    server.put(pod("web-0", "u0", labels={"app": "web"}))
    async with PodReading(tmp_path, server, metadata_timeout_ms=50) as reading:
        log = reading.log("web-0", "u0")
        log.write("1", "2")
        await reading.until(lambda: reading.lines == ["1", "2"])
        assert pod_of(reading.pod_lines[0]).labels is UNSET
        assert reading.counted("wlf_kubernetes_bare_lines_total") == 2
        async with server:
            number = 2
            while pod_of(reading.pod_lines[-1]).labels is UNSET:
                number += 1
                log.write(str(number))
                await reading.until_line(str(number))
            assert pod_of(reading.pod_lines[-1]).labels == {"app": "web"}
    assert reading.lines == [str(each + 1) for each in range(number)]


@on_loop
async def test_a_server_that_forbids_it_stops_no_line(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.refuse = lambda request: failure(403, "pods is forbidden")
        async with PodReading(tmp_path, server, metadata_timeout_ms=20) as reading:
            reading.log("web-0", "u0").write("1")
            await reading.until(lambda: reading.lines == ["1"])
            assert reading.counted("wlf_kubernetes_api_errors_total", "pods", "forbidden") >= 1


@on_loop
async def test_with_a_selector_and_no_server_the_files_are_the_buffer(tmp_path: Path) -> None:
    server = await KubeApi().start()
    await server.stop()
    server.put(pod("web-0", "u0", labels={"app": "web"}), pod("db-0", "u1", labels={"app": "db"}))
    options = {"label_selector": "app=web", "metadata_timeout_ms": 10}
    async with PodReading(tmp_path, server, **options) as reading:
        web, other = reading.log("web-0", "u0"), reading.log("db-0", "u1")
        web.write("1", "2")
        other.write("x")
        await reading.until(lambda: len(reading.announced) == 2)
        pending = asyncio.create_task(reading.step())
        done, _ = await asyncio.wait([pending], timeout=0.2)
        assert not done, "nothing is read that may not be wanted"
        web.write("3")
        async with server:
            await pending
            await reading.until(lambda: reading.lines == ["1", "2", "3"])
            while not reading.counted("wlf_file_passed_over_bytes_total"):
                await reading.step()
    assert reading.of("u1") == []


@on_loop
async def test_a_run_with_an_end_waits_for_the_server(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0", labels={"app": "web"}), pod("db-0", "u1", labels={"app": "db"}))
        server.stalled.clear()
        reading = PodReading(tmp_path, server, until_end=True, label_selector="app=web", metadata_timeout_ms=10)
        reading.log("web-0", "u0").write("1")
        reading.log("db-0", "u1").write("2")
        asyncio.get_running_loop().call_later(0.1, server.stalled.set)
        await reading.to_end()
        assert reading.lines == ["1"]


@on_loop
async def test_a_stateful_sets_pod_that_is_made_anew_never_has_the_labels_of_the_one_before(tmp_path: Path) -> None:
    owner = [{"kind": "StatefulSet", "name": "db", "controller": True}]
    async with KubeApi() as server:
        before = pod("db-0", "u1", labels={"rev": "1"}, ownerReferences=owner)
        server.put(before)
        async with PodReading(tmp_path, server) as reading:
            old = reading.log("db-0", "u1")
            old.write("old 1")
            await reading.until_line("old 1")
            server.remove(before)
            server.put(pod("db-0", "u2", labels={"rev": "2"}, ownerReferences=owner))
            reading.log("db-0", "u2").write("new 1")
            await reading.until_line("new 1")
            old.write("old 2")
            await reading.until_line("old 2")
    told = [(event.message, pod_of(event).labels, pod_of(event).owner) for event in reading.pod_lines]
    assert told == [
        ("old 1", {"rev": "1"}, Owner("StatefulSet", "db")),
        ("new 1", {"rev": "2"}, Owner("StatefulSet", "db")),
        ("old 2", {"rev": "1"}, Owner("StatefulSet", "db")),
    ]


@on_loop
async def test_new_labels_are_on_the_lines_that_are_read_once_they_are_told(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0", labels={"app": "web"}))
        async with PodReading(tmp_path, server) as reading:
            log = reading.log("web-0", "u0")
            log.write("0")
            await reading.until_line("0")
            server.put(pod("web-0", "u0", labels={"app": "shop"}))
            number = 0
            while pod_of(reading.pod_lines[-1]).labels != {"app": "shop"}:
                number += 1
                log.write(str(number))
                await reading.until_line(str(number))


@on_loop
async def test_two_hundred_pods_that_live_a_moment_leave_all_of_their_lines(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"))
        async with PodReading(tmp_path, server, metadata_timeout_ms=50) as reading:
            reading.log("web-0", "u0").write("ready")
            await reading.until_line("ready")
            for start in range(0, 200, 20):
                logs = [reading.log(f"job-{n}", f"j{n}") for n in range(start, start + 20)]
                for log in logs:
                    log.write("1", "2", "3")
                collecting = asyncio.create_task(reading.until(lambda start=start: len(reading.announced) > start + 20))
                await collecting
                for log in logs:
                    log.write("last")
                    log.remove_pod()
            await reading.until(lambda: len(reading.events) >= 801)
    for number in range(200):
        assert reading.of(f"j{number}") == ["1", "2", "3", "last"]
    assert {pod_of(event).name for event in reading.pod_lines} == {"web-0", *(f"job-{n}" for n in range(200))}


@on_loop
async def test_a_restart_of_wlf_goes_on_where_it_was(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"))
        async with PodReading(tmp_path, server) as reading:
            log = reading.log("web-0", "u0")
            log.write("1", "2")
            await reading.until_line("2")
            await reading.restart()
            log.write("3")
            log.pack(log.rotate())
            log.write("4")
            log.begin_anew()
            log.write("5")
            await reading.until(lambda: len(reading.lines) == 5)
            await reading.restart()
            await reading.to_end()
    assert sorted(reading.lines) == ["1", "2", "3", "4", "5"]
    assert {event.message: pod_of(event).restart for event in reading.pod_lines if event.message in "45"} == {
        "4": 0,
        "5": 1,
    }


@on_loop
async def test_a_line_whose_parts_lie_on_both_sides_of_a_rotation_is_one(tmp_path: Path) -> None:
    async with PodReading(tmp_path) as reading:
        log = reading.log("web-0", "u0")
        log.write("one ")
        log.write("a" * 100, tag="P")
        await reading.until_line("one ")
        log.rotate()
        log.write("b" * 100)
        await reading.until_line("a" * 100 + "b" * 100)
        assert reading.pod_lines[-1].flags is UNSET
        assert reading.pod_lines[-1].time == "2026-11-28T12:00:00.002000000Z"


@on_loop
async def test_a_container_that_is_begun_anew_writes_another_log(tmp_path: Path) -> None:
    statuses = [
        {
            "name": "app",
            "containerID": "containerd://second",
            "restartCount": 1,
            "lastState": {"terminated": {"containerID": "containerd://first"}},
        }
    ]
    async with KubeApi() as server:
        server.put(pod("web-0", "u0", status={"containerStatuses": statuses}))
        async with PodReading(tmp_path, server) as reading:
            log = reading.log("web-0", "u0")
            log.write("a", tag="P")
            log.begin_anew()
            log.write("b")
            await reading.until_line("b")
            await reading.restart()
            await reading.to_end()
    told = {(event.message, pod_of(event).restart, pod_of(event).container_id) for event in reading.pod_lines}
    assert told == {("a", 0, "first"), ("b", 1, "second")}


@on_loop
async def test_logs_that_are_links_are_followed(tmp_path: Path) -> None:
    """As where the engine keeps the files itself."""
    elsewhere = tmp_path / "engine"
    elsewhere.mkdir()
    async with PodReading(tmp_path) as reading:
        log = reading.log("web-0", "u0")
        (elsewhere / "abc.log").touch()
        log.path.symlink_to(elsewhere / "abc.log")
        log.write("1")
        await reading.until_line("1")
        log.write("2")
        await reading.until_line("2")
    assert [event.file for event in reading.pod_lines] == [str(log.path)] * 2
    assert pod_of(reading.pod_lines[0]).name == "web-0"


@on_loop
async def test_links_to_logs_of_docker_are_read_as_what_they_are(tmp_path: Path) -> None:
    """As with cri-dockerd."""
    docker = tmp_path / "abc-json.log"
    times = [f"2026-11-28T12:00:0{number}.5Z" for number in range(3)]
    texts = ["one\\n", "tw", "o\\n"]
    lines = [f'{{"log":"{text}","stream":"stderr","time":"{at}"}}\n' for text, at in zip(texts, times, strict=True)]
    docker.write_text("".join(lines))
    async with PodReading(tmp_path) as reading:
        reading.log("web-0", "u0").path.symlink_to(docker)
        await reading.until(lambda: reading.lines == ["one", "two"])
    assert [(event.stream, event.time) for event in reading.pod_lines] == [("stderr", times[0]), ("stderr", times[1])]


@on_loop
async def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    async with PodReading(tmp_path) as reading:
        shutil.rmtree(reading.folder)
        (tmp_path / "elsewhere").mkdir()
        reading.folder.symlink_to(tmp_path / "elsewhere")
        reading.log("web-0", "u0").write("1")
        await reading.until_line("1")
        reading.log("web-1", "u1").write("2")
        await reading.until_line("2")


@on_loop
async def test_an_exclusion_that_is_set_later_counts_from_then_on_and_what_it_costs_is_counted(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0", containers=["app", "proxy"]))
        async with PodReading(tmp_path, server) as reading:
            app, proxy = reading.log("web-0", "u0"), reading.log("web-0", "u0", "proxy")
            app.write("1")
            proxy.write("p1")
            await reading.until(lambda: len(reading.lines) == 2)
            excluding = pod("web-0", "u0", containers=["app", "proxy"], annotations={"wlf.dev/exclude": "proxy"})
            server.put(excluding)
            while not reading.counted("wlf_file_passed_over_bytes_total"):
                proxy.write("p")
                app.write("more")
                await reading.step()
            server.put(pod("web-0", "u0", containers=["app", "proxy"]))
            while reading.lines[-1] != "back":
                proxy.write("back")
                await reading.step()
            assert reading.lines[:2] != []
            await reading.restart()
            await reading.to_end()


@on_loop
async def test_a_pods_own_multiline_counts_and_may_change(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0", annotations={"wlf.dev/multiline": "continue:^ "}), pod("web-1", "u1"))
        async with PodReading(tmp_path, server) as reading:
            log, plain = reading.log("web-0", "u0"), reading.log("web-1", "u1")
            log.write("a", " b", "c")
            plain.write("x", " y")
            await reading.until(lambda: reading.of("u0") == ["a\n b"] and reading.of("u1") == ["x", " y"])
            assert reading.pod_lines[0].flags == ("multiline",) or reading.pod_lines[-1].flags == ("multiline",)
            server.put(pod("web-0", "u0"))
            known = reading.collector._cluster.pods  # type: ignore[attr-defined]
            while known.get("u0").facts.requests:
                plain.write("z")
                await reading.step()
            log.write(" d", "e")
            await reading.until_line("e")
            assert reading.of("u0") == ["a\n b", "c", " d", "e"]


@on_loop
async def test_a_multiline_annotation_that_is_useless_costs_no_line(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0", annotations={"wlf.dev/multiline": "start:("}))
        async with PodReading(tmp_path, server) as reading:
            reading.log("web-0", "u0").write("a", " b")
            await reading.until(lambda: reading.lines == ["a", " b"])
            assert reading.counted("wlf_kubernetes_bad_annotations_total") == 1


@on_loop
async def test_names_that_are_excluded_are_never_opened(tmp_path: Path) -> None:
    reading = PodReading(
        tmp_path, until_end=True, namespaces={"exclude": ["kube-*"]}, containers={"exclude": ["proxy"]}
    )
    reading.log("dns", "u0", namespace="kube-system").write("no")
    reading.log("web-0", "u1", "proxy").write("no")
    reading.log("web-0", "u1").write("yes")
    await reading.to_end()
    assert reading.lines == ["yes"]
    assert len(reading.announced) == 1


@on_loop
async def test_a_namespaces_labels_select_and_are_told(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"), pod("web-1", "u1", namespace="test"))
        server.put(namespace("shop", env="prod"), namespace("test", env="test"))
        reading = PodReading(
            tmp_path,
            server,
            until_end=True,
            namespace_label_selector="env=prod",
            metadata={"namespace_labels": True, "labels": False},
        )
        reading.log("web-0", "u0").write("1")
        reading.log("web-1", "u1", namespace="test").write("2")
        await reading.to_end()
    assert reading.lines == ["1"]
    assert pod_of(reading.pod_lines[0]).namespace_labels == {"env": "prod"}


@on_loop
async def test_a_pod_is_remembered_for_as_long_as_its_logs_are_read(tmp_path: Path) -> None:
    async with KubeApi() as server:
        job = pod("job", "u0", labels={"app": "job"})
        server.put(job)
        async with PodReading(tmp_path, server, forget_after_ms=0) as reading:
            log = reading.log("job", "u0")
            log.write("1")
            await reading.until_line("1")
            server.remove(job)
            cluster = reading.collector._cluster  # type: ignore[attr-defined]
            assert "u0" in cluster.uids_in_use()
            log.remove_pod()
            await reading.until(lambda: bool(reading.forgotten))
            assert cluster.uids_in_use() == set()


def test_a_node_without_a_name_is_a_mistake_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_NAME", raising=False)
    config = configured(KubernetesConfig, destination="next", directory=str(tmp_path))
    with pytest.raises(SetupError, match="node: expected the name of this node, got none"):
        run(KubernetesCollector(config, make_context("pods")).open({}))
