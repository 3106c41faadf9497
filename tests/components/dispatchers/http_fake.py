"""A server that takes events over HTTP, and answers as a test tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import RawTestServer

HANG = "hang"
CLOSE = "close"
BREAK = "break"
"""200, and then the connection ends in the middle of the body."""


@dataclass
class Asked:
    """One request: its events, and all else that a test asks about."""

    method: str
    path: str
    headers: Any
    raw: bytes
    events: list[Any]


@dataclass
class HttpFake:
    """Answers come from `script` first, one a request, then from `judge`, which sees the events.

    An answer is a status, (status, body), (status, body, headers), HANG, CLOSE or BREAK.
    """

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    """The events of all requests that were answered with 2xx."""
    script: list[Any] = field(default_factory=list)
    judge: Callable[[list[Any]], Any] = lambda events: 200

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await request.read()
        found = json.loads(raw) if raw[:1] == b"[" else [json.loads(line) for line in raw.splitlines()]
        self.asked.append(Asked(request.method, request.raw_path, request.headers.copy(), raw, found))
        told = self.script.pop(0) if self.script else self.judge(found)
        if told == HANG:
            await asyncio.Event().wait()
        if told == CLOSE:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if told == BREAK:
            return await self._broken(request, found)
        status, body, headers = (*told, {})[:3] if isinstance(told, tuple) else (told, "", {})
        if 200 <= status < 300:
            self.taken += found
        return web.Response(status=status, text=body, headers=headers)

    async def _broken(self, request: web.BaseRequest, found: list[Any]) -> web.StreamResponse:
        self.taken += found
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response


@asynccontextmanager
async def http_fake(ssl: Any = None) -> AsyncIterator[HttpFake]:
    fake = HttpFake()
    server = RawTestServer(fake.answer, port=0)
    await server.start_server(ssl=ssl) if ssl else await server.start_server()
    fake.url = str(server.make_url("")).rstrip("/")
    try:
        yield fake
    finally:
        await server.close()
