"""MongoDB: which documents a batch becomes on a real server, and what each of its errors means for each event."""

import asyncio
import gc
from decimal import Decimal

import msgspec
import pytest
from bson import Decimal128, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from tests.components.certificates import certificate
from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, delete, insert, row, update
from tests.servers.ports import free_port
from wlf.components.dispatchers._mongodb.failures import clean, of_command
from wlf.components.dispatchers.mongodb import MongodbConfig, MongodbDispatcher
from wlf.errors import Retryable, SetupError
from wlf.events import LogLine, RowInsert, RowUpdate, SchemaChange
from wlf.events.rows import Place, put_place
from wlf.runtime.runner import Runner
from wlf.testing import (
    MemoryStore,
    Record,
    RecordingConfig,
    RecordingDispatcher,
    ScriptedCollector,
    ScriptedConfig,
    build_plan,
    lines,
)

# Closed while its monitor connects, the client leaves that socket to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def _collected():
    yield
    gc.collect()


def deliver(server, *batches, prepare=None, **options):
    """The results or errors of each dispatch."""

    async def run():
        where = {} if server is None else {"uri": server.uri}
        out = MongodbDispatcher(configured(MongodbConfig, **where, **options), make_context("mongodb"))
        results = []
        try:
            await out.open()
            for batch in batches:
                if prepare:
                    prepare(out)
                try:
                    results.append(await out.dispatch(Batch(batch)))
                except (Retryable, SetupError) as error:
                    results.append(error)
        finally:
            await out.close()
        return results, out

    results, out = asyncio.run(run())
    return results if prepare is None else (results, out)


@pytest.fixture
def database(mongodb, request):
    """A database of the test's own."""
    name = request.node.name.partition("[")[0][-50:]
    with mongodb.connect() as client:
        client.drop_database(name)
    return name


def placed(count, offset=400):
    rows = [RowInsert("d", "t", "insert", 5, xoffset=n, data={"n": n}) for n in range(count - 1)]
    rows.append(RowInsert("d", "t", "insert", 5, commit=True, data={"n": count - 1}))
    put_place(rows, Place("uuid", "binlog.000001", offset, 5, None, 0, count))
    return rows


# mode insert


def test_each_event_is_a_document_and_a_replay_writes_nothing_new(mongodb, database):
    rows = placed(3)
    assert deliver(mongodb, rows, rows, [rows[2], *placed(2, offset=500)], database=database) == [None] * 3
    found = mongodb.documents(database, "events")
    assert sorted(document["data"]["n"] for document in found) == [0, 0, 1, 1, 2]
    assert {document["table"] for document in found} == {"t"}


def test_events_without_a_place_get_an_id_of_the_clients(mongodb, database):
    assert deliver(mongodb, lines("a", "b"), database=database) == [None]
    found = mongodb.documents(database, "events")
    assert [document["message"] for document in found] == ["a", "b"]
    assert all(isinstance(document["_id"], ObjectId) for document in found)


@pytest.mark.parametrize("ordered", [True, False])
def test_what_a_unique_index_refuses_is_rejected_alone_without_its_value(mongodb, database, ordered):
    with mongodb.connect() as client:
        client[database].events.create_index("message", unique=True)
    events = lines("a", "secret", "secret", "b", "a", "c")
    (result,) = deliver(mongodb, events, database=database, ordered=ordered)
    assert set(result.rejected) == {2, 4}
    assert not result.retry
    assert result.rejected[2].startswith("11000: E11000 duplicate key")
    assert "secret" not in result.rejected[2]
    assert {document["message"] for document in mongodb.documents(database, "events")} == {"a", "b", "c", "secret"}


def test_what_cannot_be_encoded_is_rejected_alone(mongodb, database):
    events = [
        LogLine("s", 1.0, "a"),
        LogLine("s", 1.0, "\ud800"),
        LogLine("s", 1.0, "b", attributes={"a\0b": 1}),
        LogLine("s", 1.0, "x" * 17_000_000),
        LogLine("s", 1.0, "c"),
    ]
    (result,) = deliver(mongodb, events, database=database)
    assert set(result.rejected) == {1, 2, 3}
    assert [document["message"] for document in mongodb.documents(database, "events")] == ["a", "c"]


def test_names_come_from_templates_and_are_mended_or_refused(mongodb, database):
    events = [insert("a$b", id=1), insert("t", id=2), insert("", id=3), *lines("m"), insert("system.x", id=4)]
    (result,) = deliver(mongodb, events, database=database, collection="%{/table}")
    assert set(result.rejected) == {2, 3, 4}
    assert len(mongodb.documents(database, "a_b")) == len(mongodb.documents(database, "t")) == 1


# values


