"""An Engine of which a test says when it answers what: containers with scripted logs, behind Docker's API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Self

from aiohttp import web

from wlf.components.collectors._docker.frames import HEADER
from wlf.components.collectors._docker.moments import earlier

Record = tuple[int, str, str]
"""Stream, time, text with its line feed."""


@dataclass
class FakeContainer:
    """One container; `records` may grow while it runs."""

    id: str
    name: str
    records: list[Record] = field(default_factory=list)
    is_running: bool = True
    ended_at: str = "2026-01-01T00:00:00Z"
    repeats: dict[int, list[Record]] = field(default_factory=dict)
    """What is sent besides, once, before the record of that number to whoever follows."""
    refusal: tuple[int, str] | None = None
    """What the Engine answers who asks for its log."""

    def shown(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Config": {"Image": "fake:1", "Labels": {"team": "shop"}, "Tty": False},
            "State": {"Running": self.is_running, "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": self.ended_at},
        }


class FakeEngine:
    """Listens on a Unix socket in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "fake.sock"
        self.url = f"unix://{self.socket}"
        self.containers: dict[str, FakeContainer] = {}
        self.set_clock("2026-06-01T00:00:00.000000000Z")
        self.asked: list[tuple[str, str]] = []
        """(container, since) of each log that was asked for."""
        self.sent_bytes = 0
        self.breaks_after: int | None = None
        """So many records, and the stream breaks off; once."""
        self._changed = asyncio.Condition()
        self._notices: list[dict[str, Any]] = []
        self._told_by_then = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/version", self._version)
        for path, answer in {
            "version": self._version,
            "info": self._info,
            "events": self._events,
            "containers/json": self._list,
            "containers/{id}/json": self._inspect,
            "containers/{id}/logs": self._logs,
        }.items():
            app.router.add_get(f"/v1.41/{path}", answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def set_clock(self, time: str) -> None:
        """Its clock goes on from there."""
        self.time, self._set_at = time, monotonic()

    async def add(self, name: str, records: Iterable[Record] = (), *, is_running: bool = True) -> FakeContainer:
        """A container that was started just now."""
        container = FakeContainer(name.rjust(64, "0"), name, list(records), is_running)
        self.containers[container.id] = container
        await self.tell("start", container)
        return container

    async def write(self, container: FakeContainer, *records: Record) -> None:
        container.records += records
        await self._wake()

    async def end(self, container: FakeContainer) -> None:
        container.is_running = False
        await self.tell("die", container)

    async def remove(self, container: FakeContainer) -> None:
        del self.containers[container.id]
        container.is_running = False
        await self.tell("destroy", container)

    async def tell(self, action: str, container: FakeContainer) -> None:
        self._notices.append({"Type": "container", "Action": action, "Actor": {"ID": container.id}})
        await self._wake()

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"ApiVersion": "1.41", "Components": [{"Name": "Engine"}]})

    async def _info(self, _: web.Request) -> web.Response:
        self._told_by_then = len(self._notices)
        return web.json_response({"SystemTime": earlier(self.time, self._set_at - monotonic())})

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response(
            [{"Id": each.id, "State": "running" if each.is_running else "exited"} for each in self.containers.values()]
        )

    async def _inspect(self, request: web.Request) -> web.Response:
        return web.json_response(self._container(request).shown())

    def _container(self, request: web.Request) -> FakeContainer:
        found = self.containers.get(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound(text=json.dumps({"message": "No such container"}), content_type="application/json")
        return found

    async def _events(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        told = self._told_by_then  # all since the time that was asked for, which is when that was said
        with suppress(ConnectionResetError):
            while True:
                for notice in self._notices[told:]:
                    told += 1
                    await answer.write(json.dumps(notice).encode() + b"\n")
                async with self._changed:
                    await self._changed.wait_for(lambda told=told: len(self._notices) > told)  # type: ignore[misc]
        return answer

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        container = self._container(request)
        self.asked.append((container.name, request.query["since"]))
        if container.refusal is not None:
            status, message = container.refusal
            return web.json_response({"message": message}, status=status)
        answer = web.StreamResponse()
        await answer.prepare(request)
        with suppress(ConnectionResetError):
            await self._send(container, request, answer)
        return answer

    async def _send(self, container: FakeContainer, request: web.Request, answer: web.StreamResponse) -> None:
        since, at = float(request.query["since"]), 0
        follows = request.query["follow"] == "1"
        while True:
            for record in container.records[at:]:
                besides = container.repeats.pop(at, []) if follows else []
                at += 1
                if self.breaks_after == at:
                    self.breaks_after = None
                    assert request.transport is not None
                    request.transport.abort()
                    return
                for stream, time, text in (*besides, record):
                    if _seconds(time) < since - 1e-6:
                        continue
                    content = f"{time} {text}".encode()
                    frame = HEADER.pack(stream, len(content)) + content
                    await answer.write(frame)
                    self.sent_bytes += len(frame)
            if not (follows and container.is_running):
                return
            async with self._changed:
                await self._changed.wait_for(
                    lambda at=at: len(container.records) > at or not container.is_running  # type: ignore[misc]
                )


def _seconds(time: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(time[:19] + "+00:00").timestamp() + float("0" + time[19:-1])


def at(seconds: float, text: str, stream: int = 1) -> Record:
    """A record so many seconds behind 2026-05-01."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return stream, f"2026-05-01T{hours:02}:{minutes:02}:{rest:012.9f}Z", f"{text}\n"
