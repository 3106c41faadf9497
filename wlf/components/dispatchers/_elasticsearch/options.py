"""The options of the Elasticsearch dispatcher."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from wlf.components.config import DispatcherConfig, Secret
from wlf.components.tls import TlsConfig
from wlf.events.template import Template

DEFAULT_URL = "http://localhost:9200"


class ElasticsearchConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Options of Elasticsearch; the same for OpenSearch."""

    url: Annotated[str | None, Meta(description=f"address of the server; default: {DEFAULT_URL}")] = None
    urls: Annotated[
        tuple[str, ...],
        Meta(description="addresses of several nodes in place of `url`; the next is used when one fails"),
    ] = ()
    index: Annotated[Template, Meta(description="template of the index name, such as `wlf-%{/database}-%{/table}`")] = (
        Template("wlf")
    )
    mode: Annotated[
        Literal["append", "mirror"],
        Meta(
            description="append: a document for each change, written once however often it is replayed; "
            "mirror: a document for each row, by primary key"
        ),
    ] = "append"
    username: Annotated[str | None, Meta(description="user for basic authentication")] = None
    password: Annotated[Secret | None, Meta(description="password of `username`")] = None
    api_key: Annotated[Secret | None, Meta(description="API key, encoded or as `id:key`; in place of a user")] = None
    tls: Annotated[TlsConfig, Meta(description="how the server of an https address is verified")] = TlsConfig()
    compression: Annotated[Literal["none", "gzip"], Meta(description="how request bodies are compressed")] = "none"
    pipeline: Annotated[str | None, Meta(description="ingest pipeline that each document goes through")] = None
    max_body_bytes: Annotated[
        int,
        Meta(description="bytes in one bulk request at most, before compression; a single document may be more", ge=1),
    ] = 10_485_760
    connect_timeout_ms: Annotated[int, Meta(description="time that connecting to a node may take", ge=1)] = 5_000

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic. Addresses are not repeated: they may hold a password."""
        if self.format not in ("json", "wlf"):
            raise ValueError(
                f"expected format json, for documents are made of the events' own fields, got {self.format}"
            )
        if self.url is not None and self.urls:
            raise ValueError("expected `url` or `urls`, got both")
        for url in self.nodes:
            _check_url(url)
        if (self.username is None) != (self.password is None):
            raise ValueError("expected `username` and `password` together, got one of them")
        if self.api_key is not None and self.username is not None:
            raise ValueError("expected `api_key` or `username`, got both")

    @property
    def nodes(self) -> tuple[str, ...]:
        """The addresses in the order they are tried, without a slash at the end."""
        return tuple(url.rstrip("/") for url in self.urls or (self.url or DEFAULT_URL,))


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url: expected an address such as http://localhost:9200")
    if parts.username is not None or parts.password is not None:
        raise ValueError("expected an address without a user, which belongs into `username` and `password`")
    if parts.query or parts.fragment:
        raise ValueError("expected an address without ? and #")
