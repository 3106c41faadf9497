"""What a running program uses, seen from outside: CPU seconds and memory of its whole process group."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

POLL_S = 0.02
STOP_TIMEOUT_S = 30
_LOOK_S = 0.25
"""Time between two searches for new processes of the group."""
_TICK = os.sysconf("SC_CLK_TCK")


class Watched(NamedTuple):
    """How a program's way to the end of its job was seen."""

    first: float
    """When the sink held its first event, by `time.monotonic()`; 0 when it never did."""
    last: float
    """When it held the last one."""
    start_cpu_seconds: float
    """CPU seconds up to the first event."""
    cpu_seconds: float
    """CPU seconds up to the last one."""
    count: int
    """Events at the end."""


class Meter:
    """Watches a program that leads a process group of its own, and ends it."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._ended_cpu: float | None = None
        self._members: list[Path] = []
        self._looked = 0.0
        self.peak_rss_mb = 0.0
        """Of the largest process so far."""

    @property
    def has_ended(self) -> bool:
        """Did the program end by itself? Its status is then in `returncode`."""
        if self._ended_cpu is None:
            pid, status, usage = os.wait4(self._child.pid, os.WNOHANG)
            if pid:
                self._child.returncode = os.waitstatus_to_exitcode(status)
                self._ended_cpu = usage.ru_utime + usage.ru_stime
        return self._ended_cpu is not None

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._child.returncode

    def cpu_seconds(self) -> float:
        """User and system time of all processes of the group, those included that they have waited for."""
        if self.has_ended:
            return self._ended_cpu or 0.0
        if time.monotonic() - self._looked > _LOOK_S:
            self._members = list(_group(self._child.pid))
            self._looked = time.monotonic()
        ticks = 0
        for folder in self._members:
            if fields := _stat(folder):
                ticks += sum(map(int, fields[11:15]))
                # Not ru_maxrss: a child has that of its parent, up to its exec.
                self.peak_rss_mb = max(self.peak_rss_mb, _high_water_mb(folder))
        return ticks / _TICK

    def watch(self, count: Callable[[], int], expected: int, quiet_s: float, poll_s: float = POLL_S) -> Watched:
        """Wait until the sink holds all events, or nothing came for `quiet_s` seconds, or the program ended."""
        first = start_cpu = cpu = 0.0
        seen, changed = 0, time.monotonic()
        while True:
            ended = self.has_ended
            now_there, now, cpu = count(), time.monotonic(), self.cpu_seconds()
            if now_there > seen:
                if not seen:
                    first, start_cpu = now, cpu
                seen, changed = now_there, now
            if seen >= expected or ended or now - changed > quiet_s:
                return Watched(first, changed, start_cpu, cpu, seen)
            time.sleep(poll_s)

    def stop(self) -> None:
        """Let the program end in order, and kill what is left of its group."""
        if not self.has_ended:
            self._signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not self.has_ended and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self._signal(signal.SIGKILL)
        while not self.has_ended:
            time.sleep(POLL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)


def _group(leader: int) -> Iterator[Path]:
    """The processes of a group."""
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _stat(folder)
        if fields and int(fields[2]) == leader:
            yield folder


def _stat(folder: Path) -> list[str]:
    """What proc_pid_stat(5) has, from the state on; nothing of a process that is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return (folder / "stat").read_text().rpartition(")")[2].split()
    return []


def _high_water_mb(folder: Path) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in (folder / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
