"""One program with one job, from its start to the count of what arrived."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.contender import Contender, Job, Source
from benchmarks.end_to_end.expected import Expected
from benchmarks.end_to_end.receivers.base import Receiver
from benchmarks.measure import Meter, Watched
from benchmarks.result import Result
from tests.servers.cache import NotInstalled

QUIET_S = 60.0
"""So long nothing may arrive; a Java program takes ten seconds to start."""
NOT_ITS_JOB = "it does not do this"
SETTLE_S = 0.2
"""What is sent twice may come behind what was awaited."""


def race(
    contender: Contender,
    source: Source,
    receiver: Receiver,
    expected: Expected,
    folder: Path,
    *,
    case: str,
    input: str,
    suite: str = "end to end",
    quiet_s: float = QUIET_S,
) -> Result:
    """Run it, wait until all is there, end it, and count. A job that it does not do gives a result that says so."""
    empty = Result(suite=suite, case=case, who=contender.name, input=input)
    try:
        contender.install()
    except NotInstalled as reason:
        return _without(empty, str(reason))
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "job").mkdir(parents=True)
    receiver.row_marks = contender.row_marks
    sink = receiver.place(folder, expected)
    if (type(source), type(sink)) not in contender.does:
        return _without(empty, NOT_ITS_JOB)
    try:
        with Meter(contender.start(Job(source, sink, folder / "job"))) as meter:
            watched = meter.watch(receiver.count, receiver.wanted(expected), quiet_s, receiver.poll_s)
            if watched.count >= receiver.wanted(expected):
                meter.watch(receiver.count, sys.maxsize, SETTLE_S, receiver.poll_s)
            status = meter.returncode
        if watched.count == 0:
            return _without(empty, _why_nothing(status, folder / "job"))
        return _result(empty, watched, meter, receiver, expected)
    finally:
        receiver.clear()


def _result(empty: Result, watched: Watched, meter: Meter, receiver: Receiver, expected: Expected) -> Result:
    told = receiver.audit(expected)
    seconds = receiver.span_s()
    return Result(
        suite=empty.suite,
        case=empty.case,
        who=empty.who,
        input=empty.input,
        events=len(expected) - told.lost,
        seconds=watched.last - watched.first if seconds is None else seconds,
        cpu_seconds=watched.cpu_seconds,
        start_cpu_seconds=watched.start_cpu_seconds,
        megabytes=expected.megabytes,
        peak_rss_mb=round(meter.peak_rss_mb, 1),
        lost=told.lost,
        duplicates=told.duplicates,
        note=f"{told.strangers} messages of no event" if told.strangers else "",
    )


def _why_nothing(status: int | None, folder: Path) -> str:
    """The status, and the last line of what the program said."""
    ended = "it still ran" if status is None else f"it ended with status {status}"
    said = [line for log in sorted(folder.glob("*.log")) for line in log.read_text(errors="replace").splitlines()]
    return f"nothing came, and {ended}: {next((line for line in reversed(said) if line.strip()), 'it said nothing')}"


def _without(empty: Result, reason: str) -> Result:
    return Result(suite=empty.suite, case=empty.case, who=empty.who, input=empty.input, missing=reason)
