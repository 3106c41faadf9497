"""A bulk API that answers as a test tells it: the faults that a real server cannot be made to show."""

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

Item = tuple[int, dict[str, Any] | None]
"""Status and error of one item."""


@dataclass
class Asked:
    """One bulk request: its operations as (action line, document), path, headers."""

    operations: list[tuple[dict[str, Any], Any]]
    path: str
    headers: dict[str, str]

    @property
    def ids(self) -> list[str | None]:
        return [next(iter(action.values())).get("_id") for action, _ in self.operations]


@dataclass
class SearchFake:
    """Answers come from `script` first, one a bulk request, then from `judge`, one an item.

    A script entry is a status, (status, body), HANG or CLOSE.
    """

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    script: list[Any] = field(default_factory=list)
    judge: Callable[[dict[str, Any], Any], Item] = lambda action, document: (200, None)
    root_status: int = 200

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({"version": {"number": "9.0.0"}}, status=self.root_status)
        raw = await request.read()
        asked = Asked(list(_operations(raw)), request.path_qs, dict(request.headers))
        self.asked.append(asked)
        return await self._scripted(request) if self.script else web.json_response(self._items(asked))

    async def _scripted(self, request: web.BaseRequest) -> web.StreamResponse:
        told = self.script.pop(0)
        if told == HANG:
            await asyncio.Event().wait()
        if told == CLOSE:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, body = told if isinstance(told, tuple) else (told, {"error": {"type": "t", "reason": "r"}})
        if isinstance(body, bytes):
            return web.Response(status=status, body=body)
        return web.json_response(body, status=status)

    def _items(self, asked: Asked) -> dict[str, Any]:
        items = []
        for action, document in asked.operations:
            ((kind, names),) = action.items()
            status, error = self.judge(names, document)
            items.append({kind: {"status": status, **({"error": error} if error else {})}})
        return {"errors": any("error" in next(iter(item.values())) for item in items), "items": items}


def _operations(raw: bytes) -> Any:
    lines = iter(raw.decode().splitlines())
    for line in lines:
        action = json.loads(line)
        yield action, None if "delete" in action else json.loads(next(lines))


@asynccontextmanager
async def search_fake(ssl: Any = None) -> AsyncIterator[SearchFake]:
    fake = SearchFake()
    server = RawTestServer(fake.answer, port=0)
    await server.start_server(ssl=ssl) if ssl else await server.start_server()
    fake.url = str(server.make_url("")).rstrip("/")
    try:
        yield fake
    finally:
        await server.close()


__all__ = ["CLOSE", "HANG", "Asked", "SearchFake", "search_fake"]
