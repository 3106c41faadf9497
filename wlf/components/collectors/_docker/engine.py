"""The connection to an Engine: what it is asked, and what its refusals mean.

The client library brings connections and versions of the API. Its own log stream does not tell the two streams apart
and takes a broken connection for the end, so logs and notices are read from the answer's bytes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiodocker
import aiohttp

from wlf.components.collectors._docker.moments import normal
from wlf.components.collectors._docker.options import DockerConfig
from wlf.components.tls import certificate_refused, ssl_context
from wlf.errors import Retryable, SetupError

BUFFER_BYTES = 32_768
"""The client stops reading a log when twice as much waits."""
NEVER = "0001-01-01T00:00:00Z"
_GONE = 404
_NO_CLIENT_ERROR = 900
"""What the client library calls a connection that fails."""
_FORBIDDEN = (401, 403)
_NOT_IMPLEMENTED = 501


class Gone(Exception):
    """The container was removed."""


class Unreadable(Exception):
    """The Engine does not give this log."""

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


class Broken(Exception):
    """A log stream broke off."""


class Notice(NamedTuple):
    """What happened to a container."""

    container: str
    action: str


class Engine:
    """An Engine's API, over one session that holds all connections."""

    def __init__(self, config: DockerConfig) -> None:
        self._config = config
        self._address = config.address
        self.is_podman = False
        self._timeout = aiohttp.ClientTimeout(total=config.timeout_ms / 1000)
        self._endless = aiohttp.ClientTimeout(total=None, sock_connect=config.timeout_ms / 1000)
        self._session: aiohttp.ClientSession | None = None
        self._client: aiodocker.Docker | None = None

    async def open(self) -> None:
        """Connect, and see who it is. Raises SetupError and Retryable."""
        parts = urlsplit(self._address)
        if parts.scheme == "unix":
            connector: aiohttp.BaseConnector = aiohttp.UnixConnector(parts.path, limit=0)
            url = "unix://localhost"
        else:
            context = ssl_context(self._config.tls or parts.scheme == "https")
            connector = aiohttp.TCPConnector(ssl=context or True, limit=0)
            url = f"{'http' if context is None else 'https'}://{parts.netloc}"
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, read_bufsize=BUFFER_BYTES)
        self._client = aiodocker.Docker(url, session=self._session, connector=connector, timeout=self._timeout)
        version = await self._ask(self._client.version())
        self.is_podman = any("podman" in part.get("Name", "").lower() for part in version.get("Components") or ())

    async def close(self) -> None:
        """End all connections."""
        client, self._client = self._client, None
        session, self._session = self._session, None
        if client is not None:
            await client.close()
        if session is not None:
            await session.close()

    async def time(self) -> str:
        """What its clock says, in normal form."""
        assert self._client is not None
        info = await self._ask(self._client.system.info())
        return normal(str(info["SystemTime"]))

    async def containers(self) -> dict[str, bool]:
        """All there are, by id: does each run?"""
        assert self._client is not None
        found = await self._ask(self._client.containers.list(all=True))
        return {container.id: container["State"] == "running" for container in found}

    async def inspect(self, container: str) -> Mapping[str, Any]:
        """Everything about one. Raises Gone."""
        assert self._client is not None
        try:
            shown: Mapping[str, Any] = await self._ask(self._client.containers.container(container).show())
        except Retryable as error:
            if isinstance(error.__cause__, aiodocker.DockerError) and error.__cause__.status == _GONE:
                raise Gone from error
            raise
        return shown

    @asynccontextmanager
    async def log(self, container: str, since: str, *, follow: bool) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of its log stream. Raises Gone, Unreadable and Broken."""
        parameters = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": str(int(follow)), "since": since}
        async with self._stream(f"containers/{container}/logs", parameters) as answer:
            if answer.status == _GONE:
                raise Gone
            if answer.status != 200:
                raise Unreadable(await _message(answer), is_final=answer.status == _NOT_IMPLEMENTED)
            yield _bytes(answer)

    async def notices(self, since: str) -> AsyncIterator[Notice]:
        """What happens to containers. Raises Retryable when the Engine is gone."""
        parameters = {"since": since, "filters": json.dumps({"type": ["container"]})}
        try:
            async with self._stream("events", parameters) as answer:
                if answer.status != 200:
                    raise Retryable(f"{self._address}: cannot listen to events: {await _message(answer)}")
                async for line in answer.content:
                    notice = _notice(line)
                    if notice is not None:
                        yield notice
        except (Broken, aiohttp.ClientError, OSError, ValueError) as error:
            raise Retryable(f"{self._address}: {_reason(error)}") from error
        raise Retryable(f"{self._address}: the Engine ended the connection")

    @asynccontextmanager
    async def _stream(self, path: str, parameters: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._client is not None
        assert self._session is not None
        url = f"{self._client.docker_host}/{self._client.api_version}/{path}"
        try:
            answer = await self._session.get(url, params=parameters, timeout=self._endless)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Broken(_reason(error)) from error
        try:
            yield answer
        finally:
            answer.close()

    async def _ask(self, question: Any) -> Any:
        try:
            return await question
        except aiodocker.DockerError as error:
            self._refuse(error)
            raise Retryable(f"{self._address}: {error.message}") from error
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
            raise Retryable(f"{self._address}: {_reason(error)}") from error

    def _refuse(self, error: aiodocker.DockerError) -> None:
        """Raises SetupError for what trying again cannot mend."""
        if certificate_refused(error):
            raise SetupError(
                f"{self._address}: the server's certificate is not trusted: {error.message}",
                hint="name its authority in tls.ca",
            ) from error
        if error.status in _FORBIDDEN:
            raise SetupError(f"{self._address}: {error.message}") from error
        if error.status == _NO_CLIENT_ERROR and "Permission denied" in error.message:
            raise SetupError(
                f"{self._address}: permission denied", hint="let the user who runs wlf into the socket's group"
            ) from error


async def _bytes(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        while chunk := await answer.content.readany():
            yield chunk
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        raise Broken(_reason(error)) from error


async def _message(answer: aiohttp.ClientResponse) -> str:
    text = (await answer.read()).decode(errors="replace").strip()
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text


def _notice(line: bytes) -> Notice | None:
    told = json.loads(line)
    container = (told.get("Actor") or {}).get("ID") or told.get("id")
    action = told.get("Action") or told.get("status")
    return Notice(container, action) if container and action else None


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
