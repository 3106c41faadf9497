"""Stdout: one line an event, a closed pipe ends the run, a full pipe stops nobody else."""

import asyncio
import json
import os
from types import SimpleNamespace

import msgspec
import pytest

from tests.components.fakes import Batch, make_context
from wlf.components.dispatchers.stdout import StdoutConfig, StdoutDispatcher
from wlf.errors import SetupError
from wlf.events import RowInsert

ROWS = [RowInsert("d", "t", "insert", n, data={"text": "a\nb"}) for n in range(3)]


def put_stdout(monkeypatch, stdout):
    """For the dispatcher alone: pytest puts its own into `sys` between set-up and test."""
    monkeypatch.setattr("wlf.components.dispatchers.stdout.sys", SimpleNamespace(stdout=stdout))


@pytest.fixture
def pipe(monkeypatch):
    reader, writer = os.pipe()
    ends = [os.fdopen(reader, "rb"), os.fdopen(writer, "wb", buffering=0)]
    put_stdout(monkeypatch, ends[1])
    yield ends
    for end in ends:
        end.close()


def make(format="json"):
    return StdoutDispatcher(msgspec.convert({"id": "out", "format": format}, StdoutConfig), make_context("out"))


async def print_all(*batches, format="json"):
    out = make(format)
    await out.open()
    for batch in batches:
        await out.dispatch(Batch(batch, format))
    await out.flush()
    await out.close()


def test_each_event_is_one_json_line(pipe):
    asyncio.run(print_all(ROWS[:2], ROWS[2:]))
    pipe[1].close()
    lines = pipe[0].read().splitlines()
    assert [json.loads(line)["ts"] for line in lines] == [0, 1, 2]


def test_an_empty_batch_prints_nothing(pipe):
    asyncio.run(print_all([]))
    pipe[1].close()
    assert pipe[0].read() == b""


def test_messagepack_is_written_back_to_back(pipe):
    asyncio.run(print_all(ROWS[:1], format="msgpack"))
    pipe[1].close()
    assert msgspec.msgpack.decode(pipe[0].read())["ts"] == 0


def test_closing_leaves_standard_output_open(pipe):
    asyncio.run(print_all(ROWS))
    os.fstat(pipe[1].fileno())


def test_a_reader_that_went_away_ends_the_run(pipe):
    pipe[0].close()
    with pytest.raises(SetupError, match="standard output cannot be written: Broken pipe"):
        asyncio.run(print_all(ROWS))


def test_a_closed_standard_output_is_told_at_open(monkeypatch):
    put_stdout(monkeypatch, None)
    with pytest.raises(SetupError, match="standard output is closed"):
        asyncio.run(print_all(ROWS))


@pytest.mark.parametrize("blocking", [True, False])
def test_a_full_pipe_leaves_the_loop_free_and_a_retry_prints_nothing_twice(pipe, blocking):
    os.set_blocking(pipe[1].fileno(), blocking)
    big = [RowInsert("d", "t", "insert", n, data="x" * 1000) for n in range(1000)]

    async def run():
        out = make()
        await out.open()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(out.dispatch(Batch(big)), 0.05)
        read = asyncio.to_thread(lambda: [pipe[0].readline() for _ in big])
        _, lines = await asyncio.gather(out.dispatch(Batch(big)), read)
        await out.dispatch(Batch(ROWS))
        pipe[1].close()
        return lines

    lines = asyncio.run(run())
    assert [json.loads(line)["ts"] for line in lines] == list(range(1000))
    assert [json.loads(line)["ts"] for line in pipe[0].read().splitlines()] == [0, 1, 2]


@pytest.mark.parametrize("format", ["wlf", "maxwell", "debezium", "debezium_schema", "canal"])
def test_every_json_format_is_lines(pipe, format):
    asyncio.run(print_all(ROWS, format=format))
    pipe[1].close()
    assert len([json.loads(line) for line in pipe[0].read().splitlines()]) == len(ROWS)
