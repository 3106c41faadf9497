"""Whole runs beside pods that come and go: all lines, with what the API server knows, in little memory."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from tests.components.collectors.kube_api import ApiThread, pod
from tests.components.collectors.kube_cluster import kubeconfig
from tests.components.collectors.kube_logs import ContainerLog
from tests.integration.wlf_run import WlfRun


class PodRun:
    """`wlf run` over the pods of `folder`, beside an API server."""

    def __init__(self, folder: Path, api: ApiThread, **options: Any) -> None:
        self.pods = folder / "pods"
        self.pods.mkdir()
        self.out = folder / "out.jsonl"
        collector = {
            "id": "pods",
            "type": "Kubernetes",
            "destination": "out",
            "directory": str(self.pods),
            "node": "n1",
            "kubeconfig": kubeconfig(folder, api.server),
            **options,
        }
        config = {
            "checkpoint_interval_ms": 100,
            "collectors": [collector],
            "dispatchers": [{"id": "out", "type": "File", "path": str(self.out)}],
        }
        self.run = WlfRun(folder / "run", config)

    def log(self, name: str, uid: str, **more: Any) -> ContainerLog:
        return ContainerLog(self.pods, name, uid, **more)

    def events(self) -> list[dict[str, Any]]:
        if not self.out.exists():
            return []
        return [json.loads(line) for line in self.out.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def wait_for_lines(self, count: int, timeout_s: float = 60) -> list[dict[str, Any]]:
        self.run.wait_for(lambda: self.lines() >= count, f"deliver {count} lines", timeout_s)
        return self.events()

    def lines(self) -> int:
        return self.out.read_bytes().count(b"\n") if self.out.exists() else 0

    def peak_mb(self) -> float:
        """The most memory that the process ever had."""
        return self._kilobytes("VmHWM") / 1000

    def open_files(self) -> int:
        assert self.run.running is not None
        return len(os.listdir(f"/proc/{self.run.running.pid}/fd"))

    def _kilobytes(self, name: str) -> int:
        assert self.run.running is not None
        status = Path(f"/proc/{self.run.running.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1])


def test_pods_that_are_gone_before_the_api_tells_of_them_leave_all_of_their_lines(tmp_path: Path) -> None:
    with ApiThread() as api:
        run = PodRun(tmp_path, api, metadata_timeout_ms=100)
        with run.run:
            ready = run.log("ready", "ready")
            ready.write("ready")
            run.wait_for_lines(1)
            for start in range(0, 200, 10):
                logs = [run.log(f"job-{number}", f"u{number}") for number in range(start, start + 10)]
                for log in logs:
                    log.write("first", "second")
                followed = start + 11
                run.run.wait_for(lambda followed=followed: _followed(run.run.metrics()) >= followed, "find the logs")
                for log in logs:
                    log.write("last")
                    log.remove_pod()
            events = run.wait_for_lines(601)
            assert run.run.terminate() == 0
    told = Counter((event["kubernetes"]["uid"], event["message"]) for event in events)
    assert set(told.values()) == {1}
    assert len(told) == 601
    assert {event["kubernetes"]["name"] for event in events} == {"ready", *(f"job-{number}" for number in range(200))}
    assert run.run.text().count("WARN") <= 2, "nobody is told two hundred times"


def _followed(metrics: str) -> float:
    found = [line for line in metrics.splitlines() if line.startswith("wlf_file_followed_files{")]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def test_the_first_lines_after_a_start_have_their_labels_though_the_api_is_slow(tmp_path: Path) -> None:
    with ApiThread() as api:
        api.do(*(pod(f"web-{number}", f"u{number}", labels={"app": "web"}) for number in range(20)))
        api.server.stalled.clear()
        run = PodRun(tmp_path, api, metadata_timeout_ms=30_000)
        for number in range(20):
            run.log(f"web-{number}", f"u{number}").write("1", "2", "3")
        with run.run:
            run.run.wait_for(lambda: bool(api.server.asked("pods")), "ask for pods")
            assert run.lines() == 0
            api.answer()
            events = run.wait_for_lines(60)
            assert run.run.terminate() == 0
    assert [event["kubernetes"].get("labels") for event in events] == [{"app": "web"}] * 60


def test_pods_that_come_and_go_leave_neither_memory_nor_open_files_behind(tmp_path: Path) -> None:
    with ApiThread() as api:
        run = PodRun(tmp_path, api, forget_after_ms=0)
        with run.run:
            made = 0
            settled: list[tuple[int, float]] = []
            for turn in range(20):
                pods = [pod(f"job-{n}", f"u{n}", labels={"app": "job"}) for n in range(made, made + 500)]
                api.do(*pods)
                for each in pods[:5]:
                    log = run.log(each["metadata"]["name"], each["metadata"]["uid"])
                    log.write("1")
                run.wait_for_lines(5 * (turn + 1))
                for each in pods[:5]:
                    run.log(each["metadata"]["name"], each["metadata"]["uid"]).remove_pod()
                api.do(*pods, remove=True)
                api.server.history.clear()
                made += 500
                run.run.wait_for(lambda: _followed(run.run.metrics()) == 0, "forget their logs")
                settled.append((run.open_files(), run.peak_mb()))
            assert run.run.terminate() == 0
    assert settled[-1][0] <= settled[4][0] + 2
    assert settled[-1][1] < settled[4][1] + 10, "the peak of ten thousand pods is that of the first ones"


def test_five_hundred_pods_on_a_node_fit_into_200_megabytes(tmp_path: Path) -> None:
    lines = 400
    with ApiThread() as api:
        long = {"x/last-applied": "y" * 8_000}
        api.do(
            *(
                pod(f"web-{n}", f"u{n}", labels={f"label-{i}": f"value-{n}-{i}" for i in range(8)}, annotations=long)
                for n in range(500)
            )
        )
        run = PodRun(tmp_path, api)
        logs = [run.log(f"web-{n}", f"u{n}") for n in range(500)]
        for log in logs:
            log.write(*(f"{number} " + "x" * 200 for number in range(lines)))
        with run.run:
            run.run.wait_for(lambda: run.lines() >= 500 * lines, "deliver the backlog", 120)
            for turn in range(5):
                for log in logs:
                    log.write(*(f"{number} later" for number in range(3)))
                wanted = 500 * (lines + 3 * (turn + 1))
                run.run.wait_for(lambda wanted=wanted: run.lines() >= wanted, "deliver what is written", 60)
            peak = run.peak_mb()
            assert run.run.terminate() == 0
    assert all("labels" in event["kubernetes"] for event in run.events()[::997])
    assert peak < 200
