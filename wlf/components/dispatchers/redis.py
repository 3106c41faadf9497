"""Redis: events as messages of a channel, items of a list or entries of a stream, one round trip a batch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from wlf.components.base import Context, Dispatcher, Outgoing, Partial
from wlf.components.dispatchers._redis.options import Pub, RedisConfig, XAdd
from wlf.components.naming import Namer, NameRule

if TYPE_CHECKING:
    from wlf.components.dispatchers._redis.delivery import Delivery
    from wlf.components.dispatchers._redis.link import Link

if find_spec("redis") is None:  # said here, for only a run imports the client, which takes a while
    raise ModuleNotFoundError("No module named 'redis'", name="redis")

ANY_NAME = NameRule("Redis key", re.compile(r"(?!)"), max_bytes=512 << 20)
"""A key may be any bytes up to 512 MiB: https://redis.io/docs/latest/develop/using-commands/keyspace/"""


class RedisDispatcher(Dispatcher):
    """Publishes events in Redis, or puts them into lists or streams.

    Delivered means that the server answered. Whether that outlives the server is up to its own persistence.

    XADD commands of a batch go as one MULTI/EXEC: a server that runs out of memory in the middle takes all or none, and
    the order in the stream holds. Lists need none, for a batch is one command a key. When the connection breaks before
    the answer, the batch is sent again and can be there twice.
    """

    type_name: ClassVar[str] = "Redis"
    Config = RedisConfig
    config: RedisConfig

    def __init__(self, config: RedisConfig, context: Context) -> None:
        super().__init__(config, context)
        mode = config.mode
        template = mode.channel if isinstance(mode, Pub) else mode.key
        self._namer = Namer(template, ANY_NAME, names=config.names, on_missing=config.on_missing)
        self._link: Link | None = None
        self._delivery: Delivery | None = None

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
        from wlf.components.dispatchers._redis.delivery import Delivery
        from wlf.components.dispatchers._redis.link import Link

        if self._link is None:
            self._link = Link(self.config)
            self._delivery = Delivery(self.config, self._link)
        await self._link.open()

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Deliver one batch in one round trip (lists too long for a command: one a piece).

        Raises:
            Retryable: the connection broke or the server fell silent; events may have arrived, or not.
            SetupError: a password or a privilege is missing, or the server is a node of a cluster.
        """
        payloads = batch.payloads()
        rejected: dict[int, str] = {}
        keys = self._namer.names(batch.events, rejected)
        indices: Sequence[int] = range(len(batch))
        if rejected:
            indices = [index for index in indices if index not in rejected]
            keys = [keys[index] for index in indices]
        assert self._delivery is not None, "open() comes first"
        retry, refused = await self._delivery.run(keys, payloads, indices)
        rejected.update(refused)
        return Partial(retry, rejected) if retry or rejected else None

    async def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            await self._link.close()
