from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import pytest

from tests.runtime.sample import copies, sink, source
from wlf.errors import SetupError
from wlf.runtime import http
from wlf.runtime.http import MAX_REQUEST_BYTES, HttpEndpoint
from wlf.runtime.runner import Runner
from wlf.testing import EOF, PAUSE, MemoryStore, Record, build_plan, lines, refuse_first, run_graph


def ask(
    request: bytes, troubles: Mapping[str, str] | None = None, problems: list[str] | None = None
) -> tuple[str, str]:
    """(head, body) of one answer."""

    async def work() -> tuple[str, str]:
        endpoint = HttpEndpoint(lambda: "wlf_x 1\n", lambda: problems or [], lambda: troubles or {})
        await endpoint.open("127.0.0.1:0")
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        await endpoint.close()
        head, _, body = answer.decode().partition("\r\n\r\n")
        return head, body

    return asyncio.run(work())


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def test_metrics_come_in_prometheus_form() -> None:
    head, body = ask(get("/metrics"))
    assert head.startswith("HTTP/1.1 200 OK")
    assert "version=0.0.4" in head
    assert body == "wlf_x 1\n"


def test_readyz_names_the_node_that_is_not_ready_and_healthz_what_failed() -> None:
    assert ask(get("/readyz"))[1] == "ready\n"
    head, body = ask(get("/readyz"), troubles={"kafka": "cannot connect: refused"})
    assert " 503 " in head
    assert body == "kafka: cannot connect: refused\n"
    assert ask(get("/healthz"), troubles={"kafka": "x"})[1] == "ok\n"
    assert " 503 " in ask(get("/healthz"), problems=["kafka: refused"])[0]


def test_head_sends_the_length_and_no_body() -> None:
    head, body = ask(b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert "Content-Length: 8" in head
    assert body == ""


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (get("/nothing"), 404),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /" + b"x" * (2 * MAX_REQUEST_BYTES) + b" HTTP/1.1\r\n\r\n", 431),
    ],
)
def test_other_requests_are_refused(request_bytes: bytes, status: int) -> None:
    assert f" {status} " in ask(request_bytes)[0]


def test_a_request_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.05)
    assert " 408 " in ask(b"GET /met")[0]


@pytest.mark.parametrize("address", ["nothing", "127.0.0.1:http", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_listened_on_is_a_setup_error(address: str) -> None:
    async def work() -> None:
        await HttpEndpoint(str, list, dict).open(address)

    with pytest.raises(SetupError, match="http: "):
        asyncio.run(work())


def test_an_address_in_use_ends_the_run_with_1() -> None:
    report = run_graph(source([EOF]), sink(Record()), http="256.0.0.1:1")
    assert report.exit_code == 1
    assert "http: cannot listen on 256.0.0.1:1" in report.problems[0]


def test_a_dead_sink_is_named_while_the_others_are_ready(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="wlf")
    dead = Record(refuse_first(10_000, "broken pipe"))
    plan = build_plan(
        source([lines("a"), *([PAUSE] * 1000)], "copies"),
        copies("dead", "good"),
        sink(dead, "dead"),
        sink(Record(), "good"),
        http="127.0.0.1:0",
        shutdown_timeout_ms=200,
    )

    async def work() -> tuple[Mapping[str, str], str]:
        runner = Runner(plan, "unused", store=MemoryStore())
        running = asyncio.create_task(runner.run())
        while len(dead.batches) < 2:  # noqa: ASYNC110 - the record is no part of the loop
            await asyncio.sleep(0)
        status = runner.status()
        metrics = runner._around.registry.exposition()
        runner.stop()
        await running
        return status.troubles, metrics

    troubles, metrics = asyncio.run(work())
    assert troubles == {"dead": "1 events to be tried again: broken pipe"}
    assert 'wlf_in_flight_events{node="dead"} 1' in metrics
    assert 'wlf_events_out_total{node="good"} 1' in metrics
    assert 'wlf_mailbox_weight_bytes{node="good"} 0' in metrics
