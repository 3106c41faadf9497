"""Whatever is written, rotated, truncated and restarted in whatever order: each line comes once; after a crash, again
at most what was read since the positions were stored."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components.collectors.file_reading import FileReading, run

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 30), st.integers(0, 40)),
        st.tuples(st.just("rename")),
        st.tuples(st.just("copytruncate")),
        st.tuples(st.just("compress")),
        st.tuples(st.just("replace")),
        st.tuples(st.just("read")),
    ),
    min_size=1,
    max_size=25,
)


class Logs:
    """A directory in which a program writes app.log, and a rotation does what rotations do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "app.log"
        self.log.touch()
        self.written: list[str] = []
        self.rest = b""
        self.replaced = 0

    def write(self, count: int, left_over: int) -> None:
        """Lines, the last of which is written in part; the rest follows with the next ones."""
        lines = [f"line {len(self.written) + n} {'x' * (7 * n % 50)}" for n in range(count)]
        self.written += lines
        text = self.rest + "".join(line + "\n" for line in lines).encode()
        cut = max(len(self.rest), len(text) - left_over)
        self.rest = text[cut:]
        with self.log.open("ab") as file:
            file.write(text[:cut])

    def finish_line(self) -> None:
        with self.log.open("ab") as file:
            file.write(self.rest)
        self.rest = b""

    def shift(self) -> None:
        """app.log.1 becomes app.log.2 and so on."""
        for number in range(30, 0, -1):
            for suffix in ("", ".gz"):
                old = self.folder / f"app.log.{number}{suffix}"
                if old.exists():
                    old.rename(self.folder / f"app.log.{number + 1}{suffix}")

    def rename(self) -> None:
        self.finish_line()
        self.shift()
        self.log.rename(self.folder / "app.log.1")
        self.log.touch()

    def copytruncate(self) -> None:
        self.finish_line()
        self.shift()
        shutil.copy(self.log, self.folder / "app.log.1")
        self.log.write_bytes(b"")

    def replace(self) -> None:
        """The program begins a new file under the same name, and the old one goes to a name that no glob means."""
        self.finish_line()
        self.replaced += 1
        self.log.rename(self.folder / f"old-{self.replaced}")
        self.log.touch()

    def compress(self) -> None:
        for path in sorted(self.folder.glob("app.log.*")):
            if path.suffix != ".gz":
                packed = path.with_name(path.name + ".gz")
                with packed.open("wb") as file:
                    file.write(gzip.compress(path.read_bytes()))
                path.unlink()
                return

    def do(self, step: tuple[Any, ...]) -> None:
        getattr(self, step[0])(*step[1:])


def whole(reading: FileReading) -> Counter[str]:
    """Lines by how often they came, parts put together."""
    found: Counter[str] = Counter()
    begun = ""
    for event in reading.events:
        flags = event.flags or ()
        if "partial" in flags:
            begun += event.message
            continue
        found[begun + event.message if "continued" in flags else event.message] += 1
        begun = ""
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_every_line_comes_once_when_all_happens_between_two_runs(steps: list[tuple[Any, ...]]) -> None:
    async def scenario(folder: Path) -> None:
        logs = Logs(folder)
        async with FileReading(folder, include=["app.log*"]) as reading:
            for step in steps:
                if step[0] in ("read", "replace"):  # what was never seen under its name cannot be known under another
                    logs.finish_line()
                    await reading.to_end()
                if step[0] != "read":
                    logs.do(step)
            logs.finish_line()
            await reading.to_end()
            assert whole(reading) == Counter(logs.written)

    with tempfile.TemporaryDirectory() as folder:
        run(scenario(Path(folder)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_every_line_comes_once_when_it_happens_while_wlf_reads(steps: list[tuple[Any, ...]]) -> None:
    async def scenario(folder: Path) -> None:
        logs = Logs(folder)
        async with FileReading(folder, include=["app.log*"]) as reading:
            await reading.step()
            for step in steps:
                if step[0] == "read":
                    logs.finish_line()
                    await reading.until(lambda: whole(reading).total() >= len(logs.written))
                else:
                    logs.do(step)
            logs.finish_line()
            await reading.until(lambda: whole(reading).total() >= len(logs.written))
            await reading.to_end()
            assert whole(reading) == Counter(logs.written)

    with tempfile.TemporaryDirectory() as folder:
        run(scenario(Path(folder)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, st.integers(1, 4))
def test_nothing_is_lost_and_little_comes_again_when_positions_are_lost(
    steps: list[tuple[Any, ...]], every: int
) -> None:
    async def scenario(folder: Path) -> None:
        logs = Logs(folder)
        async with FileReading(folder, include=["app.log*"]) as reading:
            reads = 0
            stored: dict[str, bytes] = {}
            for step in steps:
                if step[0] not in ("read", "replace"):
                    logs.do(step)
                    continue
                logs.finish_line()
                await reading.to_end()
                reads += 1
                if reads % every:
                    reading.stored = dict(stored)
                stored = dict(reading.stored)
                if step[0] == "replace":
                    logs.do(step)
            logs.finish_line()
            await reading.to_end()
            found = whole(reading)
            assert found.keys() == set(logs.written)
            assert max(found.values(), default=0) <= 1 + reads

    with tempfile.TemporaryDirectory() as folder:
        run(scenario(Path(folder)))
