"""HTTP: which requests a batch becomes, and what each answer means for each event."""

import asyncio
import base64
import datetime
import ssl
from email.utils import format_datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components.certificates import certificate
from tests.components.dispatchers.http_fake import BREAK, CLOSE, HANG, http_fake
from tests.components.fakes import Batch, SetClock, make_context
from tests.components.rows import configured, insert, inserts
from tests.servers.ports import free_port
from wlf.components.dispatchers.http import HttpConfig, HttpDispatcher
from wlf.errors import SetupError
from wlf.events import DeadLetter, LogLine, RowInsert
from wlf.events.log import FileLine
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


def make(url, **options):
    return HttpDispatcher(configured(HttpConfig, url=url, **options), make_context("http", SetClock()))


def deliver(*batches, path="/in", script=(), judge=lambda events: 200, format="json", url=None, **options):
    """(results or errors of each dispatch, the server)."""

    async def run():
        async with http_fake() as fake:
            fake.script, fake.judge = list(script), judge
            out = make((url or fake.url) + path, format=format, **options)
            results = []
            try:
                await out.open()
                for batch in batches:
                    try:
                        results.append(await out.dispatch(Batch(batch, format)))
                    except SetupError as error:
                        results.append(error)
            finally:
                await out.close()
            return results, fake

    return asyncio.run(run())


def ids(events):
    return [event["data"]["id"] for event in events]


def refuses(*poison):
    return lambda events: (422, "no") if set(ids(events)) & set(poison) else 200


# requests


def test_a_batch_is_one_request_of_lines():
    (result,), fake = deliver(inserts(3))
    assert result is None
    (asked,) = fake.asked
    assert (asked.method, asked.path) == ("POST", "/in")
    assert asked.raw.endswith(b"}\n")
    assert asked.raw.count(b"\n") == 3
    assert ids(asked.events) == [0, 1, 2]
    assert asked.headers["Content-Type"] == "application/x-ndjson"


def test_a_batch_is_one_json_array():
    _, fake = deliver(inserts(3), body="array", method="PUT")
    (asked,) = fake.asked
    assert asked.method == "PUT"
    assert asked.raw.startswith(b"[{")
    assert ids(asked.events) == [0, 1, 2]
    assert asked.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("count", [1, 2000])
def test_bodies_are_compressed_small_and_large(count):
    _, fake = deliver(inserts(count), compression="gzip")
    (asked,) = fake.asked
    assert asked.headers["Content-Encoding"] == "gzip"
    assert ids(asked.events) == list(range(count)), "the server has unpacked it, and fails where it cannot"


def test_requests_keep_to_max_body_bytes_in_order():
    rows = inserts(20)
    _, fake = deliver(rows, max_body_bytes=300)
    assert len(fake.asked) > 5
    assert all(len(asked.raw) <= 300 for asked in fake.asked)
    assert ids(fake.taken) == list(range(20))


def test_an_event_larger_than_max_body_bytes_goes_alone():
    _, fake = deliver(inserts(3), max_body_bytes=1)
    assert [ids(asked.events) for asked in fake.asked] == [[0], [1], [2]]


def test_events_are_grouped_by_address_and_values_are_encoded():
    rows = [insert("a b", id=1), insert("c/d", id=2), insert("a b", id=3), insert("%2e?x#", id=4)]
    _, fake = deliver(rows, path="/in/%{/table}?k=v")
    assert {asked.path: ids(asked.events) for asked in fake.asked} == {
        "/in/a%20b?k=v": [1, 3],
        "/in/c%2Fd?k=v": [2],
        "/in/%252e%3Fx%23?k=v": [4],
    }


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_value_that_leads_elsewhere_is_refused(name):
    (result,), fake = deliver([insert(name, id=1), insert("t", id=2)], path="/in/%{/table}")
    assert result.rejected == {0: f"expected a part of an address, got {name!r}"}
    assert ids(fake.taken) == [2]


def test_names_reject_refuses_what_would_have_to_be_encoded():
    (result,), fake = deliver([insert("a b", id=1), insert("t", id=2)], path="/in/%{/table}", names="reject")
    assert list(result.rejected) == [0]
    assert ids(fake.taken) == [2]


