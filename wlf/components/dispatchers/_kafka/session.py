"""The connection to the brokers: one producer at a time, opened when needed and given up after every failure.

An idempotent producer numbers its batches. After a batch that failed, or whose outcome is unknown, the next number is
a gap for the broker, and the client would go on trying the old batch in the background. So a failed producer is never
used again: the next one gets a new producer id, and what is sent again is sent in order (and may be there twice).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import IncompatibleBrokerVersion, KafkaConnectionError, KafkaError, for_code

from wlf.components.dispatchers._kafka.failures import EVERY_RECORD, reason_of, refusal
from wlf.components.dispatchers._kafka.options import CODECS, KafkaConfig
from wlf.components.tls import certificate_refused, ssl_context
from wlf.errors import Retryable, SetupError

REQUEST_SHARE = 3
"""One request may take this part of `timeout_ms`, so that the client can find a new leader within one delivery."""
ABANDON_S = 2
TOPIC_EXISTS = 36
ADMIN_OPTIONS = ("client_id", "request_timeout_ms", "retry_backoff_ms", "metadata_max_age_ms")


class Session:
    """Hands out the producer of a dispatcher."""

    def __init__(self, config: KafkaConfig, client_id: str) -> None:
        self._config = config
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._started = False
        self._ending: asyncio.Future[None] | None = None
        self._made: set[str] = set()
        self.batch_bytes = config.max_message_bytes
        """Size of a record batch: falls when a broker says that it takes less."""

    async def producer(self) -> AIOKafkaProducer:
        """The producer, connected.

        Raises:
            SetupError: password, certificate, privilege or an option is wrong.
            Retryable: no broker can be reached.
        """
        if self._started:
            assert self._producer is not None
            return self._producer
        await self.abandon()
        self._producer = self._new()
        try:
            async with asyncio.timeout(self._config.connect_timeout_ms / 1000):
                await self._producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self.abandon()
            raise await self._why(error) from error
        self._started = True
        return self._producer

    async def create(self, topics: Iterable[str]) -> dict[str, str]:
        """Create the topics that are not there, where the config says so; names that are refused with the reason.

        Raises:
            SetupError: the brokers refuse the number of partitions, copies, a setting, or the user.
            Retryable: the brokers cannot do it now.
        """
        wanted = self._config.create_topics
        topics = [topic for topic in topics if topic not in self._made]
        if wanted is None or not topics:
            return {}
        new = [
            NewTopic(topic, wanted.partitions, wanted.replication_factor, topic_configs=wanted.configs)
            for topic in topics
        ]
        options = self._options()
        common = {name: options[name] for name in options if name in ADMIN_OPTIONS}
        admin = AIOKafkaAdminClient(**self._connection(), **common)
        try:
            async with asyncio.timeout(self._config.connect_timeout_ms / 1000):
                await admin.start()
                answer = await admin.create_topics(new)
        except (KafkaError, OSError, TimeoutError) as error:
            raise await self._why(error) from error
        finally:
            await admin.close()
        refused: dict[str, str] = {}
        for topic, code, *text in answer.topic_errors:
            answered = for_code(code)(*text)
            if code in (0, TOPIC_EXISTS):
                self._made.add(topic)
            elif isinstance(answered, EVERY_RECORD):  # such as `a_b` where there is `a.b`, which metrics would mix up
                refused[topic] = f"topic {topic}: {reason_of(answered)}"
            else:
                raise refusal(answered, f"topic {topic}") or Retryable(f"topic {topic}: {reason_of(answered)}")
        return refused

    def forget(self, topic: str) -> None:
        """The topic is not there: create it again."""
        self._made.discard(topic)

    async def abandon(self) -> None:
        """Give the producer up at once, with whatever it still holds."""
        if self._producer is not None:
            self._ending = asyncio.ensure_future(abandon(self._producer))
            self._producer, self._started = None, False
        if self._ending is not None:
            # A producer that is half abandoned would go on sending: it ends, whoever cancels the one that waits here.
            ending = self._ending
            try:
                await asyncio.shield(ending)
            finally:
                if ending.done():
                    self._ending = None

    async def _why(self, error: BaseException) -> SetupError | Retryable:
        """What to tell the runtime about brokers that cannot be reached."""
        where = self._config.address
        if isinstance(error, KafkaConnectionError):
            # The client logs why and then forgets it: ask one broker again.
            error = await self._probe() or error
        refused = refusal(error, where)
        if refused is not None:
            return refused
        if isinstance(error, IncompatibleBrokerVersion):
            return SetupError(f"{where}: {error}")
        if certificate_refused(error):
            return SetupError(f"{where}: {error}", hint="name the certificate authority: tls: {ca: FILE}")
        if isinstance(error, TimeoutError) and not str(error):
            return Retryable(f"{where}: no answer in {self._config.connect_timeout_ms} ms")
        return Retryable(f"{where}: {reason_of(error)}")

    async def _probe(self) -> BaseException | None:
        """Why a connection to the first brokers fails; None where it does not."""
        options = self._connection()
        hosts = collect_hosts(options.pop("bootstrap_servers"), randomize=False)
        found: BaseException | None = None
        for host, port, _ in hosts[:3]:
            try:
                connection = await create_conn(host, port, request_timeout_ms=2_000, **options)
            except (KafkaError, OSError, TimeoutError) as error:
                if refusal(error, "") or certificate_refused(error):
                    return error
                found = error
            else:
                connection.close()
        return found

    def _new(self) -> AIOKafkaProducer:
        config = self._config
        try:
            return AIOKafkaProducer(
                **self._connection(),
                **self._options(),
                acks=config.acks,
                enable_idempotence=config.effective_idempotence,
                compression_type=CODECS[config.compression_type],
                max_batch_size=self.batch_bytes,
                max_request_size=config.max_message_bytes,
            )
        except (TypeError, ValueError) as error:
            raise SetupError(f"client_options: {error}") from error
        except RuntimeError as error:  # the codec's library is missing
            raise SetupError(f"compression_type: {error}", hint='pip install "wlf[kafka]"') from error

    def _options(self) -> dict[str, Any]:
        request_ms = max(1_000, self._config.timeout_ms // REQUEST_SHARE)
        return {"client_id": self._client_id, "request_timeout_ms": request_ms, **self._config.client_options}

    def _connection(self) -> dict[str, Any]:
        config = self._config
        options: dict[str, Any] = {
            "bootstrap_servers": config.bootstrap_brokers,
            "security_protocol": ("SASL_" if config.sasl else "") + ("SSL" if config.tls else "PLAINTEXT"),
            "ssl_context": ssl_context(config.tls),
        }
        if config.sasl is not None:
            options["sasl_mechanism"] = config.sasl.mechanism
            options["sasl_plain_username"] = config.sasl.username
            options["sasl_plain_password"] = config.sasl.password.reveal()
        return options


async def abandon(producer: AIOKafkaProducer) -> None:
    """End a producer at once. Its own `stop()` waits until everything is delivered, for ever while a broker is down.

    What is in flight may still arrive at the brokers; nothing is sent after this returns.
    """
    producer._closed = True  # or it would warn about being dropped
    sender = producer._sender.sender_task
    await producer.client.close()
    if sender is None:
        return
    sender.cancel()
    # The cancelled sender waits for its requests, which end now that their connections are closed. A request that waits
    # for news of the cluster would wait for ever, for the task that brings them is gone.
    deadline = asyncio.get_running_loop().time() + ABANDON_S
    while not sender.done() and asyncio.get_running_loop().time() < deadline:
        news = producer.client._md_update_fut
        if news is not None and not news.done():
            news.set_result(False)
        await asyncio.wait([sender], timeout=0.02)
    if not sender.done():
        sender.cancel()
    with suppress(asyncio.CancelledError, KafkaError):
        await sender
    await producer.client.close()
