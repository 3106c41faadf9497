"""A program that the crash tests kill: numbered lines of a file go to a file, through a real store.

python pipeline.py SOURCE SINK STATE_DIR [--until-end] [--slow] [--deaf]
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from wlf.components.base import Collected, Collector, Dispatcher, Outgoing
from wlf.components.config import BatchConfig, CollectorConfig, DispatcherConfig
from wlf.events import Event, Kinds, LogLine
from wlf.runtime.run import run_pipeline
from wlf.testing import build_plan


class LinesConfig(CollectorConfig, frozen=True, kw_only=True):
    path: str


class LinesCollector(Collector):
    type_name = "Lines"
    Config = LinesConfig

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        return frozenset((LogLine,))

    async def open(self, positions: Mapping[str, bytes]) -> None:
        self.file = open(self.config.path, "rb")  # noqa: ASYNC230, SIM115 - a small local file, closed below
        self.file.seek(int(positions.get("file", b"0")))
        self.started = False

    async def collect(self) -> Collected | None:
        if not self.started:
            self.started = True
            return Collected([], self.position())
        # One turn a batch at 1 ms, so that there is a moment to be killed in.
        await asyncio.sleep(0.001)
        events: list[Event] = [LogLine("lines", 0.0, line.decode().rstrip()) for line in islice(self.file, 20)]
        if not events:
            if self.context.until_end:
                return None
            await asyncio.sleep(3600)
        return Collected(events, self.position())

    def position(self) -> dict[str, bytes]:
        return {"file": b"%012d" % self.file.tell()}

    def covers(self, cursor: bytes, position: bytes) -> bool:
        return cursor >= position

    async def close(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


class AppendConfig(DispatcherConfig, frozen=True, kw_only=True):
    path: str
    slow: bool = False
    deaf: bool = False


class AppendDispatcher(Dispatcher):
    type_name = "Append"
    Config = AppendConfig
    waiting: list[str] = []

    async def open(self) -> None:
        self.file = open(self.config.path, "ab")  # noqa: ASYNC230, SIM115 - a small local file, closed below
        self.waiting = []

    async def dispatch(self, batch: Outgoing) -> None:
        if self.config.deaf:
            Path(f"{self.config.path}.deaf").touch()  # noqa: ASYNC240 - a sign for the test, one small call
            await asyncio.sleep(3600)
        if self.config.slow:
            await asyncio.sleep(0.05)
        # Kept in memory until flush(), as a client library with a buffer does: what is lost in a crash is most.
        self.waiting += [event.message for event in batch.events]

    async def flush(self) -> None:
        self.file.write("".join(f"{message}\n" for message in self.waiting).encode())
        self.waiting = []
        self.file.flush()
        os.fsync(self.file.fileno())

    async def close(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


def main(source: str, sink: str, state_dir: str, *flags: str) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    plan = build_plan(
        (LinesCollector, LinesConfig(id="lines", destination="append", path=source)),
        (
            AppendDispatcher,
            AppendConfig(
                id="append",
                path=sink,
                slow="--slow" in flags,
                deaf="--deaf" in flags,
                batch=BatchConfig(max_events=50, max_delay_ms=1),
            ),
        ),
        checkpoint_interval_ms=10,
        shutdown_timeout_ms=2_000,
    )
    report = run_pipeline(plan, Path(state_dir), until_end="--until-end" in flags)
    for problem in report.problems:
        print(problem, file=sys.stderr)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