@pytest.mark.parametrize(("on_missing", "paths"), [("reject", ["/in/d1"]), ("none", ["/in/none", "/in/d1"])])
def test_missing_fields_are_refused_or_replaced(on_missing, paths):
    (result,), fake = deliver([*lines("m"), insert(id=2)], path="/in/%{/database}", on_missing=on_missing)
    assert [asked.path for asked in fake.asked] == paths
    assert (result is None) == (on_missing == "none")


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"username": "u", "password": "p:w"}, "Basic " + base64.b64encode(b"u:p:w").decode()),
        ({"bearer_token": "t0k"}, "Bearer t0k"),
        ({"headers": {"authorization": "Splunk abc"}}, "Splunk abc"),
    ],
)
def test_the_login_is_sent_with_the_first_request(options, value):
    _, fake = deliver(inserts(1), **options)
    assert fake.asked[0].headers["Authorization"] == value


def test_headers_of_ones_own_replace_those_of_wlf():
    _, fake = deliver(inserts(1), headers={"content-type": "application/vnd.x+json", "X-Key": "k"})
    headers = fake.asked[0].headers
    assert headers.getall("Content-Type") == ["application/vnd.x+json"]
    assert headers["X-Key"] == "k"


# idempotency keys


def placed(count, offset=400):
    rows = [RowInsert("d", "t", "insert", 5, xoffset=n, data={"id": n}) for n in range(count - 1)]
    rows.append(RowInsert("d", "t", "insert", 5, commit=True, data={"id": count - 1}))
    put_place(rows, Place("uuid", "binlog.000001", offset, 5, None, 0, count))
    return rows


def test_the_same_events_have_the_same_key_and_others_never():
    batches = placed(2), placed(2), placed(2, offset=500), placed(3)
    _, fake = deliver(*batches, idempotency_key=True)
    first, again, other, more = [asked.headers["Idempotency-Key"] for asked in fake.asked]
    assert first == again
    assert len({first, other, more}) == 3


def test_halves_have_keys_of_their_own():
    _, fake = deliver(placed(2), idempotency_key=True, judge=lambda events: 422 if len(events) > 1 else 200)
    assert len({asked.headers["Idempotency-Key"] for asked in fake.asked}) == 3


def test_equal_lines_at_two_places_have_two_keys_and_lines_without_a_place_none():
    def line(offset):
        return FileLine("files", 1.0, "same", file="/a", **({} if offset is None else {"offset": offset}))

    _, fake = deliver([line(0)], [line(5)], [line(None)], [line(0), line(None)], idempotency_key=True)
    first, second, *none = [asked.headers.get("Idempotency-Key") for asked in fake.asked]
    assert first
    assert second
    assert first != second
    assert none == [None, None]


def test_a_dead_letter_has_another_key_than_its_event():
    (row,) = placed(1)
    _, fake = deliver([row], [DeadLetter("search", "e", 1, 2.0, row)], idempotency_key=True)
    first, second = [asked.headers["Idempotency-Key"] for asked in fake.asked]
    assert first != second


# answers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_delivered(status):
    (result,), _ = deliver(inserts(2), script=[status])
    assert result is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again_whole(status):
    (result,), fake = deliver(inserts(3), script=[(status, "later")])
    assert set(result.retry) == {0, 1, 2}
    assert "later" in result.retry[0]
    assert not result.rejected
    assert len(fake.asked) == 1


@pytest.mark.parametrize("status", [400, 413, 415, 422, 451])
def test_the_one_refused_event_is_found_by_halves(status):
    (result,), fake = deliver(inserts(64), judge=lambda events: (status, "bad id") if 37 in ids(events) else 200)
    assert list(result.rejected) == [37]
    assert result.rejected[37].startswith(str(status))
    assert result.rejected[37].endswith(": bad id")
    assert not result.retry
    assert ids(fake.taken) == [n for n in range(64) if n != 37]
    assert len(fake.asked) <= 13


def test_what_comes_behind_an_event_that_goes_again_is_not_sent_before_it():
    (result,), fake = deliver(inserts(6), max_body_bytes=1, script=[200, 200, 503])
    assert set(result.retry) == {2, 3, 4, 5}
    assert len(fake.asked) == 3


def test_an_address_that_is_busy_holds_up_no_other():
    rows = [insert("t1", id=1), insert("t2", id=2)]
    (result,), fake = deliver(rows, path="/%{/table}", script=[503])
    assert set(result.retry) == {0}
    assert ids(fake.taken) == [2]


