"""CPU microseconds an event into HTTP and MongoDB, as ratios to the client library's plain way in the same run.

`python -m benchmarks.micro.bench_http_mongodb` prints the table. The server is in another process, answers at once and
looks at nothing, so that the client is measured. The plain way joins the same payloads and posts them. MongoDB is the
test server, in another process too; the plain way makes the same documents by hand, without looking at their values.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient, InsertOne, WriteConcern

from benchmarks.micro.notes import note
from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, inserts
from tests.servers.mongodb import MongoDB
from wlf.components.dispatchers.http import HttpConfig, HttpDispatcher
from wlf.components.dispatchers.mongodb import MongodbConfig, MongodbDispatcher

EVENTS = 2_000
ROUNDS = 40
ONE, EACH = "/in", "/in/%{/table}"
CASES: dict[str, tuple[int, str, dict[str, Any]]] = {
    "ndjson": (1, ONE, {}),
    "array": (1, ONE, {"body": "array"}),
    "ndjson, 20 addresses": (20, EACH, {}),
}
Send = Callable[[], Awaitable[object]]


class Encoded(Batch):
    """A batch whose payloads are there already: a run encodes them once for all dispatchers."""

    def __init__(self, tables: int = 1) -> None:
        super().__init__(inserts(EVENTS, tables=tables))
        self._payloads = super().payloads()

    def payloads(self) -> list[bytes]:
        return self._payloads


async def _answers(port: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            size = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(size[0].split(b":")[1]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _serve(port: Any) -> None:
    asyncio.run(_answers(port))


@contextmanager
def web_server() -> Iterator[str]:
    """The address of a server in another process."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    child = context.Process(target=_serve, args=(its,), daemon=True)
    child.start()
    try:
        yield f"http://127.0.0.1:{mine.recv()}"
    finally:
        child.terminate()
        child.join()
        child.close()


def dispatcher(url: str, **options: Any) -> HttpDispatcher:
    return HttpDispatcher(configured(HttpConfig, url=url, **options), make_context())


def plain(session: aiohttp.ClientSession, url: str, batch: Encoded, case: str) -> Send:
    """What one would write by hand."""
    is_array, by_table = case == "array", CASES[case][1] == EACH

    async def send() -> None:
        groups: dict[str, list[bytes]] = {}
        if by_table:
            for event, payload in zip(batch.events, batch.payloads(), strict=True):
                groups.setdefault(f"/in/{event.table}", []).append(payload)  # type: ignore[attr-defined]
        else:
            groups[ONE] = batch.payloads()
        for path, payloads in groups.items():
            data = b"[" + b",".join(payloads) + b"]" if is_array else b"\n".join(payloads) + b"\n"
            async with session.post(url + path, data=data) as answer:
                answer.raise_for_status()
                await answer.read()

    return send


@pytest.mark.parametrize("case", CASES)
def test_http(benchmark: Any, case: str) -> None:
    """With the network of this machine."""
    benchmark.group = "http"
    tables, path, options = CASES[case]
    batch = Encoded(tables)
    with web_server() as url, asyncio.Runner() as runner:
        sink = dispatcher(url + path, **options)
        runner.run(sink.open())
        assert benchmark(lambda: runner.run(sink.dispatch(batch))) is None  # type: ignore[arg-type]
        runner.run(sink.close())
    note(benchmark, EVENTS)


async def compare(ours: Send, theirs: Send, rounds: int = ROUNDS) -> tuple[float, float]:
    """CPU microseconds an event of each, in turn."""
    spent = [0.0, 0.0]
    for _ in range(rounds):
        for number, send in enumerate((ours, theirs)):
            began = time.process_time()
            await send()
            spent[number] += time.process_time() - began
    return spent[0] / rounds / EVENTS * 1e6, spent[1] / rounds / EVENTS * 1e6


async def _http(url: str, case: str) -> tuple[float, float]:
    tables, path, options = CASES[case]
    batch, sink = Encoded(tables), dispatcher(url + path, **options)
    await sink.open()
    async with aiohttp.ClientSession() as session:
        found = await compare(lambda: sink.dispatch(batch), plain(session, url, batch, case))
    await sink.close()
    return found


async def _mongodb(uri: str) -> tuple[float, float]:
    batch = inserts(EVENTS)
    sink = MongodbDispatcher(configured(MongodbConfig, uri=uri), make_context())
    await sink.open()
    async with AsyncMongoClient[Any](uri) as client:
        target = client["wlf"]["plain"].with_options(write_concern=WriteConcern("majority"))

        async def plain_way() -> None:
            head = {"database": "d1", "table": "t0", "type": "insert", "ts": 1_700_000_000}
            rows = [{"id": event.data.f0, "text": event.data.f1} for event in batch]
            await target.bulk_write([InsertOne({"_id": ObjectId(), **head, "data": row}) for row in rows])

        found = await compare(lambda: sink.dispatch(Batch(batch)), plain_way, rounds=8)
    await sink.close()
    return found


def main() -> None:
    """Print the table."""
    with web_server() as url:
        for case in CASES:
            report(f"HTTP, {case}", *asyncio.run(_http(url, case)))
    with tempfile.TemporaryDirectory() as folder, MongoDB(f"{folder}/server") as server:
        report("MongoDB, insert", *asyncio.run(_mongodb(server.uri)))


def report(case: str, ours: float, theirs: float) -> None:
    """One line."""
    print(f"{case:28} wlf {ours:6.2f} us  plain {theirs:6.2f} us  ratio {ours / theirs:5.2f}", flush=True)


if __name__ == "__main__":
    main()
