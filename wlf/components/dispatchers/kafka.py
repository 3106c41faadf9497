"""Kafka: each event as a message, keyed by its row, in record batches of one partition each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from wlf.components.base import Context, Dispatcher, Outgoing, Partial
from wlf.components.dispatchers._kafka.messages import Composer
from wlf.components.dispatchers._kafka.options import KafkaConfig
from wlf.components.dispatchers._kafka.partitioner import hash_of
from wlf.events.template import Template

if TYPE_CHECKING:
    from wlf.components.dispatchers._kafka.session import Session

if find_spec("aiokafka") is None:  # said here, for only a run imports the client, which takes a while
    raise ModuleNotFoundError("No module named 'aiokafka'", name="aiokafka")

ANSWER_SHARE = 0.9
"""Of `timeout_ms`: a delivery gives up here, with a reason for each event, before the runtime cuts it off."""


class KafkaDispatcher(Dispatcher):
    """Sends events to Kafka topics, keyed by primary key.

    Delivered means acknowledged as `acks` says.

    Until `timeout_ms` is over the client itself repeats requests, which idempotent producers do without duplicates.
    What fails then goes again through a new producer and can be there twice. The messages of a partition stay in order.
    """

    type_name: ClassVar[str] = "Kafka"
    Config = KafkaConfig
    config: KafkaConfig

    def __init__(self, config: KafkaConfig, context: Context) -> None:
        super().__init__(config, context)
        self._composer = Composer(config)
        self._session: Session | None = None
        self._hash = hash_of(config.partitioner)
        self._headers = [(name, value.encode()) for name, value in config.headers.items()]
        self._turn = 0
        self._broken = False

    @classmethod
    def describe_guarantee(cls, config: KafkaConfig) -> str:
        """What a user may rely on with these `acks`."""
        if config.acks == 0:
            return "at most once: with acks: 0 nobody says whether an event arrived"
        if config.acks == 1:
            return "at least once, unless a leader is lost before its followers have the event (acks: 1)"
        if config.effective_idempotence:
            return "at least once; repeats within one connection to the brokers are dropped by them"
        return "at least once"

    @classmethod
    def names_of(cls, config: Any) -> Iterable[tuple[str, Template]]:
        """The templates of the config; a field that `partition_by` needs is told as one, so that it is checked."""
        yield from super().names_of(config)
        if not isinstance(config, KafkaConfig):  # a group of options
            return
        for option in ("partition_by", "partition_fallback"):
            if getattr(config, option) == "thread_id":
                yield option, Template("thread %{/thread_id}")

    async def open(self) -> None:
        """Connect, and get a producer id. Raises SetupError (login, certificate, options) and Retryable."""
        from wlf.components.dispatchers._kafka.session import Session

        if self._session is None:
            self._session = Session(self.config, f"wlf-{self.context.pipeline}-{self.context.node}")
        await self._session.producer()

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Deliver one batch.

        Raises:
            Retryable: nothing was delivered: no broker, no leader, no acknowledgement in time.
            SetupError: the brokers refuse this user or these options.
        """
        from wlf.components.dispatchers._kafka.delivery import Delivery

        assert self._session is not None, "open() comes first"
        if self._broken:
            await self._session.abandon()
        self._broken = True
        messages = self._composer.compose(batch)
        limit_ms = int(self.config.timeout_ms * ANSWER_SHARE)
        delivery = Delivery(self._session, messages, self._headers, limit_ms)
        if messages.topics:
            self._turn += 1
            await delivery.run(self._hash, self._turn, int(self.context.clock.time() * 1000))
        self._broken = False
        rejected = messages.rejected | _by_event(delivery.rejected, messages.events)
        retry = _by_event(delivery.retry, messages.events)
        for index in rejected:
            retry.pop(index, None)
        return Partial(retry, rejected) if retry or rejected else None

    async def close(self) -> None:
        """Close the connections; nothing is waited for, for `dispatch` waits for what it sends."""
        if self._session is not None:
            await self._session.abandon()


def _by_event(outcome: Mapping[int, str], events: Sequence[int]) -> dict[int, str]:
    """Reasons by the index of the event instead of its messages'."""
    return {events[index]: reason for index, reason in outcome.items()}
