"""The log files of pods as containerd writes them: lines in parts, rotated as kubelet does, for group 0 to read."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.servers.cri import Containerd, Pod

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z) (stdout|stderr) ([PF]) (.*)")
PART = 16_384  # of containerd
NUMBERED = "i=0; while [ $i -lt 3000 ]; do echo line-$i; i=$((i+1)); done"


def parts(log: Path) -> list[tuple[str, str, str]]:
    """(stream, tag, text) of each line of a log file, all of which have the one shape."""
    found = [LINE.fullmatch(line) for line in log.read_text().splitlines()]
    assert None not in found, log.read_text()[:1000]
    return [match.groups()[1:] for match in found if match]  # type: ignore[misc]


def texts(*logs: Path) -> list[str]:
    """The lines of one stream, over its files, put together from their parts."""
    open_part, lines = "", []
    for log in logs:
        for _, tag, text in parts(log):
            open_part += text
            if tag == "F":
                lines.append(open_part)
                open_part = ""
    return lines


@pytest.fixture
def pod(containerd: Containerd, request: pytest.FixtureRequest) -> Pod:
    """A pod of the test's own; what remains of it ends with the server."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[:60].strip("-")
    return containerd.run_pod("shop", name)


def log_of(pod: Pod, container: str = "app", restart: int = 0) -> Path:
    return pod.log_directory / container / f"{restart}.log"


def await_size(path: Path, size: int) -> None:
    deadline = time.monotonic() + 30
    while path.stat().st_size < size:
        assert time.monotonic() < deadline, f"{path} stays small"
        time.sleep(0.01)


def test_the_path_names_namespace_pod_container_and_restart(containerd: Containerd, pod: Pod) -> None:
    for restart in range(2):
        containerd.wait(containerd.run_container(pod, "app", f"echo begun {restart}", restart=restart))
    relative = [str(path.relative_to(containerd.pods)) for path in sorted(pod.log_directory.rglob("*.log"))]
    named = pod.config["metadata"]
    top = f"{named['namespace']}_{named['name']}_{named['uid']}"
    assert relative == [f"{top}/app/0.log", f"{top}/app/1.log"]
    assert texts(log_of(pod, restart=1)) == ["begun 1"]


def test_a_long_line_is_written_in_parts(containerd: Containerd, pod: Pod) -> None:
    containerd.wait(containerd.run_container(pod, "app", "head -c 40000 /dev/zero | tr '\\0' x; echo; echo short"))
    assert [(tag, len(text)) for _, tag, text in parts(log_of(pod))] == [
        ("P", PART),
        ("P", PART),
        ("F", 40_000 - 2 * PART),
        ("F", 5),
    ]


def test_the_streams_are_told_apart_and_each_has_parts_of_its_own(containerd: Containerd, pod: Pod) -> None:
    long = "head -c 20000 /dev/zero | tr '\\0' {0}; echo"
    script = f"({long.format('o')}) & ({long.format('e')}) >&2 & wait"
    containerd.wait(containerd.run_container(pod, "app", script))
    written = parts(log_of(pod))
    for stream, letter in (("stdout", "o"), ("stderr", "e")):
        own = [(tag, text) for of, tag, text in written if of == stream]
        assert [tag for tag, _ in own] == ["P", "F"]
        assert "".join(text for _, text in own) == letter * 20_000


def test_a_line_that_was_never_ended_stays_a_part(containerd: Containerd, pod: Pod) -> None:
    containerd.wait(containerd.run_container(pod, "app", "echo ended; printf unended"))
    assert parts(log_of(pod)) == [("stdout", "F", "ended"), ("stdout", "P", "unended")]


def test_a_rotation_loses_no_line(containerd: Containerd, pod: Pod) -> None:
    container = containerd.run_container(pod, "app", NUMBERED)
    await_size(log_of(pod), 1)
    rotated = containerd.rotate(container, log_of(pod), "20261128-180000")
    containerd.wait(container)
    assert texts(rotated, log_of(pod)) == [f"line-{number}" for number in range(3000)]


def test_a_line_may_begin_before_a_rotation_and_end_behind_it(containerd: Containerd, pod: Pod) -> None:
    letters = "head -c 40000 /dev/zero | tr '\\0' x"
    container = containerd.run_container(pod, "app", f"{letters}; until [ -e /shared/go ]; do sleep 0.01; done; echo y")
    await_size(log_of(pod), PART)
    rotated = containerd.rotate(container, log_of(pod), "20261128-180000")
    (pod.shared / "go").touch()
    containerd.wait(container)
    assert {tag for _, tag, _ in parts(rotated)} == {"P"}
    assert texts(rotated, log_of(pod)) == ["x" * 40_000 + "y"]


def test_a_terminal_has_one_stream_and_no_carriage_returns(containerd: Containerd, pod: Pod) -> None:
    containerd.wait(containerd.run_container(pod, "app", "echo a; echo b >&2", tty=True))
    assert parts(log_of(pod)) == [("stdout", "F", "a"), ("stdout", "F", "b")]
    assert b"\r" not in log_of(pod).read_bytes()


def test_a_user_in_group_0_without_capabilities_reads_the_logs(containerd: Containerd, pod: Pod) -> None:
    containerd.wait(containerd.run_container(pod, "app", "echo hello"))
    assert _can_read(log_of(pod), containerd.datadir, group=0)
    assert not _can_read(log_of(pod), containerd.datadir, group=10_001)


def _can_read(log: Path, top: Path, group: int) -> bool:
    """Whether user 10001 finds and reads a log file, from a directory on that stands for /var/log."""
    rights = ["--reuid=10001", f"--regid={group}", "--clear-groups", "--bounding-set=-all", "--no-new-privs"]
    relative = log.relative_to(top)
    look = f"ls {relative.parts[0]} && cat {relative}"
    done = subprocess.run(["setpriv", *rights, "sh", "-c", look], cwd=top, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "denied" in done.stderr, done.stderr
    return done.returncode == 0