def test_numbers_stay_exact_and_times_stay_text(mongodb, database):
    tables = {
        "small": 1,
        "large": 2**63 - 1,
        "larger": 2**64 - 1,
        "price": Decimal("12.340"),
        "long": Decimal("1." + "3" * 60),
        "text": "ä",
        "nothing": None,
        "when": "2026-02-30 00:00:00",
        "json": {"a": [1, {"b": 2**70}]},
        "a.b": 1,
        "$c": 2,
    }
    assert deliver(mongodb, [insert(id=1, **tables)], database=database, mode="mirror") == [None]
    (found,) = mongodb.documents(database, "events")
    assert found.pop("_id") == {"database": "d1", "table": "t1", "key": 1}
    assert found == {
        "id": 1,
        **tables,
        "larger": Decimal128(str(2**64 - 1)),
        "price": Decimal128("12.340"),
        "long": "1." + "3" * 60,
        "json": {"a": [1, {"b": Decimal128(str(2**70))}]},
    }


# mode upsert


def test_upsert_keeps_the_last_event_of_each_key(mongodb, database):
    events = [insert(id=1, v="a"), insert(id=2, v="b"), update(id=1, v="c", old={"v": "a"})]
    assert deliver(mongodb, events, database=database, mode="upsert", key="%{/table}-%{/data/id}") == [None]
    found = {document["_id"]: document["data"]["v"] for document in mongodb.documents(database, "events")}
    assert found == {"t1-1": "c", "t1-2": "b"}


def test_upsert_without_a_key_takes_the_rows_own(mongodb, database):
    events = [insert(id=1, v="a"), update(id=1, v="b", old={"v": "a"}), *lines("m")]
    (result,) = deliver(mongodb, events, database=database, collection="%{/database}.%{/table}", mode="upsert")
    assert set(result.rejected) == {2}
    (result,) = deliver(mongodb, lines("m"), database=database, mode="upsert", key="%{/nothing}", on_missing="none")
    assert result is None
    assert [document["_id"] for document in mongodb.documents(database, "events")] == ["none"]


# mode mirror

BY_TABLE = {"collection": "%{/database}.%{/table}", "mode": "mirror"}


@pytest.mark.parametrize("updates", ["replace", "set"])
def test_a_mirror_follows_the_table(mongodb, database, updates):
    events = [
        insert(id=1, v="a"),
        insert(id=2, v="b"),
        update(id=1, v="c", old={"v": "a"}),
        update(id=3, v="b", old={"id": 2}),
        insert(id=4, v="d"),
        delete(id=4, v="d"),
        SchemaChange("d1", "table-alter", 5, "alter table t1"),
    ]
    for _ in range(2):
        assert deliver(mongodb, events, database=database, updates=updates, **BY_TABLE) == [None]
        assert mongodb.documents(database, "d1.t1") == [{"_id": 1, "id": 1, "v": "c"}, {"_id": 3, "id": 3, "v": "b"}]


def test_ddl_is_counted(mongodb, database):
    ddl = SchemaChange("d1", "table-alter", 5, "alter table t1", table="t1")
    _, out = deliver(mongodb, [ddl, ddl], database=database, prepare=lambda out: None, **BY_TABLE)
    assert out.context.metrics["wlf_dropped_events_total", "ddl in a mirror"] == 2


def test_set_leaves_other_fields_of_the_document(mongodb, database):
    with mongodb.connect() as client:
        client[database]["d1.t1"].insert_one({"_id": 1, "note": "mine", "v": "a"})
    deliver(mongodb, [update(id=1, v="b", old={"v": "a"})], database=database, updates="set", **BY_TABLE)
    assert mongodb.documents(database, "d1.t1") == [{"_id": 1, "note": "mine", "v": "b"}]
    deliver(mongodb, [update(id=1, v="c", old={"v": "b"})], database=database, **BY_TABLE)
    assert mongodb.documents(database, "d1.t1") == [{"_id": 1, "id": 1, "v": "c"}]


def test_keys_of_several_columns_are_documents(mongodb, database):
    rows = [insert(primary_key=("a", "b"), a=1, b="x", c=1), insert(primary_key=("a", "b"), a=1, b="y", c=2)]
    assert deliver(mongodb, rows, database=database, **BY_TABLE) == [None]
    assert [document["_id"] for document in mongodb.documents(database, "d1.t1")] == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
    ]


