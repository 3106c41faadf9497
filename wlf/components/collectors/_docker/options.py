"""The options of the Docker collector."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from wlf.components.following.options import FollowConfig
from wlf.components.tls import TlsConfig

Globs = list[Annotated[str, Meta(min_length=1)]]

SCHEMES = ("unix", "tcp", "http", "https")


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Containers by what they are called; `*`, `?` and `[ab]` stand for what they do in names of files."""

    names: Annotated[Globs, Meta(description="globs of container names, such as `shop-*`; an id is no name")] = (
        msgspec.field(default_factory=list)
    )
    images: Annotated[
        Globs, Meta(description="globs of image names as the container was made from them, such as `*/shop:*`")
    ] = msgspec.field(default_factory=list)
    labels: Annotated[
        Globs, Meta(description="globs of labels: `key` for whoever has it, `key=value` for its value too")
    ] = msgspec.field(default_factory=list)


class DockerConfig(FollowConfig, frozen=True, kw_only=True):
    """Options of Docker."""

    source: Annotated[
        Literal["api", "files"],
        Meta(
            description="`api`: ask the Engine for the logs; "
            "`files`: read those of the drivers json-file and local where they lie"
        ),
    ] = "api"
    address: Annotated[
        str,
        Meta(description="where the Engine, or Podman, listens: `unix:///path/of/its.sock` or `tcp://host:port`"),
    ] = "unix:///var/run/docker.sock"
    tls: Annotated[
        TlsConfig | bool, Meta(description="TLS to a `tcp://` address: true, or how the server is verified")
    ] = False
    include: Annotated[
        Selection,
        Meta(description="containers to read: those that match one of each kind that is given; default: all"),
    ] = Selection()
    exclude: Annotated[Selection, Meta(description="containers to leave out: those that match any of these")] = (
        Selection()
    )
    start: Annotated[
        Literal["beginning", "end"],
        Meta(
            description="where containers that are there at the very first start are read from; "
            "one that comes later is always read from its beginning"
        ),
    ] = "beginning"
    merge_parts: Annotated[
        bool, Meta(description="put lines together that the Engine cut, which it does every 16 KiB")
    ] = True
    timeout_ms: Annotated[int, Meta(description="time an answer of the Engine may take", ge=1)] = 30_000
    host: Annotated[
        str | None, Meta(description="the `host` of the events; default: this machine's name; empty: leave it out")
    ] = None
    data_root: Annotated[
        str, Meta(description="with `source: files`, the Engine's directory as wlf sees it", min_length=1)
    ] = "/var/lib/docker"

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        is_whole = parts.path if parts.scheme == "unix" else parts.hostname
        if parts.scheme not in SCHEMES or not is_whole:
            raise ValueError(
                f"address: expected unix:///path/of/its.sock or tcp://host:port, got {self.address!r}"
            ) from None
        if self.tls and parts.scheme in ("unix", "http"):
            raise ValueError(f"tls: expected a tcp:// address with it, got {self.address!r}")
        if self.source == "files" and not self.merge_parts:
            raise ValueError("merge_parts: expected true with `source: files`, got false")
