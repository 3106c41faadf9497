"""The Redis dispatcher against a real server: every mode, order, and what happens when the server fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.components.certificates import certificate
from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, inserts
from tests.servers.ports import free_port
from tests.servers.redis import Redis
from wlf.components.base import Partial
from wlf.components.dispatchers.redis import RedisConfig, RedisDispatcher
from wlf.errors import Retryable, SetupError

pytestmark = pytest.mark.servers

MakeRedis = Callable[..., Redis]
TEN_THOUSAND = Batch(inserts(10_000))


def dispatcher(server: Redis, **options: Any) -> RedisDispatcher:
    where = {"host": server.host, "port": server.port}
    return RedisDispatcher(configured(RedisConfig, **{**where, **options}), make_context())


def deliver(server: Redis, *batches: Batch, **options: Any) -> list[Partial | None]:
    async def run() -> list[Partial | None]:
        sink = dispatcher(server, **options)
        await sink.open()
        try:
            return [await sink.dispatch(batch) for batch in batches]
        finally:
            await sink.close()
            await sink.close()

    return asyncio.run(run())


def ids(messages: list[bytes]) -> list[int]:
    return [json.loads(message)["data"]["id"] for message in messages]


def test_lists_hold_ten_thousand_events_in_order(redis_server: Redis) -> None:
    found = deliver(redis_server, TEN_THOUSAND, mode={"type": "RPush", "key": "tail"})
    found += deliver(redis_server, TEN_THOUSAND, mode={"type": "LPush", "key": "head"})
    assert found == [None, None]
    with redis_server.connect() as client:
        assert ids(client.lrange("tail", 0, -1)) == list(range(10_000))
        assert ids(client.lrange("head", 0, -1)) == list(range(9_999, -1, -1))
        assert client.lrange("tail", 0, -1) == TEN_THOUSAND.payloads()


def test_a_stream_holds_ten_thousand_events_in_order(redis_server: Redis) -> None:
    deliver(redis_server, TEN_THOUSAND, mode={"type": "XADD", "key": "stream"})
    with redis_server.connect() as client:
        entries = client.xrange("stream")
    assert [list(fields) for _, fields in entries[:2]] == [[b"message"]] * 2
    assert [fields[b"message"] for _, fields in entries] == TEN_THOUSAND.payloads()


def test_a_stream_is_trimmed_to_maxlen(redis_server: Redis) -> None:
    exact = {"type": "XADD", "key": "short", "maxlen": 10, "approximate": False, "field": "m"}
    deliver(redis_server, TEN_THOUSAND, mode=exact)
    deliver(redis_server, TEN_THOUSAND, mode={"type": "XADD", "key": "about", "maxlen": 1_000})
    with redis_server.connect() as client:
        assert ids([fields[b"m"] for _, fields in client.xrange("short")]) == list(range(9_990, 10_000))
        assert 1_000 <= client.xlen("about") < 3_000


def test_subscribers_get_events_in_order_by_table(redis_server: Redis) -> None:
    with redis_server.connect() as client, client.pubsub() as subscriber:
        subscriber.subscribe("logFlex.shop.t0", "logFlex.shop.t1")
        assert subscriber.get_message(timeout=5) is not None
        assert subscriber.get_message(timeout=5) is not None
        mode = {"type": "Pub", "channel": "logFlex.%{/database}.%{/table}"}
        assert deliver(redis_server, Batch(inserts(1_000, tables=2, database="shop")), mode=mode) == [None]
        got: dict[bytes, list[bytes]] = {}
        for _ in range(1_000):
            message = subscriber.get_message(timeout=5)
            assert message is not None
            got.setdefault(message["channel"], []).append(message["data"])
    assert ids(got[b"logFlex.shop.t0"]) == list(range(0, 1_000, 2))
    assert ids(got[b"logFlex.shop.t1"]) == list(range(1, 1_000, 2))


def test_odd_table_names_are_keys_as_they_are(redis_server: Redis) -> None:
    batch = Batch(inserts(1, database="表 of\r\n$5"))
    deliver(redis_server, batch, mode={"type": "RPush", "key": "k:%{/database}"})
    with redis_server.connect() as client:
        assert client.lrange("k:表 of\r\n$5", 0, -1) == batch.payloads()


@pytest.mark.parametrize("kind", ["RPush", "XADD"])
def test_a_key_of_another_type_rejects_its_own_events_alone(redis_server: Redis, kind: str) -> None:
    with redis_server.connect() as client:
        client.delete("mixed.t0", "mixed.t1")
        client.set("mixed.t0", "a string")
        (found,) = deliver(redis_server, Batch(inserts(4, tables=2)), mode={"type": kind, "key": "mixed.%{/table}"})
        assert found is not None
        assert found.retry == {}
        assert list(found.rejected) == [0, 2]
        assert found.rejected[0].startswith("WRONGTYPE ")
        assert (client.llen if kind == "RPush" else client.xlen)("mixed.t1") == 2


@pytest.mark.parametrize("kind", ["RPush", "XADD"])
def test_a_full_server_takes_nothing_and_everything_goes_again(make_redis: MakeRedis, kind: str) -> None:
    server = make_redis(options={"maxmemory": "1", "maxmemory-policy": "noeviction"})
    (found,) = deliver(server, Batch(inserts(3)), mode={"type": kind, "key": "k"})
    assert found is not None
    assert list(found.retry) == [0, 1, 2]
    assert found.rejected == {}
    assert found.retry[0].startswith("OOM ")
    with server.connect() as client:
        client.config_set("maxmemory", "0")
        assert not client.exists("k")
    assert deliver(server, Batch(inserts(3)), mode={"type": kind, "key": "k"}) == [None]


@pytest.mark.parametrize("kind", ["RPush", "XADD"])
def test_a_replica_takes_nothing_and_everything_goes_again(make_redis: MakeRedis, kind: str) -> None:
    server = make_redis()

    async def run() -> tuple[Partial | None, Partial | None]:
        sink = dispatcher(server, mode={"type": kind, "key": "k"})
        await sink.open()
        with server.connect() as client:
            client.replicaof("127.0.0.1", "1")
            refused = await sink.dispatch(Batch(inserts(2)))
            client.replicaof("no", "one")
            taken = await sink.dispatch(Batch(inserts(2)))
        await sink.close()
        return refused, taken

    refused, taken = asyncio.run(run())
    assert refused is not None
    assert all("READONLY" in refused.retry[index] for index in (0, 1))
    assert taken is None


def test_a_killed_server_is_retryable_and_the_next_dispatch_connects_again(make_redis: MakeRedis) -> None:
    server = make_redis()

    async def run() -> None:
        sink = dispatcher(server)
        await sink.open()
        assert await sink.dispatch(Batch(inserts(5))) is None
        server.kill()
        for _ in range(2):
            with pytest.raises(Retryable, match=server.address):
                await sink.dispatch(Batch(inserts(5)))
        server.start()
        assert await sink.dispatch(Batch(inserts(5))) is None
        await sink.close()

    asyncio.run(run())
    with server.connect() as client:
        assert ids(client.lrange("wlf", 0, -1)) == [0, 1, 2, 3, 4] * 2


def test_a_server_killed_under_load_loses_nothing_acknowledged_and_keeps_order(make_redis: MakeRedis) -> None:
    server = make_redis()
    batches = [Batch(TEN_THOUSAND.events[start : start + 100]) for start in range(0, 10_000, 100)]

    loaded = asyncio.Event()

    async def kill() -> None:
        """In the midst of the batches: the dispatch that is in flight then never hears of its batch."""
        await loaded.wait()
        server.kill()
        server.start()

    async def run() -> int:
        sink = dispatcher(server, mode={"type": "XADD", "key": "s"})
        await sink.open()
        killer = asyncio.create_task(kill())
        failures = 0
        for number, batch in enumerate(batches):
            if number == 30:
                loaded.set()
            for _ in range(100):
                try:
                    assert await sink.dispatch(batch) is None
                    break
                except Retryable:
                    failures += 1
                    await asyncio.sleep(0.01)
        await killer
        await sink.close()
        return failures

    failures = asyncio.run(run())
    with server.connect() as client:
        got = ids([fields[b"message"] for _, fields in client.xrange("s")])
    assert failures > 0
    assert list(dict.fromkeys(got)) == list(range(10_000))
    assert len(got) <= 10_000 + 100


def test_a_silent_server_is_retryable_in_time(make_redis: MakeRedis) -> None:
    server = make_redis()

    async def run() -> None:
        sink = dispatcher(server, timeout_ms=300, connect_timeout_ms=200)
        await sink.open()
        server.pause()
        with pytest.raises(Retryable, match="no answer in 270 ms"):
            await sink.dispatch(Batch(inserts(5)))
        with pytest.raises(Retryable):
            await sink.dispatch(Batch(inserts(5)))
        server.resume()
        assert await sink.dispatch(Batch(inserts(5))) is None
        await sink.close()

    asyncio.run(run())


def test_a_cancelled_dispatch_leaves_no_answer_for_the_next(make_redis: MakeRedis) -> None:
    server = make_redis()

    async def run() -> None:
        sink = dispatcher(server)
        await sink.open()
        server.pause()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sink.dispatch(Batch(inserts(3))), 0.2)
        server.resume()
        assert await sink.dispatch(Batch(inserts(7))) is None
        await sink.close()

    asyncio.run(run())
    with server.connect() as client:
        assert client.llen("wlf") in (7, 10)


def test_a_wrong_or_missing_password_ends_the_run_without_showing_it(make_redis: MakeRedis) -> None:
    server = make_redis(options={"requirepass": "right"})
    for options in ({"auth": "hunter2"}, {}, {"auth": "hunter2", "username": "nobody"}):
        with pytest.raises(SetupError) as refused:
            deliver(server, Batch(inserts(1)), **options)
        assert "hunter2" not in str(refused.value)
    assert deliver(server, Batch(inserts(1)), auth="right") == [None]


def test_a_missing_privilege_ends_the_run(make_redis: MakeRedis) -> None:
    server = make_redis()
    with server.connect() as client:
        client.acl_setuser("writer", enabled=True, passwords=["+pw"], keys=["mine*"], commands=["+rpush", "+xadd"])
    who = {"username": "writer", "auth": "pw"}
    assert deliver(server, Batch(inserts(1)), **who, mode={"type": "RPush", "key": "mine"}) == [None]
    for kind in ("LPush", "RPush", "XADD"):
        with pytest.raises(SetupError, match="NOPERM"):
            deliver(server, Batch(inserts(1)), **who, mode={"type": kind, "key": "yours"})


def test_a_database_that_is_not_there_ends_the_run(redis_server: Redis) -> None:
    with pytest.raises(SetupError, match="DB index is out of range"):
        deliver(redis_server, Batch(inserts(1)), database_number=9_999)
    assert deliver(redis_server, Batch(inserts(1)), database_number=3) == [None]
    with redis_server.connect(db=3) as client:
        assert client.llen("wlf") == 1


def test_nobody_listening_is_retryable(make_redis: MakeRedis) -> None:
    with pytest.raises(Retryable, match="Connect call failed"):
        deliver(make_redis(start=False), Batch(inserts(1)))


def test_a_unix_socket_takes_the_place_of_host_and_port(make_redis: MakeRedis) -> None:
    server = make_redis(options={"unixsocket": "wlf.sock"})
    path = str(server.datadir / "wlf.sock")
    assert deliver(server, Batch(inserts(2)), host="nowhere.invalid", unix_socket=path) == [None]
    with redis.Redis(unix_socket_path=path) as client:
        assert client.llen("wlf") == 2


def test_tls_trusts_its_authority_and_nobody_else(make_redis: MakeRedis, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    port = free_port()
    files = {"tls-cert-file": str(cert), "tls-key-file": str(key), "tls-ca-cert-file": str(cert)}
    server = make_redis(options={"tls-port": str(port), **files})
    own = {"cert": str(cert), "key": str(key)}
    assert deliver(server, Batch(inserts(2)), port=port, tls={"ca": str(cert), **own}) == [None]
    assert deliver(server, Batch(inserts(2)), port=port, tls={"verify": False, **own}) == [None]
    with pytest.raises(SetupError, match="certificate") as refused:
        deliver(server, Batch(inserts(1)), port=port, tls=True)
    assert "tls: {ca: FILE}" in str(refused.value)
    with pytest.raises(SetupError, match=r"tls: cannot load .*none\.pem"):
        deliver(server, Batch(inserts(1)), port=port, tls={"ca": str(tmp_path / "none.pem")})
    with server.connect() as client:
        assert client.llen("wlf") == 4


def test_a_machine_without_hiredis_delivers_the_same(redis_server: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wlf.components.dispatchers._redis.link.hiredis", None)
    batch = Batch(inserts(500))
    assert deliver(redis_server, batch, batch, mode={"type": "XADD", "key": "slow"}) == [None, None]
    with redis_server.connect() as client:
        assert [fields[b"message"] for _, fields in client.xrange("slow")] == batch.payloads() * 2
