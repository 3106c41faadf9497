"""One batch of messages to the brokers: grouped by partition, each group in order, each with its own outcome.

The client has one request per partition in flight, so a group's next record batch waits for the answer to its last
one at no cost; and when one fails, those behind it have not been sent, so order holds when all of them go again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
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
    messages: Sequence[int]
    start: int = 0
    limit: int | None = None
    """Messages in the next record batch at most, while looking for the one that the broker refuses."""

    @property
    def place(self) -> str:
        """The partition, for messages."""
        return f"{self.topic}[{self.partition}]"

    @property
    def rest(self) -> Sequence[int]:
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
        by_topic = _by_topic(self._messages)
        refused = await self._session.create(by_topic)
        for topic, reason in refused.items():
            self.rejected.update(dict.fromkeys(by_topic[topic], reason))
        counts = await self._partitions(producer, {t: m for t, m in by_topic.items() if t not in refused})
        placed = self._messages.placed
        return [
            Group(topic, partition, group)
            for topic, indices in by_topic.items()
            if counts.get(topic)
            for partition, group in _by_partition(indices, placed, counts[topic], hash_key, turn)
        ]

    async def _partitions(self, producer: AIOKafkaProducer, topics: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """The number of partitions of each topic, 0 for those that the brokers do not know.

        The messages of these go to `retry`.
        """
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
        for topic, count in counts.items():
            if not count:
                self._session.forget(topic)
                reason = f"topic {topic} is not there, and the brokers do not create it"
                self.retry.update(dict.fromkeys(topics[topic], reason))
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
        batch = producer.create_batch()
        self._fill(batch, group, now_ms)
        size = batch.size()
        future = await producer.send_batch(batch, group.topic, partition=group.partition)
        return Sent(group, batch.record_count(), size, future)

    def _fill(self, batch: Any, group: Group, now_ms: int) -> None:
        """As much of the group as the batch takes, right into the client's C part: its Python part takes twice that."""
        messages, rest = self._messages, group.rest
        if group.limit is not None:
            rest = rest[: group.limit]
        keys, values, headers, own = messages.keys, messages.values, self._headers, messages.headers
        append, offset = batch._builder.append, 0
        for index in rest:
            more = headers if own is None else [*headers, *own[index]]
            if append(offset, now_ms, keys[index], values[index], more) is None:
                batch.close()
                break
            offset += 1
        batch._relative_offset = offset

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


def _by_topic(messages: Messages) -> Mapping[str, Sequence[int]]:
    """The indices of each topic's messages, in order."""
    if messages.topic is not None:
        return {messages.topic: range(len(messages.topics))}
    found: dict[str, list[int]] = {}
    last: str | None = None
    group: list[int] = []
    for index, topic in enumerate(messages.topics):
        if topic is not last:
            last = topic
            group = found.setdefault(topic, [])
        group.append(index)
    return found


def _by_partition(
    indices: Sequence[int], placed: Sequence[bytes | None], count: int, hash_key: Hash, turn: int
) -> Iterable[tuple[int, Sequence[int]]]:
    """The messages of one topic by partition, in order; without a place they go where it is their `turn`."""
    if count == 1:
        return ((0, indices),)
    groups: list[list[int]] = [[] for _ in range(count)]
    for index in indices:
        place = placed[index]
        groups[(turn if place is None else hash_key(place)) % count].append(index)
    return [(partition, group) for partition, group in enumerate(groups) if group]
