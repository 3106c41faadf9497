"""One batch of messages to the brokers: grouped by partition, each group in order, each with its own outcome.

The client has one request per partition in flight, so a group's next record batch waits for the answer to its last
one at no cost; and when one fails, those behind it have not been sent, so order holds when all of them go again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from wlf.components.dispatchers._kafka.failures import EVERY_RECORD, ONE_RECORD, reason_of, refusal
from wlf.components.dispatchers._kafka.messages import Messages
from wlf.components.dispatchers._kafka.partitioner import Hash
from wlf.components.dispatchers._kafka.session import Session
from wlf.errors import Retryable

MIN_BATCH_BYTES = 16_384

Outcome = dict[int, str]
"""Reasons by the index of a message."""


@dataclass(slots=True)
class Group:
    """The messages of one partition; what lies before `start` is settled."""

    topic: str
    partition: int
    messages: list[int]
    start: int = 0
    limit: int | None = None
    """Messages in the next record batch at most, while looking for the one that the broker refuses."""

    @property
    def place(self) -> str:
        """The partition, for messages."""
        return f"{self.topic}[{self.partition}]"

    @property
    def rest(self) -> list[int]:
        """What is not settled yet."""
        return self.messages[self.start :]


@dataclass(slots=True)
class Sent:
    """A part of a group on its way in one record batch: `count` messages, `size` bytes."""

    group: Group
    count: int
    size: int
    answer: asyncio.Future[Any]


class Delivery:
    """Delivers one batch; used once."""

    def __init__(self, session: Session, messages: Messages, headers: list[tuple[str, bytes]], limit_ms: int) -> None:
        self._session = session
        self._messages = messages
        self._headers = headers
        self._limit_ms = limit_ms
        self._deadline = asyncio.get_running_loop().time() + limit_ms / 1000
        self.retry: Outcome = {}
        self.rejected: Outcome = {}
        self._delivered = 0

    async def run(self, hash_key: Hash, turn: int, now_ms: int) -> None:
        """Fill `retry` and `rejected`.

        Raises:
            Retryable: nothing was delivered, and nothing refused.
            SetupError: the brokers refuse this user or these options.
        """
        groups: list[Group] = []
        try:
            producer = await self._session.producer()
            groups = await self._groups(producer, hash_key, turn)
            while groups:
                producer = await self._session.producer()
                groups = await self._round(producer, groups, now_ms)
        except Retryable as error:
            if not self._delivered and not self.rejected:
                raise
            for group in groups:
                self._again(group, error.message)
        if self.retry and not self._delivered and not self.rejected:
            raise Retryable(next(iter(self.retry.values())))

    async def _groups(self, producer: AIOKafkaProducer, hash_key: Hash, turn: int) -> list[Group]:
        """The messages by topic and partition; those of topics that are not there go to `retry`."""
        messages = self._messages
        topics = dict.fromkeys(messages.topics)
        refused = await self._session.create(topics)
        if refused:
            named = enumerate(messages.topics)
            self.rejected.update({index: refused[topic] for index, topic in named if topic in refused})
        counts = await self._partitions(producer, [topic for topic in topics if topic not in refused])
        groups: dict[str, dict[int, list[int]]] = {topic: {} for topic in topics}
        for index, (topic, placed) in enumerate(zip(messages.topics, messages.placed, strict=True)):
            count = counts.get(topic)
            if not count:
                continue
            partition = (hash_key(placed) if placed is not None else turn) % count
            group = groups[topic].get(partition)
            if group is None:
                groups[topic][partition] = [index]
            else:
                group.append(index)
        return [
            Group(topic, partition, group)
            for topic, partitions in groups.items()
            for partition, group in partitions.items()
        ]

    async def _partitions(self, producer: AIOKafkaProducer, topics: list[str]) -> dict[str, int]:
        """The number of partitions of each topic, 0 for those that the brokers do not know."""
        known = {topic: producer.client.cluster.partitions_for_topic(topic) for topic in topics}
        counts = {topic: len(partitions or ()) for topic, partitions in known.items()}
        asked = {topic: asyncio.ensure_future(producer.partitions_for(topic)) for topic in topics if not counts[topic]}
        if not asked:
            return counts
        try:
            await asyncio.wait(asked.values(), timeout=self._left())
        finally:
            for future in asked.values():
                future.cancel()
        for topic, future in asked.items():
            if not future.done() or future.cancelled():
                continue
            error = future.exception()
            if error is None:
                counts[topic] = len(future.result())
            elif (refused := refusal(error, f"topic {topic}")) is not None:
                raise refused from error
        missing = {topic for topic, count in counts.items() if not count}
        for topic in missing:
            self._session.forget(topic)
        for index, topic in enumerate(self._messages.topics):
            if topic in missing:
                self.retry[index] = f"topic {topic} is not there, and the brokers do not create it"
        return counts

    async def _round(self, producer: AIOKafkaProducer, groups: list[Group], now_ms: int) -> list[Group]:
        """Send the next part of every group and wait for all answers; the groups that have more to send."""
        try:
            sent = [await self._send(producer, group, now_ms) for group in groups]
        except (KafkaError, OSError) as error:
            await self._session.abandon()
            raise refusal(error, "kafka") or Retryable(reason_of(error)) from error
        _, pending = await asyncio.wait([part.answer for part in sent], timeout=self._left())
        failed = bool(pending)
        for part in sent:
            failed = not self._settle(part) or failed
        if failed:
            await self._session.abandon()
        return [group for group in groups if group.start < len(group.messages)]

    async def _send(self, producer: AIOKafkaProducer, group: Group, now_ms: int) -> Sent:
        messages, rest = self._messages, group.rest
        if group.limit is not None:
            rest = rest[: group.limit]
        keys, values, headers, own = messages.keys, messages.values, self._headers, messages.headers
        batch = producer.create_batch()
        append = batch.append
        for index in rest:
            more = headers if own is None else [*headers, *own[index]]
            if append(timestamp=now_ms, key=keys[index], value=values[index], headers=more) is None:
                break
        size = batch.size()
        future = await producer.send_batch(batch, group.topic, partition=group.partition)
        return Sent(group, batch.record_count(), size, future)

    def _settle(self, part: Sent) -> bool:
        """Book the outcome of a part; was it delivered? If not, the producer must not be used again."""
        group = part.group
        if not part.answer.done():
            self._again(group, f"{group.place}: no acknowledgement in {self._limit_ms} ms")
            return False
        error = part.answer.exception()
        if error is None:
            self._delivered += part.count
            group.start += part.count
            group.limit = None if group.limit is None else group.limit * 2
            return True
        refused = refusal(error, group.place)
        if refused is not None:
            raise refused from error
        if isinstance(error, EVERY_RECORD):
            self._refuse(group, len(group.rest), error)
        elif not isinstance(error, ONE_RECORD):
            self._again(group, f"{group.place}: {reason_of(error)}")
        elif part.count == 1:
            self._refuse(group, 1, error)
        else:
            group.limit = part.count // 2
            self._session.batch_bytes = max(MIN_BATCH_BYTES, min(self._session.batch_bytes, part.size // 2))
        return False

    def _refuse(self, group: Group, count: int, error: BaseException) -> None:
        reason = f"{group.place}: {reason_of(error)}"
        self.rejected.update(dict.fromkeys(group.rest[:count], reason))
        group.start += count
        group.limit = None

    def _again(self, group: Group, reason: str) -> None:
        self.retry.update(dict.fromkeys(group.rest, reason))
        group.start = len(group.messages)

    def _left(self) -> float:
        """Seconds until this delivery gives up."""
        return max(0.0, self._deadline - asyncio.get_running_loop().time())
