"""Elasticsearch against real servers: a replay changes nothing, a mirror converges, and a refusal is told apart."""

import asyncio

import pytest

from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, delete, insert, update
from wlf.components.dispatchers.elasticsearch import ElasticsearchConfig, ElasticsearchDispatcher
from wlf.events import RowInsert
from wlf.events.rows import Place, put_place

pytestmark = pytest.mark.servers


@pytest.fixture(params=["opensearch", "elasticsearch"])
def server(request):
    return request.getfixturevalue(request.param)


def placed(count, **data):
    rows = [RowInsert("d", "t", "insert", 5, xoffset=n, data={"n": n, **data}) for n in range(count)]
    put_place(rows, Place("uuid", "binlog.000001", 400, 5, None, 0, count + 1))
    return rows


def deliver(server, *batches, **options):
    async def run():
        config = configured(ElasticsearchConfig, url=server.url, **options)
        out = ElasticsearchDispatcher(config, make_context("search"))
        try:
            await out.open()
            return [await out.dispatch(Batch(batch)) for batch in batches]
        finally:
            await out.close()

    return asyncio.run(run())


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_replay_changes_nothing(server, compression):
    index = f"append-{compression}"
    assert deliver(server, placed(50), placed(50), index=index, compression=compression) == [None, None]
    documents = server.documents(index)
    assert len(documents) == 50
    assert documents["uuid:5:binlog.000001:400:7"]["data"] == {"n": 7}


def test_a_mirror_holds_the_table(server):
    batches = [
        [insert(id=n, name=f"row {n}") for n in range(10)],
        [update(id=1, name="new", old={"name": "row 1"}), delete(id=2, name="row 2")],
        [update(id=30, name="row 3", old={"id": 3}), insert(id=3, name="again"), delete(id=99, name="never there")],
    ]
    for _ in range(2):
        results = deliver(server, *batches, mode="mirror", index="mirror-%{/database}-%{/table}")
        assert results == [None, None, None]
    documents = {id: row["name"] for id, row in server.documents("mirror-d1-t1").items()}
    assert documents == {**{str(n): f"row {n}" for n in (0, 4, 5, 6, 7, 8, 9)}, "1": "new", "3": "again", "30": "row 3"}


def test_a_delete_without_an_index_is_delivered(server):
    assert deliver(server, [delete(id=1)], mode="mirror", index="never-made-%{/database}-%{/table}") == [None]


def test_a_document_that_does_not_fit_is_rejected_alone_without_its_contents(server):
    server.request("PUT", "/typed", {"mappings": {"properties": {"data": {"properties": {"n": {"type": "long"}}}}}})
    good, bad = placed(2)[0], RowInsert("d", "t", "insert", 5, data={"n": "my secret"})
    (result,) = deliver(server, [good, bad], index="typed")
    assert result.retry == {}
    assert list(result.rejected) == [1]
    assert "failed to parse field [data.n] of type [long]" in result.rejected[1]
    assert "my secret" not in result.rejected[1]
    assert len(server.documents("typed")) == 1


def test_tables_with_odd_names_get_indices(server):
    rows = [insert(table, id=1) for table in ("Orders", "my table", "表", 'a"b')]
    assert deliver(server, rows, index="odd-%{/table}") == [None]
    for index in ("odd-orders", "odd-my_table", "odd-%E8%A1%A8", "odd-a_b"):
        assert len(server.documents(index)) == 1


@pytest.mark.parametrize("count", [1, 40])
def test_a_body_beyond_the_servers_limit_is_sent_in_parts(make_opensearch, count):
    small = make_opensearch(options={"http.max_content_length": "64kb"})
    (result,) = deliver(small, placed(count, text="x" * 5_000), index="parts")
    assert result is None
    assert len(small.documents("parts")) == count
