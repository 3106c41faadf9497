"""Elasticsearch: which documents a batch becomes, and what each answer means for each event."""

import asyncio
import json

import msgspec
import pytest
from msgspec import UNSET

from tests.components.dispatchers.search_fake import CLOSE, HANG, search_fake
from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, delete, insert, inserts, update
from wlf.components.dispatchers._elasticsearch.replies import clean
from wlf.components.dispatchers.elasticsearch import ElasticsearchConfig, ElasticsearchDispatcher
from wlf.errors import Retryable, SetupError
from wlf.events import LogLine, RowInsert, SchemaChange
from wlf.events.rows import Place, put_place

BUSY = (429, {"type": "es_rejected_execution_exception", "reason": "queue is full"})
FAILED = (503, {"type": "unavailable_shards_exception", "reason": "primary shard is not active"})
WRONG = (
    400,
    {
        "type": "document_parsing_exception",
        "reason": "failed to parse field [a] of type [long] in document with id 'secret'. "
        "Preview of field's value: 'secret'",
    },
)
EXISTS = (409, {"type": "version_conflict_engine_exception", "reason": "document already exists"})


def make(url=None, **options):
    return ElasticsearchDispatcher(configured(ElasticsearchConfig, url=url, **options), make_context("search"))


def placed(count, first=0, offset=400):
    rows = [
        RowInsert("d", "t", "insert", 5, xoffset=first + n, data={"n": n})
        if n < count - 1
        else RowInsert("d", "t", "insert", 5, commit=True, data={"n": n})
        for n in range(count)
    ]
    put_place(rows, Place("uuid", "binlog.000001", offset, 5, None, first, count))
    return rows


def deliver(*batches, prepare=lambda fake: None, **options):
    """(results or errors of each dispatch, the bulk requests)."""

    async def run():
        async with search_fake() as fake:
            prepare(fake)
            out = make(fake.url, **options)
            results = []
            try:
                await out.open()
                for batch in batches:
                    try:
                        results.append(await out.dispatch(Batch(batch)))
                    except (Retryable, SetupError) as error:
                        results.append(error)
                await out.flush()
            finally:
                await out.close()
            return results, fake.asked

    return asyncio.run(run())


def scripted(*answers):
    return lambda fake: fake.script.extend(answers)


def judged(judge):
    return lambda fake: setattr(fake, "judge", judge)


# mode append


def test_append_creates_a_document_with_an_id_made_of_the_place():
    (result,), (asked,) = deliver(placed(3, first=7), index="wlf-%{/database}-%{/table}")
    assert result is None
    assert [action["create"]["_id"] for action, _ in asked.operations] == [
        f"uuid:5:binlog.000001:400:{n}" for n in range(3)
    ]
    assert asked.operations[0][0]["create"]["_index"] == "wlf-d-t"
    assert asked.operations[0][1] == {
        "database": "d",
        "table": "t",
        "type": "insert",
        "ts": 5,
        "xoffset": 7,
        "data": {"n": 0},
    }
    assert asked.headers["Content-Type"] == "application/x-ndjson"
    assert "filter_path=errors,items.*.status," in asked.path


def test_a_replay_repeats_the_ids_and_another_place_never_does():
    _, (first, replayed, other) = deliver(placed(3), placed(3), placed(3, offset=500))
    assert first.ids == replayed.ids
    assert not set(first.ids) & set(other.ids)


def test_events_without_a_place_get_their_id_from_the_server():
    ddl = SchemaChange("d", "database-create", 5, "create database d")
    known = SchemaChange("d", "database-create", 5, "create database d", position="binlog.000001:99", server_id=3)
    _, (asked,) = deliver([insert(id=1), ddl, known, LogLine("files", 1.0, "m")])
    assert asked.ids == [None, None, "ddl:3:5:binlog.000001:99", None]


def test_long_ids_are_hashed():
    rows = placed(1)
    put_place(rows, Place("u" * 600, "f", 1, 5, None, 0, 1))
    _, (asked,) = deliver(rows)
    assert asked.ids[0].startswith("sha256:")
    assert len(asked.ids[0]) < 512


