"""Replies of Redis as they come off the wire: cut anywhere, with errors in between, with and without hiredis."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import OutOfMemoryError, ResponseError

from tests.components.rows import configured
from wlf.components.dispatchers._redis import link as link_module
from wlf.components.dispatchers._redis.commands import Packer, bulk, pack
from wlf.components.dispatchers._redis.link import Link
from wlf.components.dispatchers._redis.options import Pub, RedisConfig, XAdd
from wlf.errors import Retryable
from wlf.events.template import Template

WIRE = b"+OK\r\n+QUEUED\r\n-OOM command not allowed\r\n*3\r\n$15\r\n1700000000000-0\r\n-WRONGTYPE no\r\n:7\r\n"


def scripted(link: Link, *chunks: bytes) -> None:
    """Let the link read these pieces, and nothing behind them."""

    class Stream:
        def __init__(self) -> None:
            self.left = list(chunks)

        async def read(self, size: int) -> bytes:
            return self.left.pop(0) if self.left else b""

    class Connection:
        _reader = Stream()

        async def send_packed_command(self, packed: list[bytes]) -> None:
            assert packed == [b"x"]

        async def disconnect(self) -> None:
            pass

    link._connection = Connection()
    link._reader = link_module.new_reader()


@given(st.lists(st.integers(1, len(WIRE) - 1), max_size=8))
def test_replies_are_the_same_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(WIRE)]
    link = Link(configured(RedisConfig))
    scripted(link, *(WIRE[a:b] for a, b in pairwise(places)))
    ok, queued, oom, ran = asyncio.run(link.exchange(b"x", 4))
    assert (ok, queued) == (b"OK", b"QUEUED")
    assert isinstance(oom, OutOfMemoryError)
    assert ran[0] == b"1700000000000-0"
    assert isinstance(ran[1], ResponseError)
    assert ran[2] == 7


@pytest.mark.parametrize("said", [b"", b"+OK\r\n", b"+OK\r\n+QUEU", b"+OK\r\n*2\r\n:1\r\n"])
def test_a_server_that_hangs_up_before_the_last_reply_is_tried_again(said: bytes) -> None:
    link = Link(configured(RedisConfig))
    scripted(link, said) if said else scripted(link)
    with pytest.raises(Retryable, match="closed the connection"):
        asyncio.run(link.exchange(b"x", 2))
    assert link._connection is None


@pytest.mark.parametrize("said", [b"-LOADING Redis is loading\r\n", b"*1\r\n-LOADING Redis is loading\r\n"])
def test_a_server_that_is_loading_its_data_is_tried_again(said: bytes) -> None:
    link = Link(configured(RedisConfig))
    scripted(link, b"+OK\r\n" + said)
    with pytest.raises(Retryable, match="loading"):
        asyncio.run(link.exchange(b"x", 2))


def test_what_is_no_reply_at_all_is_tried_again() -> None:
    link = Link(configured(RedisConfig))
    scripted(link, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(Retryable, match="localhost"):
        asyncio.run(link.exchange(b"x", 1))


def test_commands_are_joined_as_if_each_were_packed_by_itself() -> None:
    payloads = [b"", b"a" * 70_000, b"%d\r\n"]
    keys = ["k", "l%", "k"]
    added = Packer(XAdd(key=Template("k"), maxlen=5)).each(keys, payloads)
    single = [
        pack(b"XADD", key.encode(), b"MAXLEN", b"~", b"5", b"*", b"message", payload)
        for key, payload in zip(keys, payloads, strict=True)
    ]
    assert added == pack(b"MULTI") + b"".join(single) + pack(b"EXEC")
    published = Packer(Pub(channel=Template("k"))).each("k", payloads)
    assert published == b"".join(b"*3\r\n" + bulk(b"PUBLISH") + bulk(b"k") + bulk(payload) for payload in payloads)
