"""The options of the HTTP dispatcher."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from wlf.components.config import DispatcherConfig, Secret
from wlf.components.tls import TlsConfig
from wlf.events.template import Template

_HOST_BEFORE_POINTERS = re.compile(r"https?://[^/?#\s]+/")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OUR_HEADERS = frozenset(("content-length", "content-encoding", "transfer-encoding"))


class HttpConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Options of the HTTP dispatcher."""

    url: Annotated[
        Template,
        Meta(
            description="address that takes the events; a template behind the host, such as "
            "`https://example.org/in/%{/table}`: events with the same address go together"
        ),
    ]
    method: Annotated[Literal["POST", "PUT"], Meta(description="method of the requests")] = "POST"
    body: Annotated[
        Literal["ndjson", "array"],
        Meta(description="ndjson: a line of JSON for each event; array: one JSON array of all events of the request"),
    ] = "ndjson"
    compression: Annotated[Literal["none", "gzip"], Meta(description="how request bodies are compressed")] = "none"
    username: Annotated[str | None, Meta(description="user for basic authentication")] = None
    password: Annotated[Secret | None, Meta(description="password of `username`")] = None
    bearer_token: Annotated[Secret | None, Meta(description="bearer token, in place of a user")] = None
    headers: Annotated[
        dict[str, Secret],
        Meta(description="headers of every request; their values are never shown, as they may be keys"),
    ] = {}
    idempotency_key: Annotated[
        bool,
        Meta(
            description="send `Idempotency-Key`, made of the positions of the request's events; requests with events "
            "that have none go without"
        ),
    ] = False
    tls: Annotated[TlsConfig, Meta(description="how the server of an https address is verified")] = TlsConfig()
    max_body_bytes: Annotated[
        int, Meta(description="bytes in one request at most, before compression; a single event may be more", ge=1)
    ] = 5_242_880
    connect_timeout_ms: Annotated[int, Meta(description="time that connecting may take", ge=1)] = 5_000
    max_retry_after_ms: Annotated[
        int, Meta(description="longest wait that the server can ask for with `Retry-After`", ge=0)
    ] = 300_000
    max_reason_bytes: Annotated[
        int,
        Meta(description="how much of the answer to a refused event goes into the reason; 0: nothing", ge=0, le=10_000),
    ] = 200

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic. Neither address nor headers are repeated: they may be keys."""
        if self.format == "msgpack":
            raise ValueError("expected a format that is JSON, got msgpack")
        _check_url(self.url)
        if (self.username is None) != (self.password is None):
            raise ValueError("expected `username` and `password` together, got one of them")
        if self.bearer_token is not None and self.username is not None:
            raise ValueError("expected `bearer_token` or `username`, got both")
        names = [name.lower() for name in self.headers]
        if "authorization" in names and (self.bearer_token is not None or self.username is not None):
            raise ValueError("headers: expected no Authorization beside `bearer_token` or `username`")
        for name, value in self.headers.items():
            _check_header(name, value)
        if len(set(names)) < len(names):
            raise ValueError("headers: expected each name once")
        if self.bearer_token is not None:
            _check_header("Authorization", self.bearer_token)

    @property
    def server(self) -> str:
        """Scheme, host and port, for messages: path and query may hold keys."""
        parts = urlsplit(self.url.literal_prefix)
        return f"{parts.scheme}://{parts.netloc}"


def _check_url(url: Template) -> None:
    if url.pointers and not _HOST_BEFORE_POINTERS.match(url.literal_prefix):
        raise ValueError("url: expected http:// or https:// and the host before the first %{, and a / behind the host")
    try:
        parts = urlsplit(url.literal_prefix)
        _ = parts.port
    except ValueError as error:
        raise ValueError("url: expected an address such as https://example.org/in") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url.text):
        raise ValueError("url: expected an address such as https://example.org/in")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url: expected an address without a user, which belongs into `username` and `password`")
    if "#" in url.text:
        raise ValueError("url: expected an address without #")


def _check_header(name: str, value: Secret) -> None:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OUR_HEADERS:
        raise ValueError(f"headers: expected the name of a header that is not about the body, got {name!r}")
    text = value.reveal()
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"expected printable ASCII as the value of the header {name}")
