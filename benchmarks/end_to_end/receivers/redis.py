"""Redis in each of its modes: a list, a stream, or a subscriber that keeps what is published."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from benchmarks.contender import RedisSink, Sink
from benchmarks.end_to_end.expected import Expected
from benchmarks.end_to_end.receivers.base import Receiver
from benchmarks.end_to_end.receivers.file import GrowingFile
from tests.servers.redis import Redis

MODES = ("PUBLISH", "LPUSH", "RPUSH", "XADD")
OPTIONS = {"appendonly": "no", "client-output-buffer-limit": "pubsub 0 0 0"}
"""Nothing is written to the disk, and a subscriber on a busy machine is waited for."""
_READ_AT_ONCE = 10_000


class RedisReceiver(Receiver):
    """New keys on one server."""

    def __init__(self, server: Redis, mode: str) -> None:
        self.title = f"Redis {mode}"
        self._server = server
        self._mode = mode
        self._client = server.connect()
        self._key = ""
        self._subscriber: Subscriber | None = None

    def place(self, folder: Path, expected: Expected) -> Sink:
        self.clear()
        self._key = f"e2e-{uuid4()}"
        if self._mode == "PUBLISH":
            self._subscriber = Subscriber(self._server, self._key, folder / "published")
        return RedisSink(self._server.host, self._server.port, self._mode, self._key)

    def count(self) -> int:
        if self._subscriber is not None:
            return self._subscriber.count()
        return int(self._client.xlen(self._key) if self._mode == "XADD" else self._client.llen(self._key))  # type: ignore[arg-type]

    def messages(self) -> Iterator[bytes]:
        if self._subscriber is not None:
            return self._subscriber.messages()
        return self._entries() if self._mode == "XADD" else self._items()

    def clear(self) -> None:
        if self._subscriber is not None:
            self._subscriber.end()
            self._subscriber = None
        if self._key:
            self._client.unlink(self._key)

    def _items(self) -> Iterator[bytes]:
        for start in range(0, self.count(), _READ_AT_ONCE):
            yield from self._client.lrange(self._key, start, start + _READ_AT_ONCE - 1)  # type: ignore[misc]

    def _entries(self) -> Iterator[bytes]:
        start = "-"
        while page := self._client.xrange(self._key, start, "+", _READ_AT_ONCE):
            for _, fields in page:  # type: ignore[union-attr]
                yield from fields.values()
            start = "(" + page[-1][0].decode()  # type: ignore[index]


class Subscriber:
    """A process that puts what is published on a channel into a file."""

    def __init__(self, server: Redis, channel: str, path: Path) -> None:
        self._path = path
        self._growing = GrowingFile(path)
        argv = [sys.executable, "-m", "benchmarks.end_to_end.subscriber", server.host, str(server.port), channel, path]
        self._running = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert self._running.stdout is not None
        self._running.stdout.readline()

    def count(self) -> int:
        """Messages by now."""
        return self._growing.rows()

    def messages(self) -> Iterator[bytes]:
        """All of them."""
        with self._path.open("rb") as file:
            yield from file

    def end(self) -> None:
        """Unsubscribe."""
        self._running.kill()
        self._running.communicate()
