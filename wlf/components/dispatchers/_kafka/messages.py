"""From a batch of events to messages: topic, key, value and what the partition is computed from, column by column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from wlf.components.base import Outgoing
from wlf.components.dispatchers._kafka.keys import Keys
from wlf.components.dispatchers._kafka.options import KafkaConfig
from wlf.components.naming import Namer, NameRefused, NameRule
from wlf.events import RowDelete, RowUpdate

TOPIC = NameRule("Kafka topic", re.compile(r"[^A-Za-z0-9._-]"), max_bytes=249, reserved=frozenset({".", ".."}))
"""What a topic may be called: org.apache.kafka.common.internals.Topic."""

RECORD_OVERHEAD_BYTES = 102
"""A batch header (61), a record's own fields at their longest (21), and the lengths of key, value and headers."""


@dataclass(slots=True)
class Messages:
    """Messages in order, each a row of these columns."""

    topics: Sequence[str]
    keys: Sequence[bytes | None]
    placed: Sequence[bytes | None]
    values: Sequence[bytes | None]
    events: Sequence[int]
    """Index in the batch of the event that a message is for."""
    rejected: dict[int, str] = field(default_factory=dict)


class Composer:
    """Makes messages for one dispatcher."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._namer = Namer(config.topic, TOPIC, names=config.names, on_missing=config.on_missing)
        self._keys = Keys(config.partition_by, config.partition_columns)
        headers = sum(len(name.encode()) + len(value.encode()) + 10 for name, value in config.headers.items())
        self._room = config.max_message_bytes - RECORD_OVERHEAD_BYTES - headers

    def compose(self, batch: Outgoing) -> Messages:
        """The messages of a batch; events that have none are in `rejected`, with the reason."""
        events, values = batch.events, batch.payloads()
        topics, rejected = self._topics(batch)
        keys = self._keys.of(events)
        messages = Messages(topics, keys, self._keys.placed(events, keys), values, range(len(events)), rejected)
        self._weigh(messages)
        if rejected:
            _leave_out(messages)
        return self._with_tombstones(batch, messages) if self._config.tombstones else messages

    def _topics(self, batch: Outgoing) -> tuple[list[str], dict[int, str]]:
        constant = self._namer.constant
        if constant is not None:
            return [constant] * len(batch), {}
        topics: list[str] = []
        rejected: dict[int, str] = {}
        name = self._namer.name
        for index, event in enumerate(batch.events):
            try:
                topics.append(name(event))
            except NameRefused as error:
                topics.append("")
                rejected[index] = str(error)
        return topics, rejected

    def _weigh(self, messages: Messages) -> None:
        """Reject what is larger than any broker would be asked to take."""
        if max(map(_len, messages.values), default=0) + max(map(_len, messages.keys), default=0) <= self._room:
            return
        for index, (key, value) in enumerate(zip(messages.keys, messages.values, strict=True)):
            size = _len(key) + _len(value)
            if size > self._room:
                limit = self._config.max_message_bytes
                messages.rejected.setdefault(
                    index, f"expected a message of at most {limit} bytes (max_message_bytes), got {size}"
                )

    def _with_tombstones(self, batch: Outgoing, messages: Messages) -> Messages:
        """A message without value behind each delete, and behind an update for the key that the row no longer has."""
        made = Messages([], [], [], [], [], messages.rejected)
        columns = (made.topics, made.keys, made.placed, made.values, made.events)
        rows = zip(messages.topics, messages.keys, messages.placed, messages.values, messages.events, strict=True)
        for topic, key, placed, value, index in rows:
            event = batch.events[index]
            entries = [(topic, key, placed, value, index)]
            if isinstance(event, RowDelete):
                entries.append((topic, key, placed, None, index))
            elif isinstance(event, RowUpdate):
                former = self._keys.former(event)
                if former is not None:
                    by_key = self._config.partition_by == "primary_key"
                    entries.append((topic, former, former if by_key else placed, None, index))
            for entry in entries:
                for values, item in zip(columns, entry, strict=True):
                    values.append(item)  # type: ignore[attr-defined]
        return made


def _len(value: bytes | None) -> int:
    return 0 if value is None else len(value)


def _leave_out(messages: Messages) -> None:
    """Drop the rows of rejected events."""
    kept = [index for index in messages.events if index not in messages.rejected]
    messages.topics = [messages.topics[index] for index in kept]
    messages.keys = [messages.keys[index] for index in kept]
    messages.placed = [messages.placed[index] for index in kept]
    messages.values = [messages.values[index] for index in kept]
    messages.events = kept
