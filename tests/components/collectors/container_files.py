"""A collector of CRI files that knows nothing of pods: what all collectors of container logs have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.components.collectors.file_reading import FileReading, run
from wlf.components.collectors.file import FileCollector
from wlf.components.containers.reading import ContainerReading
from wlf.components.containers.records import LineRecords
from wlf.components.containers.source import Entries, Verdict
from wlf.components.containers.tally import ContainerTally
from wlf.components.following.follow import Followed
from wlf.components.following.globs import Globs
from wlf.components.following.multiline import Grouping, grouping_of
from wlf.components.following.session import Session
from wlf.events import Event
from wlf.events.log import FileLine

NAME = re.compile(r"(\d+)\.log(?:\.([\d-]+))?(?:\.gz)?")


class CriFiles(FileCollector):
    """`file` of its events is the stream, `offset` where a line begins, and `host` the time."""

    verdicts: Mapping[str, Verdict] = {}

    async def open(self, positions: Mapping[str, bytes]) -> None:
        await self.close()
        config, context = self.config, self.context
        tally = ContainerTally(context.metrics)
        self._session = Session(
            config,
            Globs(config.include, config.exclude),
            lambda roster: ContainerReading(
                config, self, LineRecords(), tally, context.clock, want_offsets=config.offset
            ),
            context,
            tally,
        )
        await self._session.begin(positions)

    def log_of(self, path: str) -> tuple[str, tuple[int, str]]:
        directory, _, name = path.rpartition("/")
        match = NAME.fullmatch(name)
        assert match is not None
        number, stamp = match.groups()
        return f"{directory}/{number}", (0, stamp) if stamp else (1, "")

    def verdict(self, followed: Followed) -> Verdict:
        return self.verdicts.get(Path(followed.path).parent.name, Verdict.READ)

    def due_at(self) -> float:
        return float("inf")

    def grouping(self, followed: Followed) -> Grouping | None:
        return None if self.config.multiline is None else grouping_of(self.config.multiline)

    def events(self, followed: Followed, entries: Entries) -> list[Event]:
        count = len(entries.texts)
        flags = entries.flags or [()] * count
        offsets = entries.offsets or [0] * count
        rows = zip(*entries[:4], flags, offsets, strict=True)
        return [
            FileLine("files", ts, text, "log", file=stream, host=time, offset=offset, flags=flag)
            for time, ts, stream, text, flag, offset in rows
        ]


class CriReading(FileReading):
    """Lives of a CriFiles one after the other."""

    verdicts: Mapping[str, Verdict] = {}

    def _make(self) -> None:
        super()._make()
        self.collector = CriFiles(self.config, self.context)
        self.collector.verdicts = self.verdicts

    def of(self, stream: str) -> list[str]:
        """The messages of one stream."""
        return [event.message for event in self.events if event.file == stream]


def record(number: int, stream: str, tag: str, text: str) -> bytes:
    """One record, the time of which tells the number."""
    return f"2026-01-31T10:{number // 60 % 60:02}:{number % 60:02}.{number:09}Z {stream} {tag} {text}\n".encode()


def write(path: Path, *lines: Any) -> None:
    """Records after each other; a text such as `out F one` stands for a record of stdout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        for number, line in enumerate(lines):
            if isinstance(line, bytes):
                file.write(line)
            else:
                stream, tag, text = line.split(" ", 2)
                file.write(record(number, "std" + stream, tag, text))


def run_all(reading: CriReading) -> CriReading:
    """Read what is there, to its end."""
    run(reading.to_end())
    return reading
