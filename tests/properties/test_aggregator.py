"""Whatever ends its groups: each event is in one of them, in order, and held only as long as that is open."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.transformers.aggregator import Aggregator, AggregatorConfig
from wlf.events import Event
from wlf.events.aggregate import Aggregate
from wlf.events.log import FileLine

OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "max_events": st.integers(1, 4),
        "max_groups": st.integers(1, 3),
        "max_held_bytes": st.integers(1024, 3000),
        "begin": st.just({"field": "/message", "matches": "[37]$"}),
        "end": st.just({"field": "/message", "matches": "[59]$"}),
    },
)
BATCHES = st.lists(st.lists(st.sampled_from("abc"), max_size=6), max_size=12)


@given(OPTIONS, BATCHES)
def test_each_event_is_in_one_group_in_order_and_held_as_long_as_that_is_open(
    options: dict[str, Any], batches: list[list[str]]
) -> None:
    merge = [{"field": "/message", "strategy": "list"}]
    config = configured(AggregatorConfig, destination="next", by=["/file"], merge=merge, **options)
    node = Aggregator(config, make_context("groups"))
    written: dict[str, list[str]] = {}
    found: dict[str, list[str]] = {}
    batch_of: dict[str, int] = {}
    for number, files in enumerate(batches, start=1):
        events: list[Event] = []
        for file in files:
            message = str(len(batch_of))
            batch_of[message] = number
            written.setdefault(file, []).append(message)
            events.append(FileLine("files", float(len(batch_of)), message, file=file))
        _note(node.take(events, number), found)
        open_events = [m for file, all_of in written.items() for m in all_of[len(found.get(file, [])) :]]
        oldest = min((batch_of[message] for message in open_events), default=None)
        assert node.held_since() == oldest
    _note(node.flush(None), found)
    assert found == written
    assert node.held_since() is None


def _note(made: Any, found: dict[str, list[str]]) -> None:
    for group in made:
        assert isinstance(group, Aggregate)
        messages = group.fields["message"]
        assert group.count == len(messages)
        assert (group.ts, group.last_ts) == (int(messages[0]) + 1, int(messages[-1]) + 1)
        found.setdefault(group.key["file"], []).extend(messages)