@pytest.mark.parametrize(
    ("table", "index"),
    [("Orders", "x-orders"), ("my table", "x-my_table"), ("表", "x-表"), ("a*b?c#d:e", "x-a_b_c_d_e")],
)
def test_index_names_are_mended(table, index):
    _, (asked,) = deliver([insert(table, id=1)], index="x-%{/table}")
    assert asked.operations[0][0]["create"]["_index"] == index


def test_names_reject_refuses_them_and_two_tables_never_share_an_index_by_replacement():
    (result,), _ = deliver([insert("Orders", id=1), insert("orders", id=2)], index="%{/table}", names="reject")
    assert result.rejected == {0: "expected a index name, got 'Orders'"}
    (result,), _ = deliver([insert("Orders", id=1), insert("orders", id=2)], index="%{/table}")
    assert result.rejected == {1: "'orders' and 'Orders' would both be the index 'orders'"}


def test_a_missing_field_is_rejected_or_replaced():
    line = LogLine("files", 1.0, "m")
    (result,), asked = deliver([line], index="%{/table}")
    assert result.rejected == {0: "no value at /table in LogLine"}
    assert asked == []
    _, (asked,) = deliver([line], index="%{/table}", on_missing="logs")
    assert asked.operations[0][0]["create"]["_index"] == "logs"


# mode mirror


def mirror(*events, **options):
    results, asked = deliver(list(events), mode="mirror", index="%{/database}-%{/table}", **options)
    return results[0], [
        (kind, names["_id"], document)
        for request in asked
        for action, document in request.operations
        for kind, names in action.items()
    ]


def test_mirror_keeps_one_document_a_row():
    _, sent = mirror(insert(id=1, a="x"), insert(id=2, a="y"), update(id=2, a="z", old={"a": "y"}), delete(id=1, a="x"))
    assert sent == [("index", "2", {"id": 2, "a": "z"}), ("delete", "1", None)]


def test_mirror_sends_only_the_last_operation_on_a_document():
    _, sent = mirror(delete(id=1, a=0), *(update(id=1, a=n, old={"a": n - 1}) for n in range(5)), insert(id=9, a=0))
    assert sent == [("index", "1", {"id": 1, "a": 4}), ("index", "9", {"id": 9, "a": 0})]


def test_mirror_deletes_the_former_document_when_the_key_changes():
    _, sent = mirror(update(id=2, a="x", old={"id": 1}))
    assert sent == [("delete", "1", None), ("index", "2", {"id": 2, "a": "x"})]


def test_mirror_ids_of_several_columns_are_arrays_and_long_ones_hashed():
    rows = [
        insert(primary_key=("a", "b"), a=1, b="x"),
        insert("t2", primary_key=("a",), a="x" * 600),
        insert("t3", primary_key=("a",), a=""),
        insert("t3", primary_key=("a",), a='["'),
    ]
    _, sent = mirror(*rows)
    ids = [id for _, id, _ in sent]
    assert ids[0] == '[1,"x"]'
    assert ids[1].startswith("sha256:")
    assert ids[2:] == ['""', '"[\\""']


def test_mirror_ids_name_the_table_where_the_index_does_not():
    _, (asked,) = deliver([insert("t1", id=1), insert("t2", id=1)], mode="mirror", index="all")
    assert asked.ids == ['["d1","t1",1]', '["d1","t2",1]']


def test_mirror_refuses_what_it_cannot_key():
    whole = update(id=1, a="x", old={"a": "y"})
    partial = msgspec.structs.replace(whole, data=type(whole.data)(1, UNSET))
    result, sent = mirror(insert(primary_key=(), a=1), LogLine("files", 1.0, "m"), partial, insert(id=3))
    assert [id for _, id, _ in sent] == ["3"]
    assert "table with a primary key" in result.rejected[0]
    assert sorted(result.rejected) == [0, 1, 2]
    assert "binlog_row_image" in result.rejected[2]


def test_mirror_ignores_ddl_and_counts_it():
    async def run():
        async with search_fake() as fake:
            out = make(fake.url, mode="mirror")
            await out.open()
            result = await out.dispatch(Batch([SchemaChange("d", "table-drop", 1, "drop table t", table="t")]))
            await out.close()
            return result, fake.asked, out.context.metrics["wlf_dropped_events_total", "ddl in a mirror"]

    assert asyncio.run(run()) == (None, [], 1)


