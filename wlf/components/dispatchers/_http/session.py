"""Connections to the server: one request out, its answer judged."""

from __future__ import annotations

import asyncio
import base64
import gzip
import os
from collections.abc import Callable

import aiohttp
import yarl

from wlf.components.dispatchers._http.answers import Answer, Fate, excerpt, judge, wait_of
from wlf.components.dispatchers._http.options import HttpConfig
from wlf.components.tls import certificate_refused, ssl_context
from wlf.errors import SetupError

_COMPRESSED_ON_LOOP_BYTES = 65_536
_MAX_ANSWER_BYTES = 65_536
"""Of an answer that is longer no more is read, and its connection is given up."""
_TYPES = {"ndjson": "application/x-ndjson", "array": "application/json"}


class Session:
    """Sends requests; `now` gives seconds since 1970."""

    def __init__(self, config: HttpConfig, now: Callable[[], float]) -> None:
        self._config = config
        self._now = now
        self._is_constant = config.url.constant is not None
        login = _authorization(config)
        headers = {"Content-Type": _TYPES[config.body], "User-Agent": "wlf", **login}
        given = {name: value.reveal() for name, value in config.headers.items()}
        known = {name.lower() for name in given}
        self._headers = {name: value for name, value in headers.items() if name.lower() not in known} | given
        if config.compression == "gzip":
            self._headers["Content-Encoding"] = "gzip"
        self._secrets = _secrets(config, login, given)
        tls = config.server.startswith("https:")
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(ssl=(ssl_context(config.tls) or True) if tls else True),
        )

    async def send(self, url: str, body: bytes, key: str | None, seconds: float) -> Answer:
        """One request, in as much time as it may take.

        Raises:
            SetupError: the certificate, the login or the address is wrong.
        """
        if self._config.compression == "gzip":
            body = await _compressed(body)
        headers = self._headers if key is None else {**self._headers, "Idempotency-Key": key}
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=self._config.connect_timeout_ms / 1000)
        server = self._config.server
        try:
            async with self._http.request(
                self._config.method,
                yarl.URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as answer:
                return await self._judged(answer)
        except TimeoutError:
            return Answer(Fate.LOST, f"{server}: no answer in time")
        except (aiohttp.ClientError, OSError) as error:
            if certificate_refused(error):
                raise SetupError(f"{server}: {_text(error)}", hint="look at tls.ca") from error
            return Answer(Fate.LOST, f"{server}: {_text(error)}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _judged(self, answer: aiohttp.ClientResponse) -> Answer:
        """The status is known by now: whatever happens to the rest of the answer changes nothing."""
        config = self._config
        fate = judge(answer.status, server=config.server, is_constant=self._is_constant)
        body = await _beginning(answer)
        if fate is Fate.DELIVERED:
            return Answer(fate)
        said = excerpt(body, self._secrets, config.max_reason_bytes)
        reason = f"{answer.status} {answer.reason or ''}".rstrip() + (f": {said}" if said else "")
        after = wait_of(answer.headers.get("Retry-After"), self._now(), config.max_retry_after_ms / 1000)
        return Answer(fate, reason, after)


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    found = b""
    try:
        while len(found) < _MAX_ANSWER_BYTES and (some := await answer.content.read(_MAX_ANSWER_BYTES)):
            found += some
    except (aiohttp.ClientError, OSError, TimeoutError):
        answer.close()
    return found


def _authorization(config: HttpConfig) -> dict[str, str]:
    if config.bearer_token is not None:
        return {"Authorization": f"Bearer {config.bearer_token.reveal()}"}
    if config.username is not None and config.password is not None:
        login = f"{config.username}:{config.password.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(login).decode()}"}
    return {}


def _secrets(config: HttpConfig, login: dict[str, str], headers: dict[str, str]) -> list[str]:
    """What no reason may hold, longest first."""
    own = [secret.reveal() for secret in (config.password, config.bearer_token) if secret is not None]
    encoded = [value.partition(" ")[2] for value in login.values()]
    return sorted({text for text in (*own, *encoded, *headers.values()) if text}, key=len, reverse=True)


async def _compressed(body: bytes) -> bytes:
    if len(body) < _COMPRESSED_ON_LOOP_BYTES:
        return gzip.compress(body, 1, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, 1, mtime=0)


def _text(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        # Its own text names a Python object; numbers below 0 are those of name lookups.
        number = error.os_error.errno or 0
        return os.strerror(number) if number > 0 else error.os_error.strerror or str(error.os_error)
    if isinstance(error, aiohttp.InvalidURL):
        return "the address cannot be used"  # its text is the address
    return " ".join(str(error).split()) or type(error).__name__