def test_rows_that_a_mirror_cannot_have_are_rejected_with_the_reason(mongodb, database):
    partial = RowUpdate("d1", "t1", "update", 5, data=row("d1", "t1", {"id": 1, "v": msgspec.UNSET}))
    events = [insert(primary_key=(), v=1), partial, *lines("m"), insert(id=None), insert(id=1, _id=2)]
    (result,) = deliver(mongodb, events, database=database, mode="mirror")
    assert set(result.rejected) == set(range(5))
    assert "primary key" in result.rejected[0]
    assert "binlog_row_image" in result.rejected[1]
    assert "row change" in result.rejected[2]
    (result,) = deliver(mongodb, [partial], database=database, mode="mirror", updates="set")
    assert result is None


# errors


class Failing:
    """Stands before the collections of a session: raises what it is told, and then lets through."""

    def __init__(self, session, *errors):
        self.errors, self.client = list(errors), session._client
        session._client = self

    def __getitem__(self, database):
        return Named(self, database)

    async def close(self):
        await self.client.close()


class Named:
    def __init__(self, failing, database):
        self.failing, self.database = failing, database

    def __getitem__(self, collection):
        self.collection = self.failing.client[self.database][collection]
        return self

    def with_options(self, **options):
        self.collection = self.collection.with_options(**options)
        return self

    async def bulk_write(self, *args, **options):
        if self.failing.errors and (error := self.failing.errors.pop(0)) is not None:
            raise error
        return await self.collection.bulk_write(*args, **options)


@pytest.mark.parametrize(
    "error",
    [AutoReconnect("connection closed"), OperationFailure("not primary", 10107), OperationFailure("shutdown", 91)],
)
def test_without_a_server_all_that_is_left_is_tried_again(mongodb, database, error):
    events = [insert("t1", id=1), insert("t2", id=2), insert("t3", id=3)]
    (result,), _ = deliver(
        mongodb, events, database=database, prepare=lambda out: Failing(out._session, None, error), **BY_TABLE
    )
    assert set(result.retry) == {1, 2}
    assert len(mongodb.documents(database, "d1.t1")) == 1


@pytest.mark.parametrize("code", [13, 18, 8000, 20])
def test_a_refused_user_or_call_ends_the_run(mongodb, database, code):
    failing = lambda out: Failing(out._session, OperationFailure("no", code))  # noqa: E731
    (result,), _ = deliver(mongodb, lines("a"), database=database, prepare=failing)
    assert isinstance(result, SetupError)


def test_a_write_concern_that_cannot_be_ends_the_run(mongodb, database):
    (result,) = deliver(mongodb, lines("a"), database=database, write_concern={"w": 3, "timeout_ms": 100})
    assert isinstance(result, SetupError)
    assert "write concern" in str(result)


def bulk(errors=(), concern=()):
    from pymongo.errors import BulkWriteError

    return BulkWriteError({"writeErrors": list(errors), "writeConcernErrors": list(concern)})


def test_what_is_written_but_not_yet_safe_is_tried_again_and_is_there_once(mongodb, database):
    rows = placed(3)
    waiting = bulk(concern=[{"code": 64, "errmsg": "waiting for replication timed out"}])
    results, _ = deliver(mongodb, rows, database=database, prepare=lambda out: Failing(out._session, waiting))
    assert set(results[0].retry) == {0, 1, 2}


def test_what_comes_behind_one_that_goes_again_goes_again(mongodb, database):
    busy = bulk([{"index": 1, "code": 112, "errmsg": "WriteConflict"}])
    (result,), _ = deliver(mongodb, placed(3), database=database, prepare=lambda out: Failing(out._session, busy))
    assert result.retry == {1: "112: WriteConflict", 2: "112: WriteConflict"}
    (result,), _ = deliver(
        mongodb, placed(3), database=database, ordered=False, prepare=lambda out: Failing(out._session, busy)
    )
    assert set(result.retry) == {1}


def test_two_upserts_of_a_new_document_at_once_are_a_race_and_no_refusal(mongodb, database):
    race = bulk([{"index": 0, "code": 11000, "errmsg": "E11000", "keyPattern": {"_id": 1}}])
    (result,), _ = deliver(
        mongodb, [insert(id=1)], database=database, prepare=lambda out: Failing(out._session, race), **BY_TABLE
    )
    assert set(result.retry) == {0}


def test_a_server_that_cannot_be_reached_is_tried_again():
    with pytest.raises(Retryable):
        deliver(None, uri=f"mongodb://127.0.0.1:{free_port()}", connect_timeout_ms=200)


def test_a_login_is_used_and_its_refusal_ends_the_run(make_mongodb):
    server = make_mongodb()
    with server.connect() as client:
        client.admin.command("createUser", "wlf", pwd="hunter2", roles=["root"])
    server.stop()
    server.auth = True
    server.start()
    assert deliver(server, lines("a"), username="wlf", password="hunter2") == [None]
    with pytest.raises(SetupError) as caught:
        deliver(server, lines("a"), username="wlf", password="hunter3")
    assert "hunter3" not in str(caught.value)


