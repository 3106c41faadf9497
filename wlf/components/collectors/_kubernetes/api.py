"""Requests to the API server, with the credentials of a pod or of a kubeconfig."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from wlf.components.collectors._kubernetes.objects import decode_status
from wlf.errors import SetupError

if TYPE_CHECKING:
    import httpx2
    from lightkube.config.kubeconfig import SingleConfig

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ANSWER_SECONDS = 30.0
"""How long a connection and an answer may take."""
MAX_RETRY_AFTER = 30.0


class ApiError(Exception):
    """The API server could not be asked, or refused.

    Args:
        reason: a word for the counter: `forbidden`, `unauthorized`, `gone`, `unreachable` ...
        status: of the answer; 0 where there is none.
        retry_after: the seconds to wait that the answer asks for.
    """

    def __init__(self, reason: str, message: str, status: int = 0, retry_after: float = 0.0) -> None:
        self.reason = reason
        self.status = status
        self.retry_after = retry_after
        super().__init__(message)


class Gone(ApiError):
    """The version that was asked for is too old: all must be listed anew."""

    def __init__(self, message: str) -> None:
        super().__init__("gone", message, 410)


class Api:
    """One API server.

    lightkube reads the configuration, and makes a client that verifies the server, shows who wlf is, and reads a token
    again that is refused. What is asked for, and what is done with the answers, is decided here.
    """

    def __init__(self, config: SingleConfig) -> None:
        self._config = config
        self._client: httpx2.AsyncClient | None = None

    def another(self) -> Api:
        """The same with connections of its own: what fails there disturbs nothing here."""
        return Api(self._config)

    @property
    def server(self) -> str:
        """Its address."""
        return self._config.cluster.server

    async def get(self, path: str, params: Mapping[str, str]) -> bytes:
        """A whole answer. Raises ApiError."""
        try:
            response = await self._opened().get(path, params=dict(params))
            if response.status_code != 200:
                raise refusal(response.status_code, response.content, response.headers.get("Retry-After", ""))
            return response.content
        except _failures() as error:
            raise await self._failed(error) from error

    async def lines(self, path: str, params: Mapping[str, str], quiet_seconds: float) -> AsyncGenerator[bytes, None]:
        """The lines of an answer that goes on, an empty one as soon as it begins. Raises ApiError."""
        import httpx2

        timeout = httpx2.Timeout(ANSWER_SECONDS, read=quiet_seconds)
        rest = b""
        try:
            async with self._opened().stream("GET", path, params=dict(params), timeout=timeout) as response:
                if response.status_code != 200:
                    body = await response.aread()
                    raise refusal(response.status_code, body, response.headers.get("Retry-After", ""))
                yield b""
                async for chunk in response.aiter_bytes():
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield line
        except _failures() as error:
            raise await self._failed(error) from error

    async def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            from httpx2 import Timeout
            from lightkube.config.client_adapter import AsyncClient, ConnectionParams

            self._client = AsyncClient(self._config, ConnectionParams(timeout=Timeout(ANSWER_SECONDS)))
        return self._client

    async def _failed(self, error: Exception) -> ApiError:
        """The next request begins with a new client, which reads the certificates again: they may have been renewed."""
        await self.close()
        text = str(error) or type(error).__name__
        return ApiError("unreachable", f"{self.server}: {text}")


def refusal(status: int, body: bytes, retry_after: str = "") -> ApiError:
    """What an answer other than 200 says."""
    try:
        message = decode_status(body).message
    except msgspec.DecodeError:
        message = ""
    text = message[:500] or f"the API server answered {status}"
    if status == 410:
        return Gone(text)
    reasons = {401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "too_many_requests"}
    seconds = min(float(retry_after), MAX_RETRY_AFTER) if retry_after.isdecimal() else 0.0
    return ApiError(reasons.get(status, "refused"), text, status, seconds)


def configured_api(kubeconfig: str | None, context: str | None) -> Api:
    """By the kubeconfig that is named, else that of the pod, else `$KUBECONFIG` or `~/.kube/config`.

    Raises:
        SetupError: there is none, or it cannot be used.
    """
    try:
        from lightkube.config.kubeconfig import KubeConfig
    except ImportError as error:
        raise SetupError(f"Kubernetes needs the library {error.name}", hint='pip install "wlf[kubernetes]"') from error
    try:
        if kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            return Api(_checked(KubeConfig.from_service_account(SERVICE_ACCOUNT).get()))
        path = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        return Api(_checked(KubeConfig.from_file(path).get(context)))
    except Exception as error:  # whatever is wrong in a file that others wrote
        where = "kubeconfig" if kubeconfig else "api"
        raise SetupError(
            f"{where}: cannot tell how to reach the API server: {error}",
            hint="run in a pod with a service account, name a kubeconfig, or set `api: none` to do without",
        ) from error


def _checked(config: SingleConfig | None) -> SingleConfig:
    if config is None:
        raise ValueError("it has no current context")
    return config


def _failures() -> tuple[type[Exception], ...]:
    """What a request can fail by, beside a refusal."""
    import httpx2
    from lightkube.core.exceptions import ConfigError

    return httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ConfigError, OSError, asyncio.TimeoutError
