"""A small API server: pods and namespaces, listed in pages, watched with bookmarks, and every way to fail on demand.

It keeps the rules that a client relies on: versions that rise, a watch that begins behind the version that was asked
for, 410 for one that is compacted, selection by fields, `timeoutSeconds`, and tokens that are checked.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]


def pod(name: str, uid: str, *, namespace: str = "shop", node: str = "n1", **more: Any) -> Json:
    """As the API server has them, with what wlf has no use for."""
    metadata: Json = {
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
        **more.pop("metadata", {}),
    }
    for field in ("labels", "annotations", "ownerReferences"):
        if field in more:
            metadata[field] = more.pop(field)
    containers = more.pop("containers", ["app"])
    status = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "containerStatuses": [
            {"name": each, "containerID": f"containerd://{each}0", "restartCount": 0, "lastState": {}}
            for each in containers
        ],
    }
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {
            "nodeName": node,
            "serviceAccountName": "default",
            "containers": [{"name": each, "image": f"example/{each}:1"} for each in containers],
            **more.pop("spec", {}),
        },
        "status": {**status, **more.pop("status", {})},
    }


def namespace(name: str, **labels: str) -> Json:
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}}


class KubeApi:
    """`objects` by (kind, namespace, name); `requests` are what came, as (path, parameters)."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.history: list[tuple[int, str, str, Json]] = []
        """(version, kind, ADDED or MODIFIED or DELETED, object)"""
        self.version = 100
        self.compacted = 0
        self.page_objects: int | None = None
        """A page is never larger."""
        self.token: str | None = None
        self.refuse: Callable[[web.Request], web.StreamResponse | None] = lambda request: None
        """Answers in place of the server."""
        self.stalled = asyncio.Event()
        self.stalled.set()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.watches = 0
        """How many are open."""
        self._changed = asyncio.Event()
        self._ended = 0
        self.port = 0
        self.is_ending = False
        self._runner: web.AppRunner | None = None

    async def start(self) -> Self:
        """Listen; on the same port as before, if it did."""
        app = web.Application()
        app.router.add_get("/api/v1/{kind}", self._answer)
        self.is_ending = False
        self._runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return self

    async def stop(self) -> None:
        """Gone, with all connections."""
        self.is_ending = True  # whoever comes meanwhile is sent away, so that nothing is at work when all is closed
        self.stalled.set()
        self.end_watches()
        while self.watches:  # noqa: ASYNC110 - they end some turns of the loop later
            await asyncio.sleep(0)
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def put(self, *objects: Json) -> None:
        """Make or change them."""
        for each in objects:
            kind, key = self._key(each)
            what = "MODIFIED" if key in self.objects else "ADDED"
            self._record(kind, what, each)
            self.objects[key] = each

    def remove(self, *objects: Json) -> None:
        """Delete them."""
        for each in objects:
            kind, key = self._key(each)
            del self.objects[key]
            self._record(kind, "DELETED", each)

    def bookmark(self, kind: str = "pods") -> None:
        """Tell whoever watches how far it is."""
        self._record(kind, "BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": {}})

    def end_watches(self) -> None:
        """As the server does when the time of a watch is over."""
        self._ended += 1
        self._wake()

    def compact(self) -> None:
        """Forget the history: a watch from an older version is refused."""
        self.compacted = self.version
        self.history.clear()

    def asked(self, kind: str, **params: str) -> list[dict[str, str]]:
        """The parameters of requests that have these."""
        return [
            each
            for path, each in self.requests
            if path == f"/api/v1/{kind}" and all(each.get(name) == value for name, value in params.items())
        ]

    def _key(self, each: Json) -> tuple[str, tuple[str, str, str]]:
        kind = each["kind"].lower() + "s"
        return kind, (kind, each["metadata"].get("namespace", ""), each["metadata"]["name"])

    def _record(self, kind: str, what: str, each: Json) -> None:
        self.version += 1
        each["metadata"] = {**each["metadata"], "resourceVersion": str(self.version)}
        self.history.append((self.version, kind, what, json.loads(json.dumps(each))))
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.query)))
        if self.is_ending:
            return failure(503, "ending")
        await self.stalled.wait()
        refused = self.refuse(request)
        if refused is not None:
            return refused
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return failure(401, "Unauthorized")
        if request.query.get("watch") == "true":
            return await self._watch(request)
        return self._list(request)

    def _list(self, request: web.Request) -> web.Response:
        query, kind = request.query, request.match_info["kind"]
        chosen = [each for (of, *_), each in sorted(self.objects.items()) if of == kind and _is_selected(each, query)]
        version, start = self.version, 0
        if "continue" in query:
            version, start = map(int, query["continue"].split(":"))
            if version < self.compacted:
                return failure(410, "The provided continue parameter is too old")
        size = min(int(query.get("limit", "1000000")), self.page_objects or 1_000_000)
        metadata: Json = {"resourceVersion": str(version)}
        if start + size < len(chosen):
            metadata["continue"] = f"{version}:{start + size}"
        return web.json_response({"kind": "List", "metadata": metadata, "items": chosen[start : start + size]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        query, kind = request.query, request.match_info["kind"]
        since = int(query["resourceVersion"])
        if since < self.compacted:
            return failure(410, "too old resource version")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self.watches += 1
        ended = self._ended
        try:
            while self._ended == ended:
                changed = self._changed
                for version, of, what, each in list(self.history):
                    if version > since and of == kind and (what == "BOOKMARK" or _is_selected(each, query)):
                        await response.write(json.dumps({"type": what, "object": each}).encode() + b"\n")
                        since = version
                await changed.wait()
            return response
        finally:
            self.watches -= 1


def failure(status: int, message: str, **headers: str) -> web.Response:
    """A Status, as the API server answers where it refuses."""
    body = {"kind": "Status", "status": "Failure", "message": message, "code": status}
    return web.json_response(body, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})


def _is_selected(each: Json, query: Any) -> bool:
    for part in filter(None, query.get("fieldSelector", "").split(",")):
        path, _, value = part.partition("=")
        found: Any = each
        for name in path.split("."):
            found = found.get(name, {})
        if found != value:
            return False
    return True


class ApiThread:
    """A KubeApi that answers processes while a test that is no coroutine goes on."""

    def __init__(self) -> None:
        self.server = KubeApi()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kube-api")

    def do(self, *objects: Json, remove: bool = False) -> None:
        """Make, change or remove objects."""

        async def change() -> None:
            (self.server.remove if remove else self.server.put)(*objects)

        self._wait(change())

    def answer(self) -> None:
        """Answer whoever waits: the server was stalled."""
        self._loop.call_soon_threadsafe(self.server.stalled.set)

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(self.server.start())
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
