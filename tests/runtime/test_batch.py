from __future__ import annotations

from itertools import pairwise

import pytest

from tests.runtime.sample import CountingTicket, batch_of
from wlf.events import LogLine
from wlf.events.codec import FORMATS, TEXTS, encode_json
from wlf.events.formats.lines import encode_text
from wlf.runtime.batch import Batch, OutgoingBatch, Slice, Unencodable


def whole(batch: Batch) -> Slice:
    return Slice(batch, 0, len(batch), CountingTicket())


def test_a_batch_taken_whole_gives_the_very_tuple() -> None:
    batch = batch_of(3)
    assert OutgoingBatch([whole(batch)], "json").events is batch.events


def test_a_batch_is_encoded_once_for_all_that_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setitem(FORMATS, "json", lambda events: calls.append(len(events)) or encode_json(events))
    batch = batch_of(5)
    columns = [OutgoingBatch([whole(batch)], "json").payloads() for _ in range(3)]
    assert columns[0] is columns[1] is columns[2]
    assert OutgoingBatch([Slice(batch, 1, 3, CountingTicket())], "json").payloads() == columns[0][1:3]
    assert calls == [5]


def test_payloads_match_events_index_by_index_over_slices() -> None:
    first, second = batch_of(4), batch_of(4, 10)
    out = OutgoingBatch([Slice(first, 2, 4, CountingTicket()), Slice(second, 0, 1, CountingTicket())], "json")
    assert out.payloads() == encode_json(out.events)
    assert len(out) == 3


def test_picked_indices_stay_in_order_and_keep_their_tickets() -> None:
    first, second = batch_of(4), batch_of(4, 10)
    out = OutgoingBatch([whole(first), whole(second)], "json")
    picked = out.pick({6, 0, 1, 5, 3})
    assert picked.events == tuple(out.events[i] for i in (0, 1, 3, 5, 6))
    assert [(part.batch, part.start, part.stop) for part in picked.slices] == [
        (first, 0, 2),
        (first, 3, 4),
        (second, 1, 3),
    ]
    assert picked.pick(range(5)).events == picked.events


def test_the_shares_of_all_parts_add_up_to_the_weight() -> None:
    batch = batch_of(7)
    cuts = [0, 1, 3, 6, 7]
    assert sum(batch.weight_of(a, b, "json") for a, b in pairwise(cuts)) == batch.weight_bytes("json")


def test_an_event_without_a_form_names_its_index_and_its_neighbours_are_encoded() -> None:
    poison = LogLine("x", 0.0, "m", attributes={"bad": object()})
    batch = Batch((*batch_of(2).events, poison))
    out = OutgoingBatch([whole(batch_of(1)), whole(batch)], "json")
    with pytest.raises(Unencodable) as caught:
        out.payloads()
    assert set(caught.value.reasons) == {3}
    assert out.pick({0, 1, 2}).payloads() == encode_json(out.events[:3])


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("first", ["text", "payloads"])
def test_the_text_of_a_batch_is_that_of_its_payloads(format: str, first: str) -> None:
    one, two = batch_of(4), batch_of(4, 10)
    end = b"\n" if format == "json" else b""
    for slices in ([whole(one)], [whole(one), whole(two)], [Slice(one, 1, 3, CountingTicket()), whole(two)]):
        out = OutgoingBatch(slices, format)
        getattr(out, first)()
        expected = FORMATS[format](out.events)
        assert out.text() == b"".join(payload + end for payload in expected)
        assert out.payloads() == expected
        assert out.text() == b"".join(payload + end for payload in expected)
        assert out.sent_bytes() == sum(map(len, expected))


def test_a_text_is_encoded_once_for_all_that_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setitem(TEXTS, "json", lambda events: calls.append(len(events)) or encode_text(events))
    monkeypatch.delitem(FORMATS, "json")
    batch = batch_of(5)
    texts = [OutgoingBatch([whole(batch)], "json").text() for _ in range(2)]
    assert texts[0] is texts[1]
    assert OutgoingBatch([Slice(batch, 1, 3, CountingTicket())], "json").payloads() == encode_json(batch.events[1:3])
    assert calls == [5]


def test_a_poison_event_has_no_text_and_names_its_index() -> None:
    poison = LogLine("x", 0.0, "m", attributes={"bad": object()})
    out = OutgoingBatch([whole(batch_of(2)), whole(Batch((poison,)))], "json")
    with pytest.raises(Unencodable) as caught:
        out.text()
    assert set(caught.value.reasons) == {2}
