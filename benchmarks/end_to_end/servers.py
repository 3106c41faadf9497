"""The receiving servers of a run: each is started when it is first asked for, and all end with the context."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.end_to_end.receivers.base import Receiver
from benchmarks.end_to_end.receivers.file import FileReceiver
from benchmarks.end_to_end.receivers.kafka import KafkaReceiver
from benchmarks.end_to_end.receivers.redis import MODES, OPTIONS, RedisReceiver
from benchmarks.end_to_end.receivers.search import MirrorReceiver, SearchReceiver
from benchmarks.end_to_end.receivers.several import SeveralReceivers
from tests.servers.kafka import Kafka
from tests.servers.opensearch import OpenSearch
from tests.servers.redis import Redis

SINKS = ("kafka", "kafka-12", *(f"redis-{mode.lower()}" for mode in MODES), "search", "mirror", "file", "all")
"""Names of what can be received into; `kafka-12`: a keyed topic of 12 partitions; `all`: Kafka, XADD and OpenSearch."""


class Servers:
    """Kafka, Redis and OpenSearch, below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()

    @cached_property
    def kafka(self) -> Kafka:
        """The broker."""
        return self._running.enter_context(Kafka(self._folder / "kafka"))

    @cached_property
    def redis(self) -> Redis:
        """The Redis server."""
        return self._running.enter_context(Redis(self._folder / "redis", options=OPTIONS))

    @cached_property
    def search(self) -> OpenSearch:
        """The OpenSearch node."""
        return self._running.enter_context(OpenSearch(self._folder / "opensearch"))

    def receiver(self, sink: str) -> Receiver:
        """A receiver by its name, one of `SINKS`."""
        match sink.partition("-"):
            case "kafka", _, "":
                return KafkaReceiver(self.kafka)
            case "kafka", _, partitions:
                return KafkaReceiver(self.kafka, int(partitions), keyed=True)
            case "redis", _, mode:
                return RedisReceiver(self.redis, mode.upper())
            case "search", _, _:
                return SearchReceiver(self.search)
            case "mirror", _, _:
                return MirrorReceiver(self.search)
            case "file", _, _:
                return FileReceiver()
            case "all", _, _:
                return SeveralReceivers([self.receiver(each) for each in ("kafka", "redis-xadd", "search")])
        raise ValueError(f"expected one of {', '.join(SINKS)}, got {sink}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._running.close()
