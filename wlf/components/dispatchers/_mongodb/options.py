"""The options of the MongoDB dispatcher."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from wlf.components.config import DispatcherConfig, Secret
from wlf.components.tls import TlsConfig
from wlf.events.template import Template

_URI = re.compile(r"mongodb(\+srv)?://[^@/?]+(/(\?[^@]*)?)?")


class WriteConcern(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What must have happened to a write before the server says that it is done."""

    w: Annotated[
        int | str, Meta(description="members of the replica set that have it, `majority`, or the name of a mode")
    ] = "majority"
    journal: Annotated[bool | None, Meta(description="it is in the journal; null: as the server is set")] = None
    timeout_ms: Annotated[
        int,
        Meta(description="how long the server waits for that; 0: for ever, within the dispatcher's `timeout_ms`", ge=0),
    ] = 10_000

    def __post_init__(self) -> None:
        if self.w == 0 or self.w == "":
            raise ValueError("w: expected at least 1, as without an answer nothing is known to be delivered")


class MongodbConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Options of the MongoDB dispatcher."""

    uri: Annotated[
        str, Meta(description="mongodb:// or mongodb+srv:// with the hosts and the client's options, without a login")
    ] = "mongodb://localhost:27017"
    username: Annotated[str | None, Meta(description="user name")] = None
    password: Annotated[Secret | None, Meta(description="password of `username`")] = None
    auth_source: Annotated[str, Meta(description="database that knows the user", min_length=1)] = "admin"
    database: Annotated[Template, Meta(description="template of the database's name")] = Template("wlf")
    collection: Annotated[
        Template, Meta(description="template of the collection's name, such as `%{/database}.%{/table}`")
    ] = Template("events")
    mode: Annotated[
        Literal["insert", "upsert", "mirror"],
        Meta(
            description="insert: a document for each event; upsert: one for each `key`, the last event of it; mirror: "
            "one for each row, which follows its table"
        ),
    ] = "insert"
    key: Annotated[
        Template | None,
        Meta(description="mode upsert: template of `_id`; default: the primary key of the row"),
    ] = None
    updates: Annotated[
        Literal["replace", "set"],
        Meta(
            description="mode mirror: replace the document, which takes whole rows, or set only the columns that "
            "changed, so that other fields of the document stay"
        ),
    ] = "replace"
    ordered: Annotated[
        bool, Meta(description="write in the order of the events; false, with mode insert: as the server likes")
    ] = True
    write_concern: Annotated[WriteConcern, Meta(description="when a write counts as delivered")] = WriteConcern()
    tls: Annotated[TlsConfig | bool, Meta(description="speak TLS: true, or how to verify the server")] = False
    connect_timeout_ms: Annotated[int, Meta(description="time that finding and reaching a server may take", ge=1)] = (
        5_000
    )

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic. The address is not repeated: it may hold a password."""
        if not _URI.fullmatch(self.uri):
            raise ValueError(
                "uri: expected mongodb://HOST:PORT/?OPTIONS without a login, which belongs into `username` and "
                "`password`"
            )
        if self.format not in ("json", "wlf"):
            raise ValueError(
                f"expected format json, for documents are made of the events' own fields, got {self.format}"
            )
        if (self.username is None) != (self.password is None):
            raise ValueError("expected `username` and `password` together, got one of them")
        if self.key is not None and self.mode != "upsert":
            raise ValueError(f"expected `key` with mode upsert only, got mode {self.mode}")
        if self.updates == "set" and self.mode != "mirror":
            raise ValueError(f"expected `updates: set` with mode mirror only, got mode {self.mode}")
        if not self.ordered and self.mode != "insert":
            raise ValueError(f"expected `ordered: true` with mode {self.mode}: the last write on a document must win")
        if isinstance(self.tls, TlsConfig) and self.tls.key is not None and self.tls.key != self.tls.cert:
            raise ValueError("tls.key: expected the key in the file of `tls.cert`, which is how the client takes it")