@pytest.mark.parametrize("fault", [CLOSE, HANG])
def test_without_an_answer_all_that_is_left_is_tried_again(fault):
    rows = [insert("t1", id=1), insert("t2", id=2)]
    (result,), fake = deliver(rows, path="/%{/table}", script=[fault], timeout_ms=300)
    assert set(result.retry) == {0, 1}
    assert len(fake.asked) == 1


def test_nobody_who_listens_is_tried_again():
    (result,), _ = deliver(inserts(2), url=f"http://127.0.0.1:{free_port()}")
    assert result.retry[1].endswith("Connection refused")


def test_an_answer_that_breaks_off_behind_its_status_is_an_answer():
    (result,), fake = deliver(inserts(2), script=[BREAK])
    assert result is None
    assert len(fake.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed_and_end_the_run(status):
    (result,), fake = deliver(inserts(2), script=[(status, "", {"Location": "/else"})])
    assert isinstance(result, SetupError)
    assert "redirects are not followed" in str(result)
    assert len(fake.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 407, 404, 405, 410])
def test_a_wrong_login_or_address_ends_the_run(status):
    (result,), _ = deliver(inserts(2), script=[status])
    assert isinstance(result, SetupError)
    assert str(status) in str(result)


def test_an_address_of_a_template_that_is_not_there_refuses_its_events_alone():
    rows = [insert("t1", id=1), insert("t1", id=2), insert("t2", id=3)]
    (result,), fake = deliver(rows, path="/%{/table}", script=[404])
    assert set(result.rejected) == {0, 1}
    assert len(fake.asked) == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", None),
        ("-1", None),
        ("soon", None),
        ("99999999", 20.0),
        (format_datetime(datetime.datetime.fromtimestamp(1_700_000_009, datetime.UTC), usegmt=True), 9.0),
        (format_datetime(datetime.datetime.fromtimestamp(1_600_000_000, datetime.UTC), usegmt=True), None),
    ],
)
def test_retry_after_is_honoured_within_bounds(value, seconds):
    answer = (503, "", {"Retry-After": value})
    (result,), _ = deliver(inserts(1), script=[answer], max_retry_after_ms=20_000)
    assert result.after_s == seconds


def test_reasons_hold_a_line_of_the_answer_and_no_secret():
    secret = "Basic dTpodW50ZXIy for u:hunter2 with k3y\n\x1b[31m" + "x" * 500
    (result,), _ = deliver(
        inserts(1), script=[(400, secret)], username="u", password="hunter2", headers={"X-Key": "k3y"}
    )
    reason = result.rejected[0]
    assert reason.startswith("400 Bad Request: Basic *** for u:*** with *** [31mxxx")
    assert len(reason.partition(": ")[2]) == 200
    (result,), _ = deliver(inserts(1), script=[(400, "quoted")], max_reason_bytes=0)
    assert result.rejected == {0: "400 Bad Request"}


def test_a_server_that_is_slow_to_refuse_is_halved_over_several_deliveries():
    clock = SetClock()

    async def run():
        async with http_fake() as fake:

            def judge(events):
                clock.now += 0.25
                return refuses(5)(events)

            fake.judge = judge
            config = configured(HttpConfig, url=f"{fake.url}/in", timeout_ms=400)
            out = HttpDispatcher(config, make_context("http", clock))
            await out.open()
            left, refused = inserts(8), []
            for _ in range(40):
                result = await out.dispatch(Batch(left))
                refused += [left[index].data.f0 for index in (result.rejected if result else ())]
                if result is None or not result.retry:
                    left = []
                    break
                assert result.after_s == 0, "nothing failed: the rest can go at once"
                left = [left[index] for index in sorted(result.retry)]
            await out.close()
            return left, refused, fake

    left, refused, fake = asyncio.run(run())
    assert (left, refused) == ([], [5])
    assert ids(fake.taken) == [0, 1, 2, 3, 4, 6, 7]


# TLS


def test_a_certificate_is_checked(tmp_path):
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def run(**tls):
        async with http_fake(ssl=context) as fake:
            out = make(f"{fake.url}/in", tls=tls)
            await out.open()
            try:
                return await out.dispatch(Batch(inserts(1)))
            finally:
                await out.close()

    assert asyncio.run(run(ca=str(cert))) is None
    assert asyncio.run(run(verify=False)) is None
    with pytest.raises(SetupError, match=r"look at tls\.ca"):
        asyncio.run(run())


