"""`kafka.*`: the options of the Java producer that Maxwell passes on, each as the option of wlf that does the same.

https://kafka.apache.org/documentation/#producerconfigs
"""

from __future__ import annotations

import re

from wlf.graph.diagnostics import did_you_mean
from wlf.graph.maxwell.properties import Entry
from wlf.graph.maxwell.source import Source
from wlf.graph.maxwell.tree import Leaf, Tree

_WHOLE = {
    "linger.ms": "batch.max_delay_ms",
    "max.request.size": "max_message_bytes",
    "delivery.timeout.ms": "timeout_ms",
    "request.timeout.ms": "client_options.request_timeout_ms",
    "retry.backoff.ms": "client_options.retry_backoff_ms",
    "metadata.max.age.ms": "client_options.metadata_max_age_ms",
    "connections.max.idle.ms": "client_options.connections_max_idle_ms",
}
"""Whole numbers that mean the same under another name."""

_ACKS: dict[str, str | int] = {"all": "all", "-1": "all", "1": 1, "0": 0}
_CODECS = {name: name for name in ("none", "gzip", "snappy", "lz4", "zstd")}
_PROTOCOLS = {name.lower(): name for name in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")}
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_JAAS = re.compile(r"(username|password)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;]+))")

_STORES = "Java's key stores cannot be read: export PEM files, and name them with tls: {ca, cert, key} in the YAML"
_OAUTH = "wlf logs in by PLAIN or SCRAM"
_FOREVER = "what fails is sent again for ever, with growing delays (`retry`)"
INSTEAD: dict[str, str] = {
    "retries": _FOREVER,
    "batch.size": "record batches are filled up to max_message_bytes",
    "buffer.memory": "what waits for a sink is bounded by memory_limit_bytes, over all sinks",
    "max.block.ms": "a full mailbox makes the collector wait, and loses nothing",
    "max.in.flight.requests.per.connection": "one request is in flight for each partition, so that order holds",
    "send.buffer.bytes": "the sizes of socket buffers are the system's",
    "receive.buffer.bytes": "the sizes of socket buffers are the system's",
    "reconnect.backoff.ms": _FOREVER,
    "reconnect.backoff.max.ms": _FOREVER,
    "retry.backoff.max.ms": _FOREVER,
    "partitioner.class": "Maxwell chooses partitions itself, and wlf as it does: producer_partition_by",
    "partitioner.ignore.keys": "Maxwell chooses partitions itself, and wlf as it does: producer_partition_by",
    "key.serializer": "keys are text",
    "value.serializer": "values are text",
    "interceptor.classes": "there is no Java here",
    "metric.reporters": "metrics are read from `http` as /metrics",
    "metrics.num.samples": "metrics are read from `http` as /metrics",
    "metrics.sample.window.ms": "metrics are read from `http` as /metrics",
    "transactional.id": "wlf does not write in transactions of Kafka",
    "transaction.timeout.ms": "wlf does not write in transactions of Kafka",
    "compression.gzip.level": "the codec's own level is used",
    "compression.lz4.level": "the codec's own level is used",
    "compression.zstd.level": "the codec's own level is used",
    "client.dns.lookup": "every address of a name is tried",
    "ssl.protocol": "TLS 1.2 and 1.3 are spoken",
    "ssl.enabled.protocols": "TLS 1.2 and 1.3 are spoken",
    "ssl.cipher.suites": "the ciphers are those of the system's OpenSSL",
    "ssl.truststore.password": "PEM files of certificates have none",
    "sasl.client.callback.handler.class": "there is no Java here",
    "sasl.login.callback.handler.class": "there is no Java here",
}
"""Options of the Java producer that nothing is made of."""

_SPECIAL = """
bootstrap.servers acks enable.idempotence compression.type client.id security.protocol sasl.mechanism
sasl.jaas.config ssl.truststore.location ssl.truststore.type ssl.keystore.location ssl.keystore.type
ssl.keystore.password ssl.key.password ssl.endpoint.identification.algorithm ssl.truststore.certificates
ssl.keystore.certificate.chain ssl.keystore.key sasl.kerberos.service.name sasl.login.class
"""
_READ = tuple(_SPECIAL.split())


def read_client(source: Source) -> dict[str, Tree]:
    """The options of a Kafka dispatcher that follow from `kafka.*`."""
    made: dict[str, Tree] = {"bootstrap_brokers": _brokers(source)}
    acks = source.take("kafka.acks")
    if acks is not None:
        if acks.value.strip().lower() in _ACKS:
            made["acks"] = Leaf(_ACKS[acks.value.strip().lower()], acks.line)
        else:
            source.wrong(acks, f"expected all, 1 or 0, got {acks.value!r}")
    idempotence = source.truth("kafka.enable.idempotence")
    if idempotence is not None:
        made["idempotence"] = Leaf(idempotence, source.line("kafka.enable.idempotence"))
    codec = source.choice("kafka.compression.type", _CODECS)
    if codec is not None:
        made["compression_type"] = codec
    groups: dict[str, dict[str, Tree]] = {}
    client_id = source.text("kafka.client.id")
    if client_id is not None:
        groups["client_options"] = {"client_id": client_id}
    for key, option in _WHOLE.items():
        found = source.whole(f"kafka.{key}")
        if found is not None:
            group, _, name = option.rpartition(".")
            (groups.setdefault(group, {}) if group else made)[name] = found
    made |= groups
    _read_security(source, made)
    _name_others(source)
    return made


def _brokers(source: Source) -> list[Tree]:
    entry = source.take("kafka.bootstrap.servers")
    if entry is None:
        where = source.take("producer")
        assert where is not None, "it says `kafka`"
        source.wrong(where, "expected kafka.bootstrap.servers beside producer=kafka")
        return [Leaf("localhost:9092")]
    brokers = (broker.strip().rpartition("://")[2] for broker in entry.value.split(","))
    return [Leaf(broker, entry.line) for broker in brokers if broker]


def _read_security(source: Source, made: dict[str, Tree]) -> None:
    protocol = source.choice("kafka.security.protocol", _PROTOCOLS)
    name = str(protocol.value) if protocol is not None else "PLAINTEXT"
    tls = _tls(source)
    if name.endswith("SSL"):
        made["tls"] = tls or Leaf(True, source.line("kafka.security.protocol"))
    sasl = _sasl(source, wanted=name.startswith("SASL"))
    if sasl and name.startswith("SASL"):
        made["sasl"] = sasl


def _tls(source: Source) -> dict[str, Tree]:
    """Certificates, where they are in files that anybody can read."""
    made: dict[str, Tree] = {}
    for store, option in (("truststore", "ca"), ("keystore", "cert")):
        location = source.take(f"kafka.ssl.{store}.location")
        kind = source.take(f"kafka.ssl.{store}.type")
        if location is None:
            continue
        if kind is None or kind.value.strip().upper() != "PEM":
            source.wrong(location, "expected a PEM file (ssl.*store.type=PEM)", _STORES)
        else:
            made[option] = Leaf(location.value.strip(), location.line)
    for key in ("ssl.truststore.certificates", "ssl.keystore.certificate.chain", "ssl.keystore.key"):
        inline = source.take(f"kafka.{key}")
        if inline is not None:
            source.wrong(inline, "expected a file, got certificates or keys in the config itself", _STORES)
    password = source.text("kafka.ssl.key.password", secret="MAXWELL_KAFKA_KEY_PASSWORD")
    of_store = source.take("kafka.ssl.keystore.password")
    if password is not None and "cert" in made:
        made["key_password"] = password
    elif of_store is not None:
        source.instead(of_store, "PEM files have no password of their own; that of a key is kafka.ssl.key.password")
    checked = source.take("kafka.ssl.endpoint.identification.algorithm")
    if checked is not None and checked.value.strip().lower() != "https":
        source.instead(checked, "the brokers' host names are always checked")
    return made


def _sasl(source: Source, *, wanted: bool) -> dict[str, Tree]:
    mechanism, jaas = source.take("kafka.sasl.mechanism"), source.take("kafka.sasl.jaas.config")
    if mechanism is not None and mechanism.value.strip() not in _MECHANISMS:
        source.wrong(mechanism, f"expected {', '.join(_MECHANISMS)}, got {mechanism.value!r}", _OAUTH)
    if not wanted:
        for entry in filter(None, (mechanism, jaas)):
            source.instead(entry, "security.protocol asks for no login")
        return {}
    if jaas is None:
        protocol = source.take("kafka.security.protocol")
        assert protocol is not None, "it asks for a login"
        source.wrong(protocol, "expected kafka.sasl.jaas.config with username and password beside it")
        return {}
    found = {name: _resolved(quoted, bare) for name, quoted, bare in _JAAS.findall(jaas.value)}
    if found.keys() != {"username", "password"}:
        source.wrong(jaas, 'expected username="..." and password="..." in the JAAS config')
        return {}
    made: dict[str, Tree] = (
        {"mechanism": Leaf(mechanism.value.strip(), mechanism.line)} if mechanism is not None else {}
    )
    made["username"] = Leaf(found["username"], jaas.line)
    made["password"] = Leaf(found["password"], jaas.line, "MAXWELL_KAFKA_PASSWORD")
    return made


def _resolved(quoted: str, bare: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted) if quoted else bare


def _name_others(source: Source) -> None:
    """Every other `kafka.*`, with what happens instead; Maxwell hands them all to the client."""
    for entry in source.rest():
        if not entry.key.startswith("kafka."):
            continue
        key = entry.key.removeprefix("kafka.")
        source.take(entry.key)
        if key in INSTEAD:
            source.instead(entry, INSTEAD[key])
        elif key.startswith(("sasl.oauthbearer.", "sasl.kerberos.", "sasl.login.")):
            source.instead(entry, _OAUTH)
        else:
            _unknown(source, entry, key)


def _unknown(source: Source, entry: Entry, key: str) -> None:
    hint = did_you_mean(key, (*_WHOLE, *_READ, *INSTEAD))
    source.unknown(entry, "the Java producer has no such option that is known here: it does nothing", hint)
