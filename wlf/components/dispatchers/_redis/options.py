"""The options of the Redis dispatcher."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from wlf.components.config import DispatcherConfig, Secret
from wlf.components.tls import TlsConfig
from wlf.events.template import Template

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+)(:[0-9]{1,5})?")


class Pub(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="Pub"):
    """PUBLISH: whoever is subscribed at that moment gets the event, nobody later."""

    channel: Annotated[Template, Meta(description="channel to publish to")]


class LPush(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="LPush"):
    """LPUSH: a list with the newest event at its head, so that RPOP takes the oldest."""

    key: Annotated[Template, Meta(description="key of the list")] = Template("wlf")


class RPush(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="RPush"):
    """RPUSH: a list with the newest event at its tail, so that LPOP takes the oldest."""

    key: Annotated[Template, Meta(description="key of the list")] = Template("wlf")


class XAdd(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="XADD"):
    """XADD: a stream whose entries get their ids (`*`) from the server."""

    key: Annotated[Template, Meta(description="key of the stream")] = Template("wlf")
    maxlen: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="entries that the stream keeps; null: all")
    ] = None
    approximate: Annotated[
        bool, Meta(description="`maxlen` is a lower bound, which costs the server far less (MAXLEN ~)")
    ] = True
    field: Annotated[str, Meta(description="field of the entry that holds the event", min_length=1)] = "message"


Mode: TypeAlias = Pub | LPush | RPush | XAdd


class RedisConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Options of the Redis dispatcher."""

    host: Annotated[str, Meta(description="host name or address of the server", min_length=1)] = "localhost"
    port: Annotated[int, Meta(description="port of the server", ge=1, le=65535)] = 6379
    unix_socket: Annotated[str | None, Meta(description="path of a Unix socket; takes the place of host and port")] = (
        None
    )
    sentinels: Annotated[
        list[str],
        Meta(description="HOST:PORT of sentinels, which tell where the server is; take the place of host and port"),
    ] = []
    sentinel_master: Annotated[str | None, Meta(description="name of the server that the sentinels know")] = None
    sentinel_auth: Annotated[Secret | None, Meta(description="password of the sentinels themselves")] = None
    username: Annotated[str | None, Meta(description="user name (Redis 6 ACL); default: the default user")] = None
    auth: Annotated[Secret | None, Meta(description="password")] = None
    database_number: Annotated[int, Meta(description="database to select", ge=0)] = 0
    tls: Annotated[TlsConfig | bool, Meta(description="speak TLS: true, or how to verify the server")] = False
    connect_timeout_ms: Annotated[int, Meta(description="time that connecting may take", ge=1)] = 5_000
    mode: Annotated[Mode, Meta(description="command that carries the events: Pub, LPush, RPush or XADD")] = RPush()

    def __post_init__(self) -> None:
        if self.unix_socket is not None and self.tls is not False:
            raise ValueError("expected unix_socket or tls, got both")
        if bool(self.sentinels) != (self.sentinel_master is not None):
            raise ValueError("expected sentinels and sentinel_master together")
        if self.sentinels and self.unix_socket is not None:
            raise ValueError("expected unix_socket or sentinels, got both")
        if self.sentinel_auth is not None and not self.sentinels:
            raise ValueError("expected sentinels beside sentinel_auth")
        for sentinel in self.sentinels:
            if not _ADDRESS.fullmatch(sentinel):
                raise ValueError("sentinels: expected HOST:PORT, such as sentinel:26379, in each")

    @property
    def address(self) -> str:
        """Where the server is, for messages."""
        if self.sentinels:
            return f"{self.sentinel_master} of {', '.join(self.sentinels)}"
        return self.unix_socket or f"{self.host}:{self.port}"
