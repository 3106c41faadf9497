"""The Elasticsearch dispatcher: making bulk requests and reading the answers, alone and over HTTP to another process.

The other process answers at once and looks at nothing, so it is the client that is measured.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.micro.notes import note
from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, inserts
from wlf.components.dispatchers.elasticsearch import ElasticsearchConfig, ElasticsearchDispatcher

EVENTS = 2_000
MODES = {"append": "create", "mirror": "index"}
INDEX = "wlf-%{/database}-%{/table}"


class Encoded(Batch):
    """A batch whose payloads are there already: a run encodes them once for all dispatchers."""

    def __init__(self, tables: int = 1) -> None:
        super().__init__(inserts(EVENTS, tables=tables))
        self._payloads = super().payloads()

    def payloads(self) -> list[bytes]:
        return self._payloads


def answer_of(mode: str) -> bytes:
    """All are taken."""
    item = b'{"%b":{"status":201}}' % MODES[mode].encode()
    return b'{"errors":false,"items":[' + b",".join([item] * EVENTS) + b"]}"


class AtOnce:
    """A session without a network."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    async def bulk(self, body: bytes) -> bytes:
        """The same answer to all."""
        return self._answer

    async def close(self) -> None:
        """Nothing is open."""


async def _answers(port: Any, bulk: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(size[0].split(b":")[1]) if size else 0)
            body = bulk if head.startswith(b"POST") else b"{}"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _serve(port: Any, bulk: bytes) -> None:
    asyncio.run(_answers(port, bulk))


@pytest.fixture(params=MODES)
def server(request: Any) -> Iterator[tuple[str, str]]:
    """The mode, and the address of a server for it."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    child = context.Process(target=_serve, args=(its, answer_of(request.param)), daemon=True)
    child.start()
    yield request.param, f"http://127.0.0.1:{mine.recv()}"
    child.terminate()
    child.join()
    child.close()
    mine.close()
    its.close()


def dispatcher(**options: Any) -> ElasticsearchDispatcher:
    return ElasticsearchDispatcher(configured(ElasticsearchConfig, index=INDEX, **options), make_context())


@pytest.mark.parametrize("tables", [1, 100])
@pytest.mark.parametrize("mode", MODES)
def test_requests_and_answers(benchmark: Any, mode: str, tables: int) -> None:
    """All but the network."""
    benchmark.group = "elasticsearch"
    sink, batch = dispatcher(mode=mode), Encoded(tables)
    sink._session = AtOnce(answer_of(mode))  # type: ignore[assignment]
    with asyncio.Runner() as runner:
        assert benchmark(lambda: runner.run(sink.dispatch(batch))) is None  # type: ignore[arg-type]
    note(benchmark, EVENTS)


def test_http(benchmark: Any, server: tuple[str, str]) -> None:
    """With the network of this machine."""
    benchmark.group = "elasticsearch"
    mode, url = server
    sink, batch = dispatcher(mode=mode, url=url), Encoded()
    with asyncio.Runner() as runner:
        runner.run(sink.open())
        assert benchmark(lambda: runner.run(sink.dispatch(batch))) is None  # type: ignore[arg-type]
        runner.run(sink.close())
    note(benchmark, EVENTS)
