"""Deliver batches with a Kafka dispatcher of one test, and read what arrived."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from tests.components.fakes import Batch, make_context
from tests.components.rows import configured
from tests.servers.kafka_topics import Record
from wlf.components.base import Partial
from wlf.components.dispatchers.kafka import KafkaConfig, KafkaDispatcher

Result = TypeVar("Result")


def run(servers: str, work: Callable[[KafkaDispatcher], Awaitable[Result]], **options: Any) -> Result:
    """What `work` makes of an opened dispatcher, which is closed twice behind it."""

    async def whole() -> Result:
        brokers = {"bootstrap_brokers": servers.split(",")}
        sink = KafkaDispatcher(configured(KafkaConfig, **{**brokers, **options}), make_context())
        try:
            await sink.open()
            return await work(sink)
        finally:
            await sink.close()
            await sink.close()

    return asyncio.run(whole())


def deliver(servers: str, *batches: Batch, **options: Any) -> list[Partial | None]:
    """What `dispatch` says about each batch."""

    async def work(sink: KafkaDispatcher) -> list[Partial | None]:
        return [await sink.dispatch(batch) for batch in batches]

    return run(servers, work, **options)


def ids(records: Iterable[Record]) -> list[int]:
    """The ids of the rows in the records."""
    return [json.loads(record.value or b"")["data"]["id"] for record in records]
