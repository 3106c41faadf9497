"""Asks the API server for one pod by name: where the watch should have told of it, and did not."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from wlf.components.collectors._kubernetes.api import Api, ApiError
from wlf.components.collectors._kubernetes.objects import decode_page
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.pods import Pods

RETRY_SECONDS = 5.0
REMEMBERED = 4096
"""Uids that the API server does not know."""


class Asker:
    """One question at a time; who is missing is remembered.

    Args:
        on_answer: is told the uid.
    """

    def __init__(self, api: Api, pods: Pods, node: str, on_answer: Callable[[str], None]) -> None:
        self._api = api
        self._pods = pods
        self._node = node
        self._on_answer = on_answer
        self._asked: dict[str, LogPath] = {}
        self._missing: OrderedDict[str, None] = OrderedDict()
        self._is_asked = asyncio.Event()

    def is_missing(self, uid: str) -> bool:
        """Did the API server answer that there is no such pod?"""
        return uid in self._missing

    def ask(self, log: LogPath) -> None:
        """Once, however often this is called."""
        if log.uid not in self._missing:
            self._asked[log.uid] = log
            self._is_asked.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._is_asked.wait()
            self._is_asked.clear()
            for log in list(self._asked.values()):
                try:
                    await self._answer(log)
                except (ApiError, msgspec.DecodeError):
                    self._is_asked.set()  # the watch has told of it, and counted
                    await asyncio.sleep(RETRY_SECONDS)
                    break

    async def _answer(self, log: LogPath) -> None:
        if self._pods.get(log.uid) is not None:
            del self._asked[log.uid]  # the watch was faster
            return
        fields = f"spec.nodeName={self._node},metadata.namespace={log.namespace},metadata.name={log.pod}"
        page = decode_page(await self._api.get("/api/v1/pods", {"fieldSelector": fields}))
        for raw in page.items or ():
            self._pods.applied(raw)
        self._asked.pop(log.uid, None)
        if self._pods.get(log.uid) is None:
            self._missing[log.uid] = None
            if len(self._missing) > REMEMBERED:
                self._missing.popitem(last=False)
        self._on_answer(log.uid)
