"""Redis behind sentinels: the server is found by name, and found again when another one has taken its place."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, inserts
from tests.servers.ports import free_port
from tests.servers.redis import Redis
from wlf.components.dispatchers.redis import RedisConfig, RedisDispatcher
from wlf.errors import Retryable, SetupError

MakeRedis = Callable[..., Redis]


@contextmanager
def sentinel_of(server: Redis, directory: Path, *more: str) -> Iterator[int]:
    """A sentinel that watches the server under the name `orders`; its port."""
    port = free_port()
    conf = directory / "sentinel.conf"
    watched = f"sentinel monitor orders {server.host} {server.port} 1"
    waits = ("sentinel down-after-milliseconds orders 300", "sentinel failover-timeout orders 3000")
    conf.write_text("\n".join((f"port {port}", "bind 127.0.0.1", f"dir {directory}", watched, *waits, *more, "")))
    binary = str(server.home / "bin" / "redis-server")
    running = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", binary, str(conf), "--sentinel"], stdout=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: answers(port))
        yield port
    finally:
        running.kill()
        running.wait()


def answers(port: int) -> bool:
    try:
        with redis.Redis(port=port) as client:
            client.ping()
    except redis.AuthenticationError:
        return True
    except redis.ConnectionError:
        return False
    return True


def wait_for(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def dispatcher(port: int, **options: Any) -> RedisDispatcher:
    where = {"sentinels": [f"127.0.0.1:{port}"], "sentinel_master": "orders"}
    return RedisDispatcher(configured(RedisConfig, **{**where, **options}), make_context())


async def opened(sink: RedisDispatcher) -> None:
    try:
        await sink.open()
    finally:
        await sink.close()


def promoted(port: int, replica: Redis) -> bool:
    with redis.Redis(port=port, decode_responses=True) as client:
        found = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "orders")
    return bool(found[1] == str(replica.port))


def is_replica(port: int) -> bool:
    with redis.Redis(port=port, decode_responses=True) as client:
        return len(client.execute_command("SENTINEL", "REPLICAS", "orders")) == 1


@pytest.mark.servers
def test_a_server_that_takes_over_gets_the_rest(make_redis: MakeRedis, tmp_path: Path) -> None:
    first = make_redis()
    second = make_redis(options={"replicaof": f"{first.host} {first.port}"})
    before, after = Batch(inserts(10)), Batch(inserts(20))

    async def run(port: int) -> None:
        sink = dispatcher(port, mode={"type": "XADD", "key": "orders"})
        await sink.open()
        assert await sink.dispatch(before) is None
        with second.connect() as client:
            wait_for(lambda: client.xlen("orders") == 10)
        first.kill()
        wait_for(lambda: promoted(port, second))
        with pytest.raises(Retryable):
            await sink.dispatch(after)
        assert await sink.dispatch(after) is None
        await sink.close()

    with sentinel_of(first, tmp_path) as port:
        wait_for(lambda: is_replica(port))
        asyncio.run(run(port))
    with second.connect() as client:
        assert client.xlen("orders") == 30


@pytest.mark.servers
def test_a_name_that_no_sentinel_knows_is_told(make_redis: MakeRedis, tmp_path: Path) -> None:
    with sentinel_of(make_redis(), tmp_path) as port:
        unreachable = f"127.0.0.1:{free_port()}"
        sink = dispatcher(port, sentinels=[unreachable, f"127.0.0.1:{port}"], sentinel_master="shop")
        with pytest.raises(Retryable, match=rf"{unreachable}: .*; 127.0.0.1:{port}: knows no server 'shop'"):
            asyncio.run(opened(sink))


@pytest.mark.servers
def test_the_password_of_the_sentinels_is_their_own(make_redis: MakeRedis, tmp_path: Path) -> None:
    server = make_redis(options={"requirepass": "of the server"})
    known = "sentinel auth-pass orders of-the-server"
    with sentinel_of(server, tmp_path, known, "requirepass of-the-sentinel") as port:
        asyncio.run(opened(dispatcher(port, auth="of the server", sentinel_auth="of-the-sentinel")))
        with pytest.raises(SetupError):
            asyncio.run(opened(dispatcher(port, auth="of the server", sentinel_auth="wrong")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sentinels": ["a:1"]}, "expected sentinels and sentinel_master together"),
        ({"sentinel_master": "m"}, "expected sentinels and sentinel_master together"),
        ({"sentinels": ["a:b"], "sentinel_master": "m"}, "expected HOST:PORT, such as sentinel:26379"),
        ({"sentinels": ["a"], "sentinel_master": "m", "unix_socket": "/s"}, "got both"),
        ({"sentinel_auth": "x"}, "expected sentinels beside sentinel_auth"),
    ],
)
def test_options_of_sentinels_belong_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        configured(RedisConfig, **options)
    assert "of the server" not in repr(configured(RedisConfig, auth="of the server"))
