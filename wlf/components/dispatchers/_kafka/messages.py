"""From a batch of events to messages: topic, key, value and what the partition is computed from, column by column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from msgspec import UNSET

from wlf.components.base import Outgoing
from wlf.components.dispatchers._kafka.keys import Keyed, Keys, former_of
from wlf.components.dispatchers._kafka.options import KafkaConfig
from wlf.components.dispatchers._kafka.places import Places
from wlf.components.dispatchers._kafka.skeleton import skeleton_of
from wlf.components.naming import Namer, NameRule
from wlf.events import DeadLetter, Event, RowDelete, RowUpdate
from wlf.events.codec import FORMATS
from wlf.events.formats.debezium import NEW_KEY, Message, expand

TOPIC = NameRule("Kafka topic", re.compile(r"[^A-Za-z0-9._-]"), max_bytes=249, reserved=frozenset({".", ".."}))
"""What a topic may be called: org.apache.kafka.common.internals.Topic."""

RECORD_OVERHEAD_BYTES = 102
"""A batch header (61), a record's own fields at their longest (21), and the lengths of key, value and headers."""


Headers: TypeAlias = tuple[tuple[str, bytes], ...]


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
    headers: Sequence[Headers] | None = None
    """Beside those that all messages have; None: no message has any."""
    topic: str | None = None
    """The topic of all messages, where it is the same; None: look at each."""


