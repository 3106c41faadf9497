"""The Redis dispatcher without a server: commands, and what replies mean."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from redis.exceptions import (
    AuthenticationError,
    ExecAbortError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, insert, inserts
from wlf.components.base import Partial
from wlf.components.dispatchers._redis.commands import Packer, pack
from wlf.components.dispatchers._redis.delivery import Delivery
from wlf.components.dispatchers._redis.options import LPush, Pub, RPush, XAdd
from wlf.components.dispatchers.redis import RedisConfig, RedisDispatcher
from wlf.errors import Retryable, SetupError
from wlf.events import LogLine
from wlf.events.template import Template

WRONGTYPE = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
OOM = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")


class FakeLink:
    """Answers from a list, one item an exchange: replies, or an error to raise."""

    def __init__(self, *answers: list[Any] | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []
        self.closed = 0

    async def exchange(self, packed: bytes, replies: int) -> list[Any]:
        self.sent.append(packed)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert len(answer) == replies
        return answer

    async def close(self) -> None:
        self.closed += 1


def run(batch: Batch, link: FakeLink, **options: Any) -> Partial | None:
    dispatcher = RedisDispatcher(configured(RedisConfig, **options), make_context())
    dispatcher._delivery = Delivery(dispatcher.config, link)  # type: ignore[arg-type]
    return asyncio.run(dispatcher.dispatch(batch))


def events(*ids: int) -> Batch:
    return Batch([insert("t1", id=n) for n in ids])


def test_the_default_is_a_push_to_the_tail_of_the_key_wlf() -> None:
    link = FakeLink([2])
    batch = events(1, 2)
    assert run(batch, link) is None
    assert link.sent == [pack(b"RPUSH", b"wlf", *batch.payloads())]


def test_a_batch_is_one_command_a_key_in_one_round_trip() -> None:
    batch = Batch(inserts(4, tables=2))
    first, second, third, fourth = batch.payloads()
    link = FakeLink([2, 2])
    assert run(batch, link, mode={"type": "LPush", "key": "%{/table}"}) is None
    assert link.sent == [pack(b"LPUSH", b"t0", first, third) + pack(b"LPUSH", b"t1", second, fourth)]


def test_publish_is_one_command_an_event() -> None:
    batch = events(1, 2)
    link = FakeLink([0, 0])
    assert run(batch, link, mode={"type": "Pub", "channel": "c.%{/database}.%{/table}"}) is None
    assert link.sent == [b"".join(pack(b"PUBLISH", b"c.d1.t1", payload) for payload in batch.payloads())]


@pytest.mark.parametrize(
    ("options", "between"),
    [
        ({}, [b"*", b"message"]),
        ({"maxlen": 9}, [b"MAXLEN", b"~", b"9", b"*", b"message"]),
        ({"maxlen": 9, "approximate": False, "field": "m"}, [b"MAXLEN", b"=", b"9", b"*", b"m"]),
    ],
)
def test_a_stream_entry_is_one_field_and_the_batch_one_transaction(
    options: dict[str, Any], between: list[bytes]
) -> None:
    batch = events(1)
    link = FakeLink(["OK", "QUEUED", [b"1-0"]])
    assert run(batch, link, mode={"type": "XADD", "key": "s", **options}) is None
    assert link.sent == [pack(b"MULTI") + pack(b"XADD", b"s", *between, batch.payloads()[0]) + pack(b"EXEC")]


def test_the_wrong_type_of_key_rejects_its_events_alone() -> None:
    batch = Batch(inserts(4, tables=2))
    assert run(batch, FakeLink([WRONGTYPE, 2]), mode={"type": "RPush", "key": "%{/table}"}) == Partial(
        {}, {0: str(WRONGTYPE), 2: str(WRONGTYPE)}
    )
    stream = {"type": "XADD", "key": "%{/table}"}
    replies = ["OK", *["QUEUED"] * 4, [b"1-0", WRONGTYPE, b"1-1", WRONGTYPE]]
    assert run(batch, FakeLink(replies), mode=stream) == Partial({}, {1: str(WRONGTYPE), 3: str(WRONGTYPE)})


def test_a_full_server_gets_the_list_again() -> None:
    reason = "OOM command not allowed when used memory > 'maxmemory'."
    assert run(events(1, 2), FakeLink([OOM])) == Partial({0: reason, 1: reason}, {})


def test_a_transaction_that_was_aborted_goes_again_whole() -> None:
    mode = {"type": "XADD", "key": "s"}
    abort = ExecAbortError("Transaction discarded because of previous errors.")
    found = run(events(1, 2, 3), FakeLink(["OK", "QUEUED", OOM, "QUEUED", abort]), mode=mode)
    assert found is not None
    assert list(found.retry) == [0, 1, 2]
    assert all(reason.startswith("OOM ") for reason in found.retry.values())
    late = ExecAbortError("Transaction discarded because of: OOM command not allowed")
    found = run(events(1, 2), FakeLink(["OK", "QUEUED", "QUEUED", late]), mode=mode)
    assert found == Partial(dict.fromkeys((0, 1), f"EXECABORT {late}"), {})


def test_a_server_that_became_a_replica_is_left() -> None:
    link = FakeLink([ReadOnlyError("You can't write against a read only replica.")])
    found = run(events(1), link)
    assert found is not None
    assert found.retry[0].startswith("READONLY You can't")
    assert link.closed == 1


@pytest.mark.parametrize("policy", ["drop", "stop"])
def test_a_command_that_the_server_does_not_have_ends_the_run_and_quotes_no_event(policy: str) -> None:
    text = "unknown command 'RPUSH', with args beginning with: 'wlf' '{\"card\":\"4711\"}' "
    with pytest.raises(SetupError, match="unknown command 'RPUSH'") as caught:
        run(events(1), FakeLink([ResponseError(text)]), on_error=policy)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (NoPermissionError("this user has no permissions to run the 'rpush' command"), "NOPERM this user"),
        (AuthenticationError("Authentication required."), "Authentication required"),
        (MovedError("3999 127.0.0.1:6381"), "expected a single server, got a node of a Redis Cluster"),
    ],
)
def test_what_trying_again_cannot_mend_ends_the_run(reply: Exception, message: str) -> None:
    if isinstance(reply, ResponseError):
        with pytest.raises(SetupError, match=message):
            run(events(1), FakeLink([reply]))
    else:
        from wlf.components.dispatchers._redis.link import _why

        found = _why(reply, configured(RedisConfig))
        assert isinstance(found, SetupError)
        assert message in str(found)


def test_a_later_piece_of_a_list_waits_for_the_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wlf.components.dispatchers._redis.commands.MAX_VALUES", 2)
    batch = events(1, 2, 3, 4, 5)
    one, two, three, four, five = batch.payloads()
    link = FakeLink([2], [4], [5])
    assert run(batch, link) is None
    assert link.sent == [
        pack(b"RPUSH", b"wlf", one, two),
        pack(b"RPUSH", b"wlf", three, four),
        pack(b"RPUSH", b"wlf", five),
    ]
    assert run(batch, FakeLink([2], [OOM])) == Partial(dict.fromkeys((2, 3, 4), f"OOM {OOM}"), {})
    lost = run(batch, FakeLink([2], Retryable("lost")))
    assert lost == Partial(dict.fromkeys((2, 3, 4), "lost"), {})
    with pytest.raises(Retryable, match="lost"):
        run(batch, FakeLink(Retryable("lost")))


def test_a_command_is_cut_by_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wlf.components.dispatchers._redis.commands.MAX_COMMAND_BYTES", 25)
    payloads = [b"x" * 10, b"y" * 10, b"z" * 10, b"w" * 100, b"v"]
    commands = list(Packer(RPush()).grouped("k", payloads, range(5)))
    assert [list(command.indices) for command in commands] == [[0, 1], [2], [3], [4]]


def test_an_event_without_a_key_is_rejected_and_the_others_arrive() -> None:
    batch = Batch([insert("t1", id=1), LogLine(source="s", ts=1.0, message="m"), insert("t1", id=2)])
    link = FakeLink([2])
    found = run(batch, link, mode={"type": "RPush", "key": "k.%{/table}"})
    assert found == Partial({}, {1: "no value at /table in LogLine"})
    payloads = batch.payloads()
    assert link.sent == [pack(b"RPUSH", b"k.t1", payloads[0], payloads[2])]
    link = FakeLink()
    found = run(Batch([batch.events[1]]), link, mode={"type": "XADD", "key": "k.%{/table}"})
    assert found == Partial({}, {0: "no value at /table in LogLine"})
    assert link.sent == []


def test_modes_are_read_from_their_type() -> None:
    def mode(**options: Any) -> Any:
        return configured(RedisConfig, mode=options).mode

    assert mode(type="Pub", channel="c") == Pub(channel=Template("c"))
    assert mode(type="LPush") == LPush(key=Template("wlf"))
    assert mode(type="XADD", key="k", maxlen=5) == XAdd(key=Template("k"), maxlen=5)
    assert configured(RedisConfig).mode == RPush(key=Template("wlf"))
    for wrong in ({"type": "Push"}, {"type": "Pub"}, {"type": "Pub", "key": "k"}):
        with pytest.raises(msgspec.ValidationError):
            mode(**wrong)


def test_the_guarantee_says_what_absent_subscribers_get() -> None:
    def guarantee(**mode: Any) -> str:
        return RedisDispatcher.describe_guarantee(configured(RedisConfig, mode=mode))

    assert "nothing is kept for absent subscribers" in guarantee(type="Pub", channel="c")
    assert guarantee(type="XADD") == guarantee(type="RPush") == "at least once"
    assert guarantee(type="XADD", maxlen=5) == "at least once; the stream keeps the last 5 entries"


def test_a_unix_socket_has_no_tls() -> None:
    with pytest.raises(msgspec.ValidationError, match="expected unix_socket or tls, got both"):
        configured(RedisConfig, unix_socket="redis.sock", tls=True)


def test_the_password_is_not_printed() -> None:
    assert "hunter2" not in repr(configured(RedisConfig, auth="hunter2"))
