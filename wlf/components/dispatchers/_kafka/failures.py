"""What the brokers' errors mean for the events behind them.

Error codes: https://kafka.apache.org/protocol.html#protocol_error_codes
"""

from __future__ import annotations

from aiokafka import errors

from wlf.errors import SetupError


class InvalidRecord(errors.BrokerResponseError):  # type: ignore[misc]
    """A record that the topic does not take, such as one without a key on a compacted topic; the client lacks it."""

    errno = 87
    message = "INVALID_RECORD"
    description = "the topic does not take this record; a compacted topic needs a key"


errors.kafka_errors.setdefault(InvalidRecord.errno, InvalidRecord)

ONE_RECORD = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidTimestampError,
    InvalidRecord,
)
"""One record of a batch is at fault, and the others have to be sent without it."""

EVERY_RECORD = (errors.InvalidTopicError,)
"""All records of the topic are refused, whenever they are sent."""

_REFUSALS: dict[type[Exception], str] = {
    errors.TopicAuthorizationFailedError: "grant the user WRITE (and CREATE) on the topic",
    errors.ClusterAuthorizationFailedError: "grant the user IDEMPOTENT_WRITE on the cluster, or set idempotence: false",
    errors.TransactionalIdAuthorizationFailed: "grant the user what it needs to write",
    errors.SaslAuthenticationFailed: "check sasl: {username, password}",
    errors.AuthenticationFailedError: "check sasl: {username, password}",
    errors.UnsupportedSaslMechanismError: "choose a sasl mechanism that the broker offers",
    errors.IllegalSaslStateError: "check whether this listener speaks SASL",
    errors.AuthenticationMethodNotSupported: "choose a sasl mechanism that the broker offers",
    errors.IncompatibleBrokerVersion: "brokers before 0.11 need idempotence: false",
    errors.UnsupportedVersionError: "the brokers are too old for this client",
    errors.UnsupportedForMessageFormatError: "the topic's message format is too old for idempotence or headers",
    errors.InvalidReplicationFactorError: "check create_topics.replication_factor",
    errors.InvalidPartitionsError: "check create_topics.partitions",
    errors.InvalidConfigurationError: "check create_topics.configs",
    errors.PolicyViolationError: "the cluster's policy forbids these create_topics",
}


def refusal(error: BaseException, where: str) -> SetupError | None:
    """The error that ends the run, where trying again cannot help anybody."""
    for kind, hint in _REFUSALS.items():
        if isinstance(error, kind):
            return SetupError(f"{where}: {reason_of(error)}", hint=hint)
    return None


def reason_of(error: BaseException) -> str:
    """One line about an error of the client."""
    if isinstance(error, errors.BrokerResponseError):
        description = (error.description or "").strip().rstrip(".")
        detail = ", ".join(str(argument) for argument in error.args if argument)
        return " ".join(part for part in (f"{error.message}:", description, f"({detail})" if detail else "") if part)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