def test_a_certificate_is_checked(make_mongodb, tmp_path):
    cert, key = certificate(tmp_path)
    server = make_mongodb(options={"tls-cert-file": str(cert), "tls-key-file": str(key)})
    assert deliver(server, lines("a"), tls={"ca": str(cert)}) == [None]
    assert deliver(server, lines("a"), tls={"verify": False}) == [None]
    with pytest.raises(SetupError, match=r"tls: \{ca: FILE\}"):
        deliver(server, lines("a"), tls=True, connect_timeout_ms=500)


def test_reasons_quote_no_document():
    assert clean("E11000 duplicate key error collection: d.c index: a_1 dup key: { a: 'secret' }").endswith(
        "index: a_1"
    )
    assert isinstance(of_command(ServerSelectionTimeoutError("x")), Retryable)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"uri": "mongodb://u:hunter2@h/"}, "without a login"),
        ({"uri": "http://h"}, "expected mongodb://"),
        ({"username": "u"}, "together"),
        ({"key": "k"}, "mode upsert only"),
        ({"updates": "set"}, "mode mirror only"),
        ({"mode": "mirror", "ordered": False}, "the last write on a document must win"),
        ({"format": "canal"}, "expected format json"),
        ({"write_concern": {"w": 0}}, "at least 1"),
        ({"tls": {"cert": "a", "key": "b"}}, "in the file of"),
    ],
)
def test_options_that_cannot_be_are_refused_without_their_secrets(options, said):
    with pytest.raises(msgspec.ValidationError, match=said) as caught:
        configured(MongodbConfig, **options)
    assert "hunter2" not in str(caught.value)


# the promise

STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "move"]), st.integers(0, 4), st.integers(0, 4)), max_size=20
)


def history(steps):
    """Row changes that a table could have had, and the table in the end."""
    table, events = {}, []
    for count, (verb, id, other) in enumerate(steps):
        if verb == "put" and id not in table:
            events.append(insert(id=id, v=count, w=0))
            table[id] = (count, 0)
        elif verb == "put":
            events.append(update(id=id, v=count, w=table[id][1], old={"v": table[id][0]}))
            table[id] = (count, table[id][1])
        elif id in table and verb == "delete":
            v, w = table.pop(id)
            events.append(delete(id=id, v=v, w=w))
        elif id in table and other not in table:
            v, w = table.pop(id)
            events.append(update(id=other, v=v, w=count, old={"id": id, "w": w}))
            table[other] = (v, count)
    return events, table


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, st.integers(0, 20), st.integers(0, 20), st.sampled_from(["replace", "set"]))
def test_a_mirror_converges_to_the_table_also_through_a_replay(mongodb, steps, cut, back, updates):
    events, table = history(steps)
    with mongodb.connect() as client:
        client.converges["d1.t1"].delete_many({})
    batches = [batch for batch in (events[:cut], events[max(0, cut - back) :]) if batch]
    assert deliver(mongodb, *batches, database="converges", updates=updates, **BY_TABLE) == [None] * len(batches)
    found = {d["_id"]: (d["id"], d["v"], d["w"]) for d in mongodb.documents("converges", "d1.t1")}
    assert found == {id: (id, v, w) for id, (v, w) in table.items()}


def test_an_outage_loses_nothing_and_a_refused_event_becomes_a_dead_letter(make_mongodb, tmp_path):
    server, record = make_mongodb(), Record()
    with server.connect() as client:
        client.wlf.events.create_index("message", unique=True)
    server.kill()

    async def run():
        config = configured(
            MongodbConfig,
            id="mongodb",
            uri=server.uri,
            dead_letter="dead",
            connect_timeout_ms=200,
            retry={"initial_delay_ms": 10, "max_delay_ms": 50},
        )
        plan = build_plan(
            (ScriptedCollector, ScriptedConfig(id="source", destination="mongodb", script=[lines("a", "b", "a", "c")])),
            (MongodbDispatcher, config),
            (RecordingDispatcher, RecordingConfig(id="dead", record=record)),
        )
        runner = Runner(plan, tmp_path, until_end=True, store=MemoryStore())
        running = asyncio.create_task(runner.run())
        while "cannot connect" not in runner.troubles().get("mongodb", ""):  # noqa: ASYNC110 - as an operator asks
            await asyncio.sleep(0.01)
        await asyncio.to_thread(server.start)
        return await running

    report = asyncio.run(run())
    assert report.exit_code == 0, report.problems
    assert sorted(document["message"] for document in server.documents("wlf", "events")) == ["a", "b", "c"]
    assert record.messages == ["a"]
