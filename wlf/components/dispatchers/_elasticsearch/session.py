"""HTTP to one of several nodes. The client library adds no product check: Elasticsearch and OpenSearch are the same."""

from __future__ import annotations

import asyncio
import base64
import gzip
import os
import ssl
from urllib.parse import urlencode

import aiohttp

from wlf.components.dispatchers._elasticsearch.options import ElasticsearchConfig
from wlf.components.dispatchers._elasticsearch.replies import FILTER, check_status
from wlf.components.tls import ssl_context
from wlf.errors import Retryable, SetupError

_ANSWER_SHARE = 0.9
"""Of `timeout_ms`: a request gives up here, before the runtime cuts it off."""
_COMPRESSED_ON_LOOP_BYTES = 65_536


class Session:
    """Connections to the nodes; when one fails, the next request goes to the next."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._nodes = config.nodes
        self._at = 0
        self._gzip = config.compression == "gzip"
        query = {"filter_path": FILTER} | ({"pipeline": config.pipeline} if config.pipeline is not None else {})
        self._bulk = f"/_bulk?{urlencode(query, safe='*,')}"
        tls = any(node.startswith("https:") for node in self._nodes)
        timeout = aiohttp.ClientTimeout(
            total=config.timeout_ms / 1000 * _ANSWER_SHARE, sock_connect=config.connect_timeout_ms / 1000
        )
        self._http = aiohttp.ClientSession(
            headers=_authorization(config),
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(ssl=(ssl_context(config.tls) or True) if tls else True),
        )

    async def greet(self) -> None:
        """Is there a server, and does it take the login? Raises SetupError and Retryable."""
        status, body = await self._request("GET", "/", None, {})
        if status not in (403, 405):  # a user who may only write may not ask; a bare server has nobody who answers
            check_status(status, body)

    async def bulk(self, body: bytes) -> bytes:
        """The answer to a bulk request. Raises TooLarge, Retryable and SetupError."""
        headers = {"Content-Type": "application/x-ndjson"}
        if self._gzip:
            headers["Content-Encoding"] = "gzip"
            body = await _compressed(body)
        status, answer = await self._request("POST", self._bulk, body, headers)
        if status in (502, 503, 504):
            self._leave()
        check_status(status, answer)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        node = self._nodes[self._at]
        try:
            sending = self._http.request(method, node + path, data=body, headers=headers, allow_redirects=False)
            async with sending as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            self._leave()
            raise SetupError(f"{node}: {_text(error)}", hint="look at tls.ca") from error
        except TimeoutError as error:
            self._leave()
            raise Retryable(f"{node}: no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            self._leave()
            raise Retryable(f"{node}: {_text(error)}") from error

    def _leave(self) -> None:
        self._at = (self._at + 1) % len(self._nodes)


def _authorization(config: ElasticsearchConfig) -> dict[str, str]:
    if config.api_key is not None:
        key = config.api_key.reveal()
        # An encoded key is base64, which has no colon.
        return {"Authorization": f"ApiKey {base64.b64encode(key.encode()).decode() if ':' in key else key}"}
    if config.username is not None and config.password is not None:
        login = f"{config.username}:{config.password.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(login).decode()}"}
    return {}


async def _compressed(body: bytes) -> bytes:
    if len(body) < _COMPRESSED_ON_LOOP_BYTES:
        return gzip.compress(body, 1, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, 1, mtime=0)


def _text(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        # Its own text repeats the address and names a Python object; numbers below 0 are those of name lookups.
        number = error.os_error.errno or 0
        return os.strerror(number) if number > 0 else error.os_error.strerror or str(error.os_error)
    return " ".join(str(error).split()) or type(error).__name__
