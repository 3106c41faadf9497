"""Rows of a snapshot in Elasticsearch: an upsert in a mirror, a document with an id of its own in mode append."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.components.fakes import Batch
from tests.components.rows import configured, delete, row
from wlf.components.dispatchers._elasticsearch.operations import COMPOSERS
from wlf.components.dispatchers._elasticsearch.options import ElasticsearchConfig
from wlf.events import Place, RowSnapshot
from wlf.events.rows import put_place


def copied(table: str, id: int, number: int) -> RowSnapshot:
    event = RowSnapshot("d1", table, "bootstrap-insert", 1_700_000_000, data=row("d1", table, {"id": id, "n": 1}))
    put_place([event], Place("uuid", "binlog.000001", 500, 1_700_000_000, None, 0, number))
    return event


def actions(mode: str, *events: Any) -> list[dict[str, Any]]:
    config: Any = configured(ElasticsearchConfig, url="http://localhost:9200", index="all", mode=mode)
    composed = COMPOSERS[mode](config).compose(Batch(events))
    assert composed.rejected == {}
    return [json.loads(operation.lines[0]) for operation in composed.operations]


def test_a_mirror_takes_it_as_an_upsert_and_the_last_one_wins() -> None:
    (kept,) = actions("mirror", copied("t", 1, 1), copied("t", 1, 2))
    assert set(kept) == {"index"}
    (gone,) = actions("mirror", copied("t", 1, 1), delete("t", id=1, n=1))
    assert set(gone) == {"delete"}


@pytest.mark.parametrize("other", [("t", 2), ("u", 1)])
def test_rows_with_one_place_have_ids_of_their_own(other: tuple[str, int]) -> None:
    table, number = other
    ids = [action["create"]["_id"] for action in actions("append", copied("t", 7, 1), copied(table, 8, number))]
    assert len(set(ids)) == 2


def test_a_row_that_is_copied_again_at_the_same_place_is_the_same_document() -> None:
    assert actions("append", copied("t", 1, 5)) == actions("append", copied("t", 1, 5))
