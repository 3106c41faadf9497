"""The meter sees a program's whole process group, and leaves nothing of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Meter
from tests.integration.sinks import eventually
from tests.servers.server import living

_PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
time.sleep(600)
"""
_CHILD = """
import time
held = bytearray(b"x") * (200 << 20)
while time.process_time() < 0.5:
    pass
print("done", flush=True)
time.sleep(600)
"""


def started(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", *argv], stdout=subprocess.PIPE, process_group=0)


def test_children_count_and_go(tmp_path: Path) -> None:
    program = started(_PARENT, _CHILD)
    assert program.stdout is not None
    with Meter(program) as meter:
        assert program.stdout.readline() == b"done\n"
        eventually(lambda: meter.cpu_seconds() >= 0.5, "the child's CPU time")
        assert meter.peak_rss_mb >= 200
        assert not meter.has_ended
    assert meter.has_ended
    eventually(lambda: not list(living(program.pid)), "the end of the group")
    program.stdout.close()


def test_a_program_that_ends_by_itself_is_not_waited_for() -> None:
    program = started("import time\nwhile time.process_time() < 0.3: pass\nraise SystemExit(3)")
    with Meter(program) as meter:
        watched = meter.watch(lambda: 5, 10, 600)
    assert (watched.count, meter.returncode) == (5, 3)
    assert watched.cpu_seconds >= 0.3
    assert program.stdout is not None
    program.stdout.close()


def test_watching_ends_with_the_last_event_or_with_silence() -> None:
    program = started("import time; time.sleep(600)")
    counts = iter((0, 1, 2, 3, 4))
    with Meter(program) as meter:
        watched = meter.watch(lambda: next(counts), 3, 600, poll_s=0)
        assert (watched.count, watched.first < watched.last) == (3, True)
        assert meter.watch(lambda: 0, 3, 0, poll_s=0).count == 0
    assert program.stdout is not None
    program.stdout.close()