class Composer:
    """Makes messages for one dispatcher."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._namer = Namer(config.topic, TOPIC, names=config.names, on_missing=config.on_missing)
        self._keys = Keys(config.effective_key, with_schema=config.format == "debezium_schema")
        self._places = Places(config)
        headers = sum(len(name.encode()) + len(value.encode()) + 10 for name, value in config.headers.items())
        self._room = config.max_message_bytes - RECORD_OVERHEAD_BYTES - headers

    def compose(self, batch: Outgoing) -> Messages:
        """The messages of a batch; events that have none are in `rejected`, with the reason."""
        if self._config.expands:
            return self._expanded(batch)
        events, values = batch.events, batch.payloads()
        topic, topics, rejected = self._topics(batch)
        keyed = self._keys.of(events)
        placed = self._places.of(events, keyed)
        messages = Messages(topics, keyed.keys, placed, values, range(len(events)), rejected, topic=topic)
        self._weigh(batch, messages)
        if rejected:
            _leave_out(messages)
        return self._with_tombstones(batch, messages, keyed) if self._config.effective_tombstones else messages

    def _topics(self, batch: Outgoing) -> tuple[str | None, list[str], dict[int, str]]:
        """(the topic of all or None, the topic of each, rejected)."""
        rejected: dict[int, str] = {}
        names = self._namer.names(batch.events, rejected)
        return (names, [names] * len(batch), rejected) if isinstance(names, str) else (None, names, rejected)

    def _weigh(self, batch: Outgoing, messages: Messages) -> None:
        """Reject what is larger than any broker would be asked to take; of a dead letter, send what fits."""
        if messages.headers is None and _longest(messages.values) + _longest(messages.keys) <= self._room:
            return
        for place, (key, value) in enumerate(zip(messages.keys, messages.values, strict=True)):
            own = 0 if messages.headers is None else sum(len(n) + len(text) + 10 for n, text in messages.headers[place])
            size = _len(key) + _len(value) + own
            if size <= self._room:
                continue
            index = messages.events[place]
            event = batch.events[index]
            if isinstance(event, DeadLetter) and self._cut_down(messages, place, event, self._room - _len(key) - own):
                continue
            limit = self._config.max_message_bytes
            messages.rejected.setdefault(
                index, f"expected a message of at most {limit} bytes (max_message_bytes), got {size}"
            )

    def _cut_down(self, messages: Messages, place: int, letter: DeadLetter, room: int) -> bool:
        """Put a dead letter's skeleton into its place, if that fits."""
        (value,) = FORMATS[self._config.format]([skeleton_of(letter)])
        if len(value) > room:
            return False
        messages.values = [*messages.values[:place], value, *messages.values[place + 1 :]]
        return True

    def _expanded(self, batch: Outgoing) -> Messages:
        """Debezium's messages: an update of a key is a delete, a tombstone and a create."""
        topic, topics, rejected = self._topics(batch)
        made, events = expand(
            batch.events,
            batch.payloads(),
            schema=self._config.format == "debezium_schema",
            tombstones=self._config.effective_tombstones,
        )
        keys = [message.key for message in made]
        subjects = [_subject(message, batch.events[index]) for message, index in zip(made, events, strict=True)]
        keyed = Keyed(keys, [place for place, key in enumerate(keys) if key is None])
        messages = Messages(
            [topics[index] for index in events],
            keys,
            self._places.of(subjects, keyed),
            [message.value for message in made],
            events,
            rejected,
            [message.headers for message in made],
            topic,
        )
        self._weigh(batch, messages)
        if rejected:
            _leave_out(messages)
        return messages

    def _with_tombstones(self, batch: Outgoing, messages: Messages, keyed: Keyed) -> Messages:
        """A message without value behind each delete, and for each key or place that an update leaves."""
        entries: list[_Entry] = []
        loose = frozenset(keyed.loose)  # no later message has such a key, so there is nothing to take away
        rows = zip(messages.topics, messages.keys, messages.placed, messages.values, messages.events, strict=True)
        for topic, key, placed, value, index in rows:
            event = batch.events[index]
            entry = _Entry(topic, key, placed, value, index)
            left = self._left(entry, event) if isinstance(event, RowUpdate) and index not in loose else None
            if isinstance(event, RowDelete) and index not in loose:
                entries += (entry, entry._replace(value=None))
            elif left is not None:
                # Where the key stays, its tombstone must not come behind the new value: both can share a partition.
                entries += (left, entry) if left.key == key else (entry, left)
            else:
                entries.append(entry)
        columns: Any = tuple(map(list, zip(*entries, strict=True))) or ((), (), (), (), ())
        topics, keys, places, values, events = columns
        return Messages(topics, keys, places, values, events, messages.rejected, topic=messages.topic)

    def _left(self, entry: _Entry, event: RowUpdate) -> _Entry | None:
        """The tombstone of what the row was found by before an update; None where that is still the same."""
        if not self._may_move(event):
            return None
        former = former_of(event)
        if former is None:
            return None
        keyed = self._keys.of([former])
        placed = self._places.of([former], keyed)[0]
        if keyed.keys[0] == entry.key and placed == entry.placed:
            return None
        return _Entry(entry.topic, keyed.keys[0], placed, None, entry.event)

    def _may_move(self, event: RowUpdate) -> bool:
        """Did a column change that the key or the partition is made of?"""
        version = getattr(event.data, "__table__", None)
        if version is None or event.old is UNSET:
            return False
        columns = getattr(event.data, "__columns__", {})
        by = (columns[name] for name in self._config.partition_columns if name in columns)
        return any(getattr(event.old, f"f{index}") is not UNSET for index in (*version.primary_key, *by))


class _Entry(NamedTuple):
    """One row of `Messages`."""

    topic: str
    key: bytes | None
    placed: bytes | None
    value: bytes | None
    event: int


def _subject(message: Message, event: Event) -> Event:
    """What a message is about: the row as it was, where an update takes its old key away."""
    if isinstance(event, RowUpdate) and (message.value is None or any(name == NEW_KEY for name, _ in message.headers)):
        return former_of(event) or event
    return event


def _longest(values: Sequence[bytes | None]) -> int:
    try:
        return max(map(len, values), default=0)  # type: ignore[arg-type]
    except TypeError:  # some are None
        return max(map(len, filter(None, values)), default=0)


def _len(value: bytes | None) -> int:
    return 0 if value is None else len(value)


def _leave_out(messages: Messages) -> None:
    """Drop the rows of rejected events."""
    kept = [place for place, index in enumerate(messages.events) if index not in messages.rejected]
    messages.topics = [messages.topics[place] for place in kept]
    messages.keys = [messages.keys[place] for place in kept]
    messages.placed = [messages.placed[place] for place in kept]
    messages.values = [messages.values[place] for place in kept]
    messages.events = [messages.events[place] for place in kept]
    if messages.headers is not None:
        messages.headers = [messages.headers[place] for place in kept]
