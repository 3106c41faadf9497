"""EventReplicator: everybody gets everything, and gets the same objects."""

import msgspec

from tests.components.fakes import make_context
from wlf.components.transformers.event_replicator import EventReplicator, EventReplicatorConfig
from wlf.events import LogLine, RowInsert


def make(*destinations):
    config = msgspec.convert({"id": "r", "destinations": list(destinations)}, EventReplicatorConfig)
    return EventReplicator(config, make_context())


def test_every_destination_gets_the_very_same_sequence():
    events = (RowInsert("d", "t", "insert", 1), LogLine("files", 1.0, "hello"))
    routed = make("redis", "kafka", "elasticsearch").route(events)
    assert list(routed) == ["redis", "kafka", "elasticsearch"]
    assert all(sequence is events for sequence in routed.values())


def test_destinations_are_told_in_the_order_of_the_config():
    assert EventReplicator.destinations(make("b", "a").config) == ("b", "a")
