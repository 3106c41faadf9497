"""One container that is read: what it is, where reading stands, and events of what its log stream brings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from msgspec import UNSET, UnsetType

from wlf.components.collectors._docker.frames import ENGINE, STDERR, Framed, Raw, Terminal
from wlf.components.collectors._docker.moments import BEGINNING, earlier
from wlf.components.collectors._docker.position import Place, Position
from wlf.components.collectors._docker.stream import Stream
from wlf.components.collectors._docker.tally import Tally
from wlf.components.containers.streams import Made
from wlf.components.containers.times import seconds_of
from wlf.events.log import Container, ContainerLine

MARGIN_SECONDS = 5.0
"""Records of the two streams are out of order by microseconds; a clock is set back by more now and then."""
_PROJECT, _SERVICE = "com.docker.compose.project", "com.docker.compose.service"
_NAMES = ("stdout", "stderr")


def described(inspected: Mapping[str, Any]) -> Container:
    """What the Engine tells of a container, as events carry it."""
    config = inspected.get("Config") or {}
    labels: dict[str, str] = config.get("Labels") or {}
    return Container(
        id=inspected["Id"],
        name=str(inspected.get("Name", "")).removeprefix("/"),
        image=config.get("Image") or UNSET,
        labels=labels or UNSET,
        compose_project=labels.get(_PROJECT, UNSET),
        compose_service=labels.get(_SERVICE, UNSET),
    )


class Mark(Enum):
    """What stands behind a chunk."""

    MORE = 0
    END_OF_LOG = 1
    """The stream ended as it should."""
    OVER = 2
    """The container ended, and all is read."""
    GONE = 3
    """It was removed."""
    LEFT = 4
    """It goes on, but nobody reads it further."""


class Followed:
    """Everything of a container that is followed.

    Args:
        position: where reading goes on.
        new_stream: makes a Stream that goes on at a place.
        source, host: what its events carry.
    """

    def __init__(
        self,
        container: Container,
        position: Position,
        new_stream: Callable[[Place], Stream],
        source: str,
        host: str | UnsetType,
        tally: Tally,
    ) -> None:
        self.container = container
        self.id = container.id
        self.streams = (new_stream(position.stdout), new_stream(position.stderr))
        self.since = position.since
        """Of the last record that was read, of whichever stream."""
        self.ended = position.ended
        self.chunk = b""
        """What has come and is not looked at."""
        self.mark = Mark.MORE
        """What follows behind it."""
        self.taken = asyncio.Event()
        """The chunk was looked at, so the next one may come."""
        self.alone_until = BEGINNING
        """Other dispatchers may have come further than where reading began: until here it has batches of its own."""
        self.complaint = ""
        """What the Engine said of the log."""
        self._source = source
        self._host = host
        self._tally = tally
        self._frames: Framed | Terminal = Framed()

    def begin(self, *, has_terminal: bool, is_podman: bool) -> None:
        """A log stream is opened."""
        self._frames = Terminal() if has_terminal else Framed()
        for stream in self.streams:
            stream.is_podman = is_podman

    def events(self, data: bytes) -> list[ContainerLine]:
        """The events that the next bytes complete. Raises NoFrames."""
        self._tally.read_bytes.add(len(data))
        if self.fell_to is not None:
            return []
        return self._events(self._frames.feed(data))

    def close(self, mark: Mark) -> list[ContainerLine]:
        """The events that are complete because of what stands behind the last chunk."""
        if mark is Mark.MORE:
            return []
        events = self._events(self._frames.end()) if self.fell_to is None else []
        if mark in (Mark.OVER, Mark.GONE):
            events += self._each(Stream.end)
        elif mark is Mark.LEFT:
            events += self.overdue()
        return events

    def overdue(self) -> list[ContainerLine]:
        """What waited long enough for the rest."""
        return self._each(Stream.overdue)

    def _each(self, end: Callable[[Stream], list[Made]]) -> list[ContainerLine]:
        return [event for number in (0, 1) for event in self._made(number, end(self.streams[number]))]

    @property
    def holds(self) -> bool:
        """Does anything wait for the rest?"""
        return any(stream.holds for stream in self.streams)

    @property
    def holds_part(self) -> bool:
        """Is that a line that goes on?"""
        return any(stream.holds_part for stream in self.streams)

    @property
    def fell_to(self) -> str | None:
        """A time that one of the streams does not trust: the log is to be read again."""
        return min((stream.fell_to for stream in self.streams if stream.fell_to is not None), default=None)

    @property
    def has_peaks(self) -> bool:
        """Was the clock set back, and is not yet where it was?"""
        return any(stream.peak > stream.time for stream in self.streams)

    def position(self) -> Position:
        """What lies before it is delivered."""
        stdout, stderr = (stream.place() for stream in self.streams)
        held = [place.time for place, stream in zip((stdout, stderr), self.streams, strict=True) if stream.holds]
        return Position(self.container.name, stdout, stderr, min([self.since, *held]), self.ended)

    def asks_since(self) -> str:
        """From where on the log is asked for."""
        return earlier(self.since, MARGIN_SECONDS)

    def reread(self, since: str, are_there: tuple[bool | None, bool | None] = (None, None)) -> None:
        """The log is read again from `since` on; see Stream."""
        for stream, is_there in zip(self.streams, are_there, strict=True):
            stream.reread(since, is_there)

    def _events(self, records: list[Raw]) -> list[ContainerLine]:
        events: list[ContainerLine] = []
        for kind, content in records:
            if kind == ENGINE:
                self.complaint = content.decode(errors="replace").strip()
                continue
            number = kind == STDERR
            stream = self.streams[number]
            made = stream.take(content)
            if made:
                events += self._made(number, made)
            self.since = stream.time
            if stream.fell_to is not None:
                break
        return events

    def _made(self, number: int, made: list[Made]) -> list[ContainerLine]:
        source, name, container, host = self._source, _NAMES[number], self.container, self._host
        return [
            ContainerLine(source, seconds_of(time), text, "log", UNSET, time, name, container, host, flags or UNSET)
            for time, text, flags, _ in made
        ]
