"""A server's stream read in a thread, as it is, beside reading it in the event loop: which one costs less?

    python -m benchmarks.micro.bench_reads
    pytest benchmarks/micro/bench_reads.py --benchmark-only

Another process sends a corpus through a TCP connection as fast as it is taken; what comes is decoded, made into events
and encoded, in the loop. The loop would have no thread to wake it; the thread reads while the loop decodes, for recv()
lets go of the interpreter, and it alone can read TLS into large buffers.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench_decode import Replay, chunks_of
from benchmarks.corpus import corpus
from benchmarks.loads import LOADS
from benchmarks.micro.notes import note
from tests.servers.cache import NotInstalled
from wlf.components.collectors._binlog.reader import StreamReader

RECV_BYTES = 262_144
LIMIT_BYTES = 8 << 20
CORPORA = ("A", "C")
ROUNDS = 5


def _send(path: str, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for chunk in chunks_of(Path(path)):
            connection.sendall(chunk)


async def _in_a_thread(connection: socket.socket, take: Callable[[bytes], None], size: int) -> None:
    reader = StreamReader(connection, b"", LIMIT_BYTES)
    try:
        while size > 0:
            chunk = await reader.read(60)
            size -= len(chunk)
            take(chunk)
    finally:
        reader.close()


async def _in_the_loop(connection: socket.socket, take: Callable[[bytes], None], size: int) -> None:
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    while size > 0:
        chunk = await loop.sock_recv(connection, RECV_BYTES)
        size -= len(chunk)
        take(chunk)


WAYS: dict[str, Callable[[socket.socket, Callable[[bytes], None], int], Awaitable[None]]] = {
    "thread": _in_a_thread,
    "loop": _in_the_loop,
}


def read(path: Path, way: str) -> int:
    """A whole corpus by one way; the rows that came."""
    replayed = Replay(path, verify=False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sender = multiprocessing.get_context("spawn").Process(
            target=_send, args=(str(path), listening.getsockname()[1]), daemon=True
        )
        sender.start()
        with listening.accept()[0] as connection:
            asyncio.run(_whole(WAYS[way], connection, replayed.take, path.stat().st_size - 4))
        sender.join()
    return replayed.rows


async def _whole(way: Any, connection: socket.socket, take: Callable[[bytes], None], size: int) -> None:
    await way(connection, take, size)


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("way", WAYS)
def test_read(benchmark: Any, way: str, name: str) -> None:
    try:
        path = corpus(name)
    except NotInstalled as missing:
        pytest.skip(str(missing))
    benchmark.group = f"stream {name}"
    rows = benchmark.pedantic(read, (path, way), rounds=3, warmup_rounds=1)
    assert rows == LOADS[name].changes()
    note(benchmark, rows, path.stat().st_size)


def main() -> None:
    """Wall and CPU seconds of this process, the best of rounds in turn."""
    for name in CORPORA:
        best: dict[str, tuple[float, float]] = {}
        for _ in range(ROUNDS):
            for way in WAYS:
                wall, cpu = time.perf_counter(), time.process_time()
                read(corpus(name), way)
                spent = time.perf_counter() - wall, time.process_time() - cpu
                best[way] = min(best.get(way, spent), spent)
        print(name, {way: f"{wall:.2f} s, {cpu:.2f} CPU s" for way, (wall, cpu) in best.items()})


if __name__ == "__main__":
    main()
