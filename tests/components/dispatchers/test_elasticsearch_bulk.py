"""Bulk requests made column by column say what they would say if each event were looked at by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tests.components.fakes import Batch
from tests.components.rows import configured, delete, insert, update
from wlf.components.dispatchers._elasticsearch.bulk import Composed, Operations
from wlf.components.dispatchers._elasticsearch.operations import COMPOSERS
from wlf.components.dispatchers._elasticsearch.options import ElasticsearchConfig
from wlf.components.dispatchers._elasticsearch.replies import Results, read_items
from wlf.errors import Retryable
from wlf.events import Event, Place, RowInsert
from wlf.events.rows import put_place

SERVERS, FILES, TABLES = ("uuid", 'of 100%d "x"', "s" * 600), ("binlog.000001", "bin%log.2"), ("t", "%d%", "u")


def compose(mode: str, events: Sequence[Event], index: str = "i-%{/table}") -> Composed:
    config: Any = configured(ElasticsearchConfig, url="http://localhost:9200", index=index, mode=mode)
    return COMPOSERS[mode](config).compose(Batch(events))


@st.composite
def rows_events(draw: st.DrawFn) -> list[Event]:
    """Rows events out of a few files and servers, the last row of some without its offset in the transaction."""
    events: list[Event] = []
    for offset in range(draw(st.integers(1, 5))):
        count, first, table = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(st.sampled_from(TABLES))
        made = [
            RowInsert("d", table, "insert", 5, xoffset=UNSET if n == count - 1 else first + n, data={"n": n})
            for n in range(count)
        ]
        where = draw(st.sampled_from(SERVERS)), draw(st.sampled_from(FILES))
        put_place(made, Place(*where, 400 + offset, 5 + offset, None, first, count))
        events += made
    return events


@given(rows_events())
def test_ids_of_many_rows_are_those_of_each(events: list[Event]) -> None:
    together = list(compose("append", events).operations)
    assert [operation.event for operation in together] == list(range(len(events)))
    for event, operation in zip(events, together, strict=True):
        (alone,) = compose("append", [event]).operations
        assert (operation.action, operation.document) == (alone.action, alone.document)
        place, table = event.place, event.table
        if len(place.server) < 500:
            index = place.rows - 1 if event.xoffset is UNSET else event.xoffset - place.first
            assert json.loads(operation.action)["create"] == {
                "_index": "i-" + table,
                "_id": f"{place.server}:{place.ts}:{place.file}:{place.offset}:{index}",
            }


changes = st.lists(
    st.one_of(
        st.builds(lambda id, n: insert(id=id, n=n), st.integers(1, 4), st.integers()),
        st.builds(lambda id: delete(id=id, n=0), st.integers(1, 4)),
        st.builds(lambda id, was: update(id=id, n=1, old={"id": was}), st.integers(1, 4), st.integers(1, 4)),
        st.builds(lambda id: update(id=id, n=2, old={"n": 1}), st.integers(1, 4)),
        st.builds(lambda id: insert("u", id=id, n=3), st.integers(1, 4)),
    ),
    max_size=12,
)


@given(changes, st.sampled_from(["i-%{/database}-%{/table}", "all"]))
def test_a_mirror_has_the_rows_that_the_changes_leave(events: list[Any], index: str) -> None:
    held: dict[tuple[str, str], Any] = {}
    for operation in compose("mirror", events, index).operations:
        ((kind, target),) = json.loads(operation.action).items()
        document = (target["_index"], target["_id"])
        assert document not in held, "one operation for a document"
        held[document] = None if kind == "delete" else json.loads(operation.document or b"")
        assert (operation.document is None) == (kind == "delete") == (operation.kind == "delete")
    rows: dict[tuple[str, int], Any] = {}
    for event in events:
        old = getattr(event, "old", UNSET)
        was = event.data.f0 if old is UNSET or old.f0 is UNSET else old.f0
        rows[event.table, was] = None
        rows[event.table, event.data.f0] = None if event.type == "delete" else {"id": event.data.f0, "n": event.data.f1}

    def document(table: str, id: int) -> tuple[str, str]:
        return ("all", f'["d1","{table}",{id}]') if index == "all" else (f"i-d1-{table}", str(id))

    assert held == {document(*key): row for key, row in rows.items()}


def test_a_request_has_a_line_for_each_action_and_document() -> None:
    operations = Operations([0, 1, 2], ["index", "delete", "index"], [b"a", b"b", b"c"], [b"1", None, b"3"])
    assert operations.body() == b"a\n1\nb\nc\n3\n"
    assert [part.body() for part in operations.parts(5)] == [b"a\n1\n", b"b\n", b"c\n3\n"]
    assert [part.body() for part in operations.parts(6)] == [b"a\n1\nb\n", b"c\n3\n"]
    assert [list(part.events) for part in operations.parts(6)] == [[0, 1], [2]]


def test_rows_of_two_databases_with_equal_tables_are_two_documents() -> None:
    rows = [RowInsert(name, "t", "insert", 5, data={"id": 1}, primary_key=(1,)) for name in ("a", "b")]
    ids = [json.loads(op.action)["index"]["_id"] for op in compose("mirror", rows, "all").operations]
    assert ids == ['["a","t",1]', '["b","t",1]']


@pytest.mark.parametrize("items", [b"", b'{"create":{"status":201}}', b'{"create":{"status":201}},' * 3])
def test_an_answer_without_errors_must_still_have_an_item_for_each_operation(items: bytes) -> None:
    operations = Operations(range(2), "create", [b"{}"] * 2, [b"{}"] * 2)
    with pytest.raises(Retryable):
        read_items(b'{"errors":false,"items":[' + items.rstrip(b",") + b"]}", operations, Results())
