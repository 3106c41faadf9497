"""List, then watch, for ever: how a copy of what the API server has is kept up to date."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from contextlib import aclosing
from typing import Protocol

import msgspec

from wlf.components.base import Context
from wlf.components.collectors._kubernetes.api import Api, ApiError, Gone, refusal
from wlf.components.collectors._kubernetes.objects import (
    WatchEvent,
    decode_bookmark,
    decode_event,
    decode_page,
    decode_status,
)

PAGE_OBJECTS = 200
"""In one answer to a list, where the server minds it."""
WATCH_SECONDS = (180, 240)
"""The server ends a watch after so long, a random time between the two: so not all agents come back at once."""
QUIET_SECONDS = 15
"""A watch that the server did not end by then has lost its connection."""
FIRST_DELAY = 0.5
LAST_DELAY = 30.0
STEADY_SECONDS = 5.0
"""A watch that held so long was a success, whatever ended it."""
FROM_CACHE = "0"
"""A list out of the server's memory, which costs it little; the watch brings what is newer."""


class Copy(Protocol):
    """What is kept of the objects. Each is told as JSON."""

    def applied(self, raw: msgspec.Raw) -> str:
        """It is there, new or changed; answers with its key."""
        ...

    def deleted(self, raw: msgspec.Raw) -> None:
        """It is there no more."""
        ...

    def listed(self, keys: set[str]) -> None:
        """These are all that there are."""
        ...


class Watch:
    """Keeps a copy of one kind of objects. Errors are told, counted, and tried again later; nothing ends it but cancel.

    Args:
        what: the kind in a word, for messages and counters.
        path: where they are listed.
        selection: parameters that choose among them.
    """

    def __init__(
        self, what: str, api: Api, path: str, selection: Mapping[str, str], copy: Copy, context: Context
    ) -> None:
        self._what = what
        self._api = api
        self._path = path
        self._selection = dict(selection)
        self._copy = copy
        self._context = context
        self._version = ""
        self._is_expired = False
        self._delay = FIRST_DELAY
        self._told = ""

    async def run(self) -> None:
        """For ever."""
        while True:
            began = self._context.clock.monotonic()
            delay = 0.0
            try:
                if not self._version:
                    await self._list()
                await self._follow()
            except Gone as error:
                self._expire(error)
            except ApiError as error:
                self._failed(error)
                delay = error.retry_after
            except msgspec.DecodeError as error:
                self._version = ""
                self._failed(ApiError("malformed", f"an answer is no JSON of this kind: {error}"))
            if self._context.clock.monotonic() - began < STEADY_SECONDS:
                await self._back_off(delay)
            else:
                self._delay = FIRST_DELAY

    async def _list(self) -> None:
        params = {**self._selection, "limit": str(PAGE_OBJECTS)}
        if not self._is_expired:
            params["resourceVersion"] = FROM_CACHE
        keys: set[str] = set()
        while True:
            page = decode_page(await self._api.get(self._path, params))
            for raw in page.items or ():
                self._apply(raw, keys)
            if not page.metadata.continue_:
                break
            params["continue"] = page.metadata.continue_
            params.pop("resourceVersion", None)  # the token stands for the version
        self._copy.listed(keys)
        self._version = page.metadata.resource_version
        self._is_expired = False
        self._answered()

    async def _follow(self) -> None:
        """One watch, until the server ends it."""
        seconds = random.randint(*WATCH_SECONDS)
        params = {
            **self._selection,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(seconds),
        }
        async with aclosing(self._api.lines(self._path, params, seconds + QUIET_SECONDS)) as lines:
            async for line in lines:
                if line:
                    self._take(decode_event(line))
                else:
                    self._answered()

    def _take(self, event: WatchEvent) -> None:
        if event.type == "ERROR":
            status = decode_status(event.object)
            raise refusal(status.code, bytes(event.object))
        if event.type in ("ADDED", "MODIFIED"):
            self._apply(event.object, set())
        elif event.type == "DELETED":
            self._copy.deleted(event.object)
        self._version = decode_bookmark(event.object).metadata.resource_version or self._version

    def _apply(self, raw: msgspec.Raw, keys: set[str]) -> None:
        """One object that cannot be read does not hide the others."""
        try:
            keys.add(self._copy.applied(raw))
        except msgspec.ValidationError as error:
            self._failed(ApiError("malformed", f"an object is not as expected: {error}"))

    def _expire(self, error: Gone) -> None:
        """What was missed cannot be told any more. A list out of the server's memory could be as old."""
        self._context.logger.debug("%s: %s: listing anew", self._what, error)
        self._count("gone")
        self._version = ""
        self._is_expired = True

    def _answered(self) -> None:
        if self._told:
            self._told = ""
            self._context.logger.info("%s: the API server answers again", self._what)

    def _failed(self, error: ApiError) -> None:
        """Each kind of failure is told once, until the server answers again."""
        self._count(error.reason)
        level = logging.DEBUG if self._told == error.reason else logging.WARNING
        self._told = error.reason
        self._context.logger.log(level, "%s: %s: %s", self._what, error.reason, error)

    def _count(self, reason: str) -> None:
        self._context.metrics.counter(
            "wlf_kubernetes_api_errors_total",
            "Times the API server could not be asked, or refused.",
            objects=self._what,
            reason=reason,
        ).add()

    async def _back_off(self, at_least: float) -> None:
        await asyncio.sleep(max(at_least, self._delay * random.uniform(0.5, 1.0)))
        self._delay = min(2 * self._delay, LAST_DELAY)