def test_mirror_takes_a_missing_document_for_deleted():
    result, _ = mirror(delete(id=1), prepare=judged(lambda names, document: (404, None)))
    assert result is None


def test_what_came_after_a_retried_event_on_the_same_row_is_retried_too():
    # 1 becomes 2 fails for now; a new 1 was inserted: retrying the first alone would delete the new 1.
    events = [update(id=2, a="x", old={"id": 1}), insert(id=1, a="new"), insert(id=3, a="y")]
    result, _ = mirror(*events, prepare=judged(lambda names, document: BUSY if names["_id"] == "2" else (200, None)))
    assert sorted(result.retry) == [0, 1]
    assert result.rejected == {}


# What answers mean


def test_items_are_judged_one_by_one():
    answers = [(201, None), BUSY, WRONG, EXISTS, FAILED]
    (result,), _ = deliver(placed(5), prepare=judged(lambda names, document: answers[document["data"]["n"]]))
    assert sorted(result.retry) == [1, 4]
    assert result.retry[1] == "429 es_rejected_execution_exception: queue is full"
    assert sorted(result.rejected) == [2]


def test_reasons_do_not_quote_documents():
    (result,), _ = deliver(placed(1), prepare=judged(lambda names, document: WRONG))
    assert result.rejected == {0: "400 document_parsing_exception: failed to parse field [a] of type [long]"}
    immense = "immense term in field=\"a\" (bytes). The prefix of the first immense term is: '[115, 101]...'"
    assert clean(immense) == 'immense term in field="a" (bytes)'
    assert clean("x\ny" * 1000)[:5] == "x yx "
    assert len(clean("x" * 1000)) == 300


@pytest.mark.parametrize(
    "error",
    [(403, {"type": "cluster_block_exception", "reason": "read-only"}), (404, {"type": "index_not_found_exception"})],
)
def test_what_an_operator_can_mend_is_tried_again(error):
    (result,), _ = deliver(placed(1), prepare=judged(lambda names, document: error))
    assert sorted(result.retry) == [0]


def test_a_user_who_may_not_write_ends_the_run():
    forbidden = (403, {"type": "security_exception", "reason": "action [indices:data/write] is unauthorized"})
    (result,), _ = deliver(placed(1), prepare=judged(lambda names, document: forbidden))
    assert isinstance(result, SetupError)
    assert "unauthorized" in str(result)


@pytest.mark.parametrize("answer", [429, 500, 502, 503, 504, CLOSE, HANG, (200, b"garbage"), (200, {"items": []})])
def test_a_request_that_failed_as_a_whole_is_retryable(answer):
    (first, second), asked = deliver(placed(2), placed(2), prepare=scripted(answer), timeout_ms=500)
    assert isinstance(first, Retryable)
    assert second is None
    assert asked[0].ids == asked[-1].ids


@pytest.mark.parametrize(("status", "hint"), [(401, "password"), (403, "password"), (400, "address"), (301, "address")])
def test_what_trying_again_cannot_mend_ends_the_run(status, hint):
    (result,), _ = deliver(placed(2), prepare=scripted(status))
    assert isinstance(result, SetupError)
    assert f"the server answers {status}: t: r" in str(result)
    assert hint in result.hint


def test_a_request_that_is_too_large_is_halved_until_it_fits():
    def refuse_many(fake):
        fake.script.extend([413, 413])

    (result,), asked = deliver(placed(8), prepare=refuse_many)
    assert result is None
    assert [len(request.operations) for request in asked] == [8, 4, 2, 2, 4]


def test_a_single_document_that_is_too_large_is_rejected_alone():
    (result,), asked = deliver(placed(2), prepare=scripted(413, 413))
    assert list(result.rejected) == [0]
    assert "too large" in result.rejected[0]
    assert asked[-1].ids == ["uuid:5:binlog.000001:400:1"]


def test_bodies_stay_below_max_body_bytes():
    rows = placed(20)
    (result,), asked = deliver(rows, max_body_bytes=500)
    assert result is None
    assert [id for request in asked for id in request.ids] == [f"uuid:5:binlog.000001:400:{n}" for n in range(20)]
    assert all(int(request.headers["Content-Length"]) <= 500 for request in asked)


