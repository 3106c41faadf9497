"""The Kafka dispatchers of a Maxwell config: topics, keys, partitions, and the client's own options."""

from __future__ import annotations

from typing import NamedTuple

from wlf.graph.maxwell.kafka_client import read_client
from wlf.graph.maxwell.names import literal, template, template_of
from wlf.graph.maxwell.source import Source
from wlf.graph.maxwell.tree import Leaf, Tree

_BY = {
    "database": "database",
    "table": "table",
    "primary_key": "primary_key",
    "transaction_id": "transaction_id",
    "thread_id": "thread_id",
    "column": "columns",
    "random": "random",
}
_FALLBACK = {name: name for name in _BY.values() if name not in ("columns", "random")}
_HASH = {"default": "maxwell_default", "murmur3": "maxwell_murmur3"}
_KEY = {"hash": "maxwell_hash", "array": "maxwell_array"}


class KafkaSinks(NamedTuple):
    """What producer=kafka becomes."""

    rows: dict[str, Tree]
    ddl: dict[str, Tree] | None
    """Where DDL has a topic of its own."""
    dead_letters: dict[str, Tree] | None
    by_thread: bool


def kafka_of(source: Source, *, ddl: bool) -> KafkaSinks:
    """The dispatchers."""
    topic = template(source, "kafka_topic", "maxwell")
    rows: dict[str, Tree] = {"id": Leaf("kafka"), "type": Leaf("Kafka"), "format": Leaf("maxwell"), "topic": topic}
    client = read_client(source)
    places = _places(source)
    key = source.choice("kafka_key_format", _KEY) or Leaf("maxwell_hash")
    hashed = source.choice("kafka_partition_hash", _HASH) or Leaf("maxwell_default")
    more: dict[str, Tree] = {"key": key, "partitioner": hashed}
    rows |= {**client, **more, **places}
    separate = _ddl_topic(source, topic, ddl=ddl)
    ddl_sink: dict[str, Tree] | None = None
    if separate is not None:
        ddl_sink = {**rows, "id": Leaf("kafka_ddl"), "topic": separate, "partition_by": Leaf("database")}
        for option in ("partition_columns", "partition_fallback"):
            ddl_sink.pop(option, None)
        ddl_sink["on_missing"] = Leaf("")
    elif ddl and "%{/table}" in str(topic.value):
        rows["on_missing"] = Leaf("")  # statements about a whole database
    letters = _dead_letters(source, client)
    if letters is not None:
        rows["dead_letter"] = Leaf("dead_letters", source.line("dead_letter_topic"))
    by_thread = any(isinstance(leaf, Leaf) and leaf.value == "thread_id" for leaf in places.values())
    return KafkaSinks(rows, ddl_sink, letters, by_thread)


def _places(source: Source) -> dict[str, Tree]:
    by = source.choice("producer_partition_by", _BY) or Leaf("database")
    columns, fallback = source.take("producer_partition_columns"), source.take("producer_partition_by_fallback")
    if by.value != "columns":
        for entry in filter(None, (columns, fallback)):
            source.instead(entry, f"it is used with producer_partition_by=column, not with {by.value}")
        return {"partition_by": by}
    made: dict[str, Tree] = {"partition_by": by}
    partition_by = source.take("producer_partition_by")
    assert partition_by is not None, "it says `column`"
    if columns is None or fallback is None:
        source.wrong(
            partition_by, "expected producer_partition_columns and producer_partition_by_fallback beside `column`"
        )
        return made
    names = [name.strip() for name in columns.value.split(",")]
    made["partition_columns"] = [Leaf(name, columns.line) for name in names if name]
    chosen = source.choice("producer_partition_by_fallback", _FALLBACK)
    if chosen is not None:
        made["partition_fallback"] = chosen
    return made


def _ddl_topic(source: Source, topic: Leaf, *, ddl: bool) -> Leaf | None:
    """The topic of DDL, where it is another one than that of rows."""
    entry = source.take("ddl_kafka_topic")
    if entry is None:
        return None
    if not ddl:
        source.instead(entry, "without output_ddl=true there is nothing to write there")
        return None
    found = template_of(source, entry)
    return None if found.value == topic.value else found


def _dead_letters(source: Source, client: dict[str, Tree]) -> dict[str, Tree] | None:
    entry = source.take("dead_letter_topic")
    if entry is None:
        return None
    source.instead(
        entry,
        "it gets events with their error as JSON of wlf: the whole row, or its primary key where that is too large",
    )
    kept = {name: value for name, value in client.items() if name != "on_error"}
    return {
        "id": Leaf("dead_letters"),
        "type": Leaf("Kafka"),
        "topic": literal(source, entry),
        **kept,
    }
