"""Where the server is, as sentinels tell: asked before every connection, for it moves when the server is lost.

https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import RedisError

from wlf.components.dispatchers._redis.options import RedisConfig
from wlf.components.dispatchers._redis.replies import refusal
from wlf.errors import Retryable

DEFAULT_PORT = 26_379


async def find_master(
    config: RedisConfig, connect: type[Connection] | type[SSLConnection], **tls: Any
) -> tuple[str, int]:
    """(host, port) of the server that the first sentinel with an answer names.

    Raises:
        SetupError: a sentinel refuses the password.
        Retryable: no sentinel can be reached, or none knows such a server.
    """
    reasons: list[str] = []
    for address in config.sentinels:
        host, port = _split(address)
        try:
            async with asyncio.timeout(config.connect_timeout_ms / 1000):
                found = await _ask(config, connect(host=host, port=port, **_login(config), **tls))
        except (RedisError, OSError, TimeoutError) as error:
            refused = refusal(error, address) if isinstance(error, RedisError) else None
            if refused is not None:
                raise refused from error
            reasons.append(f"{address}: {error or type(error).__name__}")
            continue
        if found is not None:
            return found
        reasons.append(f"{address}: knows no server {config.sentinel_master!r}")
    raise Retryable("; ".join(reasons))


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        return address.strip("[]"), DEFAULT_PORT
    return host.strip("[]"), int(port)


def _login(config: RedisConfig) -> dict[str, Any]:
    password = config.sentinel_auth.reveal() if config.sentinel_auth is not None else None
    return {"password": password, "socket_connect_timeout": config.connect_timeout_ms / 1000, "protocol": 2}


async def _ask(config: RedisConfig, connection: Any) -> tuple[str, int] | None:
    try:
        await connection.connect()
        await connection.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", config.sentinel_master)
        answer = await connection.read_response()
    finally:
        await connection.disconnect(nowait=True)
    if answer is None:
        return None
    host, port = answer
    return (host.decode() if isinstance(host, bytes) else str(host)), int(port)
