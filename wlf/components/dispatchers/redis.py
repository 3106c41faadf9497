"""Redis: events as messages of a channel, items of a list or entries of a stream, one round trip a batch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from redis.exceptions import RedisError

from wlf.components.base import Dispatcher, Outgoing, Partial
from wlf.components.dispatchers._redis.commands import BEGIN, COMMIT, Command, Packer
from wlf.components.dispatchers._redis.link import Link
from wlf.components.dispatchers._redis.options import Pub, RedisConfig, XAdd
from wlf.components.dispatchers._redis.replies import STALE, code_of, reason_of, sort_errors
from wlf.components.naming import Namer, NameRefused, NameRule
from wlf.errors import Retryable, SetupError

ANY_NAME = NameRule("Redis key", re.compile(r"(?!)"), max_bytes=512 << 20)
"""A key may be any bytes up to 512 MiB: https://redis.io/docs/latest/develop/using-commands/keyspace/"""


class RedisDispatcher(Dispatcher):
    """Delivered means that the server answered. Whether that outlives the server is up to its own persistence.

    XADD commands of a batch go as one MULTI/EXEC: a server that runs out of memory in the middle takes all or none, and
    the order in the stream holds. Lists need none, for a batch is one command a key. When the connection breaks before
    the answer, the batch is sent again and can be there twice.
    """

    type_name: ClassVar[str] = "Redis"
    Config = RedisConfig
    config: RedisConfig

    def __init__(self, config: RedisConfig, context: Any) -> None:
        super().__init__(config, context)
        mode = config.mode
        template = mode.channel if isinstance(mode, Pub) else mode.key
        self._namer = Namer(template, ANY_NAME, names=config.names, on_missing=config.on_missing)
        self._packer = Packer(mode)
        self._link = Link(config)

    @classmethod
    def describe_guarantee(cls, config: RedisConfig) -> str:
        """What a user may rely on with this mode."""
        if isinstance(config.mode, Pub):
            return "at least once to whoever is subscribed; nothing is kept for absent subscribers"
        if isinstance(config.mode, XAdd) and config.mode.maxlen is not None:
            return f"at least once; the stream keeps the last {config.mode.maxlen} entries"
        return "at least once"

    async def open(self) -> None:
        """Connect and log in. Raises SetupError (password, database, certificate) and Retryable (unreachable)."""
        await self._link.open()

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Deliver one batch in one round trip (lists too long for a command: one a piece).

        Raises:
            Retryable: the connection broke or the server fell silent; events may have arrived, or not.
            SetupError: a password or a privilege is missing, or the server is a node of a cluster.
        """
        payloads = batch.payloads()
        keys, indices, rejected = self._keys(batch)
        if self._packer.lists:
            retry, refused = await self._push(keys, payloads, indices)
        else:
            retry, refused = await self._send(self._packer.each(keys, payloads, indices))
        rejected.update(refused)
        return Partial(retry, rejected) if retry or rejected else None

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    def _keys(self, batch: Outgoing) -> tuple[Sequence[str], Sequence[int], dict[int, str]]:
        """(keys, indices of the events they belong to, rejected)."""
        constant = self._namer.constant
        if constant is not None:
            return [constant] * len(batch), range(len(batch)), {}
        keys: list[str] = []
        indices: list[int] = []
        rejected: dict[int, str] = {}
        name = self._namer.name
        for index, event in enumerate(batch.events):
            try:
                keys.append(name(event))
                indices.append(index)
            except NameRefused as error:
                rejected[index] = str(error)
        return keys, indices, rejected

    async def _send(self, commands: list[Command]) -> tuple[dict[int, str], dict[int, str]]:
        """One command an event: (retry, rejected)."""
        if not commands:
            return {}, {}
        packed = b"".join([command.packed for command in commands])
        if not self._packer.atomic:
            replies = await self._link.exchange(packed, len(commands))
            return await self._sorted(zip(replies, (command.indices[0] for command in commands), strict=True))
        replies = await self._link.exchange(BEGIN + packed + COMMIT, len(commands) + 2)
        indices = [command.indices[0] for command in commands]
        ran = replies.pop()
        if isinstance(ran, list):
            return await self._sorted(zip(ran, indices, strict=True))
        return await self._aborted(replies, ran, indices)

    async def _aborted(
        self, replies: list[Any], abort: Any, indices: list[int]
    ) -> tuple[dict[int, str], dict[int, str]]:
        """The transaction did not run: those that the server refused to queue say why, the others go again."""
        begin, *queued = replies
        retry, rejected = await self._sorted([(begin, indices[0]), *zip(queued, indices, strict=True)])
        why = next(iter([*retry.values(), *rejected.values()]), None)
        if why is None:
            # Only EXEC itself was refused, as Redis 7 does when it is out of memory or has become a replica.
            if not isinstance(abort, RedisError):
                raise Retryable(f"{self.config.address}: expected the answers of a transaction, got {abort!r}")
            why = reason_of(abort)
            if code_of(abort) in STALE or "READONLY" in why:
                await self._link.close()
        return {index: retry.get(index, why) for index in indices if index not in rejected}, rejected

    async def _push(
        self, keys: Sequence[str], payloads: Sequence[bytes], indices: Sequence[int]
    ) -> tuple[dict[int, str], dict[int, str]]:
        """All events of a key in one command: (retry, rejected). A later piece of a key waits for the earlier one."""
        pending = {
            key: list(self._packer.grouped(key, payloads, group)) for key, group in _grouped(keys, indices).items()
        }
        retry: dict[int, str] = {}
        rejected: dict[int, str] = {}
        first = True
        while pending:
            commands = {key: pieces.pop(0) for key, pieces in pending.items()}
            try:
                failed = await self._push_round(commands, rejected)
            except Retryable as error:
                if first:
                    raise
                failed = dict.fromkeys(commands, str(error))
            first = False
            for key, reason in failed.items():
                for command in (commands[key], *pending.pop(key)):
                    retry.update(dict.fromkeys(command.indices, reason))
            pending = {key: pieces for key, pieces in pending.items() if pieces}
        return retry, rejected

    async def _push_round(self, commands: dict[str, Command], rejected: dict[int, str]) -> dict[str, str]:
        """Send one command a key; the keys to try again with the reason. Adds to `rejected`."""
        replies = await self._link.exchange(b"".join([c.packed for c in commands.values()]), len(commands))
        order = list(commands)
        retry, refused = await self._sorted(zip(replies, range(len(order)), strict=True))
        for place, reason in refused.items():
            rejected.update(dict.fromkeys(commands[order[place]].indices, reason))
        return {order[place]: reason for place, reason in retry.items()}

    async def _sorted(self, replies: Iterable[tuple[Any, int]]) -> tuple[dict[int, str], dict[int, str]]:
        try:
            retry, rejected, stale = sort_errors(list(replies), self.config.address)
        except SetupError:
            await self._link.close()
            raise
        if stale:
            await self._link.close()
        return retry, rejected


def _grouped(keys: Sequence[str], indices: Sequence[int]) -> Mapping[str, Sequence[int]]:
    """The indices of each key, in order."""
    if isinstance(indices, range):  # one constant key
        return {keys[0]: indices} if keys else {}
    groups: dict[str, list[int]] = {}
    for key, index in zip(keys, indices, strict=True):
        group = groups.get(key)
        if group is None:
            groups[key] = [index]
        else:
            group.append(index)
    return groups
