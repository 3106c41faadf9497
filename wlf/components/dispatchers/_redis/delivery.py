"""Commands of one batch out, their replies sorted: what goes again, and what the server will never take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError

from wlf.components.dispatchers._redis.commands import Command, Packer
from wlf.components.dispatchers._redis.link import Link
from wlf.components.dispatchers._redis.options import RedisConfig
from wlf.components.dispatchers._redis.replies import STALE, code_of, reason_of, sort_errors
from wlf.errors import Retryable, SetupError

_WELL = frozenset((bytes, int))
"""Types of replies that are no errors."""


class Delivery:
    """Delivers the batches of one dispatcher."""

    def __init__(self, config: RedisConfig, link: Link) -> None:
        self._address = config.address
        self._packer = Packer(config.mode)
        self._link = link

    async def run(
        self, keys: str | Sequence[str], payloads: Sequence[bytes], indices: Sequence[int]
    ) -> tuple[dict[int, str], dict[int, str]]:
        """(retry, rejected) for the events at `indices`, whose keys are `keys` (one text: all the same).

        Reasons are by index.

        Raises:
            Retryable: the connection broke or the server fell silent; events may have arrived, or not.
            SetupError: a password or a privilege is missing, or the server is a node of a cluster.
        """
        if not indices:
            return {}, {}
        if self._packer.lists:
            return await self._push(keys, payloads, indices)
        if len(indices) < len(payloads):
            payloads = [payloads[index] for index in indices]
        return await self._send(self._packer.each(keys, payloads), indices)

    async def _send(self, packed: bytes, indices: Sequence[int]) -> tuple[dict[int, str], dict[int, str]]:
        """One command an event: (retry, rejected)."""
        if not self._packer.atomic:
            return await self._sorted(await self._link.exchange(packed, len(indices)), indices)
        replies = await self._link.exchange(packed, len(indices) + 2)
        ran = replies.pop()
        if isinstance(ran, list):
            return await self._sorted(ran, indices)
        return await self._aborted(replies, ran, indices)

    async def _aborted(
        self, replies: list[Any], abort: Any, indices: Sequence[int]
    ) -> tuple[dict[int, str], dict[int, str]]:
        """The transaction did not run: those that the server refused to queue say why, the others go again."""
        retry, rejected = await self._sorted(replies, [indices[0], *indices])  # the first is that of MULTI
        why = next(iter([*retry.values(), *rejected.values()]), None)
        if why is None:
            # Only EXEC itself was refused, as Redis 7 does when it is out of memory or has become a replica.
            if not isinstance(abort, RedisError):
                raise Retryable(f"{self._address}: expected the answers of a transaction, got {abort!r}")
            why = reason_of(abort)
            if code_of(abort) in STALE or "READONLY" in why:
                await self._link.close()
        return {index: retry.get(index, why) for index in indices if index not in rejected}, rejected

    async def _push(
        self, keys: str | Sequence[str], payloads: Sequence[bytes], indices: Sequence[int]
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
        retry, refused = await self._sorted(replies, range(len(order)))
        for place, reason in refused.items():
            rejected.update(dict.fromkeys(commands[order[place]].indices, reason))
        return {order[place]: reason for place, reason in retry.items()}

    async def _sorted(self, replies: Sequence[Any], indices: Sequence[int]) -> tuple[dict[int, str], dict[int, str]]:
        """What the replies say of the events at `indices`."""
        if _WELL.issuperset(map(type, replies)):
            return {}, {}
        try:
            retry, rejected, stale = sort_errors(list(zip(replies, indices, strict=True)), self._address)
        except SetupError:
            await self._link.close()
            raise
        if stale:
            await self._link.close()
        return retry, rejected


def _grouped(keys: str | Sequence[str], indices: Sequence[int]) -> Mapping[str, Sequence[int]]:
    """The indices of each key, in order."""
    if isinstance(keys, str):
        return {keys: indices}
    groups: dict[str, list[int]] = {}
    for key, index in zip(keys, indices, strict=True):
        group = groups.get(key)
        if group is None:
            groups[key] = [index]
        else:
            group.append(index)
    return groups