# options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "ftp://h/"}, "url: expected an address"),
        ({"url": "http://%{/table}/x"}, "the host before the first"),
        ({"url": "http://h%{/table}/x"}, "the host before the first"),
        ({"url": "http://u:hunter2@h/"}, "without a user"),
        ({"url": "http://h/#a"}, "without #"),
        ({"url": "http://h:99999/"}, "url: expected an address"),
        ({"format": "msgpack"}, "expected a format that is JSON"),
        ({"username": "u"}, "together"),
        ({"username": "u", "password": "hunter2", "bearer_token": "hunter2"}, "got both"),
        ({"headers": {"Authorization": "hunter2"}, "bearer_token": "x"}, "no Authorization"),
        ({"headers": {"X": "hunter2\r\nY: z"}}, "printable"),
        ({"headers": {"X Y": "hunter2"}}, "name of a header"),
        ({"headers": {"Content-Length": "1"}}, "not about the body"),
        ({"headers": {"x": "1", "X": "2"}}, "each name once"),
        ({"bearer_token": "hunter2\n"}, "printable"),
    ],
)
def test_options_that_cannot_be_are_refused_without_their_secrets(options, said):
    with pytest.raises(msgspec.ValidationError, match=said) as caught:
        configured(HttpConfig, **{"url": "http://h/", **options})
    assert "hunter2" not in str(caught.value)


# the promise

FATES = st.sampled_from(["ok", "refuse", "ok", "ok"])
FAULTS = st.lists(st.sampled_from([429, 500, 503, CLOSE, 200, 200]), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(FATES, min_size=1, max_size=24),
    FAULTS,
    st.sampled_from(["/in", "/in/%{/message}"]),
    st.sampled_from([1, 200, 10_000]),
    st.sampled_from(["ndjson", "array"]),
)
def test_every_event_is_delivered_or_refused_once_with_a_reason_whatever_the_server_does(
    fates, faults, path, size, body
):
    async def run():
        async with http_fake() as fake:
            plan_of = faults.copy()

            def judge(events):
                if plan_of and (told := plan_of.pop(0)) != 200:
                    return told
                bad = any(fates[int(event["ts"])] == "refuse" for event in events)
                return (422, "bad") if bad else 200

            fake.judge = judge
            events = [LogLine("s", float(n), f"m{n % 3}") for n in range(len(fates))]
            out = make(fake.url + path, max_body_bytes=size, body=body)
            await out.open()
            refused, left = {}, events
            for _ in range(50):
                result = await out.dispatch(Batch(left))
                assert not set(result.retry if result else ()) & set(result.rejected if result else ())
                for index, reason in (result.rejected if result else {}).items():
                    assert left[index].ts not in refused
                    refused[left[index].ts] = reason
                left = [left[index] for index in sorted(result.retry)] if result else []
                if not left:
                    break
            await out.close()
            return left, refused, [event["ts"] for event in fake.taken]

    left, refused, taken = asyncio.run(run())
    assert not left
    assert set(refused) == {n for n, fate in enumerate(fates) if fate == "refuse"}
    assert all(reason.startswith("422") for reason in refused.values())
    assert set(taken) == {n for n, fate in enumerate(fates) if fate == "ok"}


def test_through_the_runtime_what_is_refused_becomes_a_dead_letter_and_the_rest_arrives(tmp_path):
    record = Record()

    async def run():
        async with http_fake() as fake:
            fake.script = [503, CLOSE]
            fake.judge = lambda events: (400, "bad") if any(e["message"] == "b" for e in events) else 200
            config = configured(
                HttpConfig, id="http", url=f"{fake.url}/in", dead_letter="dead", retry={"initial_delay_ms": 1}
            )
            plan = build_plan(
                (ScriptedCollector, ScriptedConfig(id="source", destination="http", script=[lines("a", "b", "c")])),
                (HttpDispatcher, config),
                (RecordingDispatcher, RecordingConfig(id="dead", record=record)),
            )
            report = await Runner(plan, tmp_path, until_end=True, store=MemoryStore()).run()
            return report, fake

    report, fake = asyncio.run(run())
    assert report.exit_code == 0, report.problems
    assert [event["message"] for event in fake.taken] == ["a", "c"]
    assert record.messages == ["b"]