def test_only_what_was_not_sent_is_retried_when_a_later_request_fails():
    (result,), asked = deliver(
        placed(4), prepare=scripted((200, {"items": [{"create": {"status": 201}}]}), 503), max_body_bytes=1
    )
    assert sorted(result.retry) == [1, 2, 3]
    assert len(asked) == 2


def test_nobody_there_is_retryable():
    async def run():
        async with search_fake() as fake:
            url = fake.url
        out = make(url)
        try:
            await out.open()
        finally:
            await out.close()

    with pytest.raises(Retryable, match=r"^http://127\.0\.0\.1:\d+: Connection refused$"):
        asyncio.run(run())


def test_another_node_is_asked_when_one_fails():
    async def run():
        async with search_fake() as first, search_fake() as second:
            out = make(urls=[first.url, second.url])
            await out.open()
            await out.dispatch(Batch(placed(1)))
            first.script.append(503)
            with pytest.raises(Retryable):
                await out.dispatch(Batch(placed(1)))
            await out.dispatch(Batch(placed(1)))
            await out.close()
            return len(first.asked), len(second.asked)

    assert asyncio.run(run()) == (2, 1)


@pytest.mark.parametrize(
    ("status", "error"), [(401, SetupError), (503, Retryable), (403, None), (405, None), (200, None), (404, SetupError)]
)
def test_opening_tells_a_wrong_password_from_a_server_that_is_not_ready(status, error):
    async def run():
        async with search_fake() as fake:
            fake.root_status = status
            out = make(fake.url)
            try:
                await out.open()
            finally:
                await out.close()

    if error is None:
        asyncio.run(run())
    else:
        with pytest.raises(error):
            asyncio.run(run())


# Requests


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({"api_key": "id:key"}, "ApiKey aWQ6a2V5"),
        ({"api_key": "aWQ6a2V5"}, "ApiKey aWQ6a2V5"),
    ],
)
def test_the_login_is_sent(options, header):
    _, (asked,) = deliver(placed(1), **options)
    assert asked.headers["Authorization"] == header


@pytest.mark.parametrize("size", [10, 100_000])
def test_gzip_bodies_are_smaller_and_hold_the_same(size):
    event = insert(id=1, text="x" * size)
    _, (asked,) = deliver([event], compression="gzip")
    assert asked.headers["Content-Encoding"] == "gzip"
    assert asked.operations[0][1]["data"]["text"] == "x" * size
    assert int(asked.headers["Content-Length"]) < size + 200


def test_the_pipeline_is_named():
    _, (asked,) = deliver(placed(1), pipeline="my pipe")
    assert "pipeline=my+pipe" in asked.path


def test_an_empty_batch_asks_nothing():
    assert deliver([]) == ([None], [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "http://a", "urls": ["http://b"]}, "got both"),
        ({"url": "localhost:9200"}, "expected an address such as"),
        ({"url": "http://u:secret@a"}, "belongs into `username` and `password`"),
        ({"url": "http://a?x=1"}, "without"),
        ({"username": "u"}, "together"),
        ({"username": "u", "password": "p", "api_key": "k"}, "got both"),
        ({"format": "msgpack"}, "expected format json"),
        ({"mode": "upsert"}, "mode"),
        ({"indx": "x"}, "indx"),
    ],
)
def test_a_wrong_option_is_told_before_running_and_shows_no_secret(options, message):
    with pytest.raises(msgspec.ValidationError, match=message) as error:
        configured(ElasticsearchConfig, **options)
    assert "secret" not in str(error.value)


def test_the_original_options_and_defaults():
    config = configured(ElasticsearchConfig)
    assert config.nodes == ("http://localhost:9200",)
    assert str(config.index) == "wlf"
    assert configured(ElasticsearchConfig, url="http://a:1/").nodes == ("http://a:1",)


def test_many_rows_are_one_request():
    (result,), (asked,) = deliver(inserts(2000))
    assert result is None
    assert len(asked.operations) == 2000
    assert json.dumps(asked.operations[-1][1]["data"]) == '{"id": 1999, "text": "row 1999"}'
