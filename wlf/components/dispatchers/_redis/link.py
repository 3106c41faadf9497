"""One connection to a Redis server: bytes out, replies in, and errors sorted by who must act."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from redis._parsers.base import BaseParser
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError, ResponseError

from wlf.components.dispatchers._redis.options import RedisConfig
from wlf.components.dispatchers._redis.replies import PASSING, code_of, reason_of, refusal
from wlf.components.dispatchers._redis.sentinel import find_master
from wlf.components.tls import TlsConfig, certificate_refused, ssl_context
from wlf.errors import Retryable, SetupError

hiredis: Any
try:
    import hiredis
except ImportError:  # there is no wheel for every machine: then it is slower
    hiredis = None

GOODBYE_S = 0.5
READ_BYTES = 65_536
_INCOMPLETE = object()
_WELL = frozenset((bytes, int))
ANSWER_SHARE = 0.9
"""Of `timeout_ms`: the server's silence is noticed here, with a reason, before the runtime cuts the delivery off."""


class Link:
    """The dispatcher's connection; opened when it is needed, closed after every failure."""

    def __init__(self, config: RedisConfig) -> None:
        self._config = config
        self._connection: Any = None  # the client's connections are typed by halves
        self._reader: Any = None

    async def open(self) -> None:
        """Connect, log in and select the database.

        Raises:
            SetupError: the password, the database number or the server's certificate is wrong.
            Retryable: the server cannot be reached, or is still loading its data.
        """
        if self._connection is not None:
            return
        connection = _new(self._config, await self._place())
        try:
            async with asyncio.timeout(self._config.connect_timeout_ms / 1000):
                await connection.connect()
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, RedisError | OSError | TimeoutError):
                raise _why(error, self._config) from error
            raise
        self._connection = connection
        self._reader = new_reader()

    async def _place(self) -> tuple[str, int]:
        """(host, port) to connect to."""
        config = self._config
        if not config.sentinels:
            return config.host, config.port
        if config.tls is False:
            return await find_master(config, Connection)
        return await find_master(config, SSLConnection, **_tls(config.tls))

    async def exchange(self, packed: bytes, replies: int) -> list[Any]:
        """Send packed commands and read as many replies; an error reply is an item of the list, not raised.

        Raises:
            SetupError: the server does not let this user in.
            Retryable: the connection broke or the server fell silent; commands may have run, or not.
        """
        await self.open()
        limit_ms = int(self._config.timeout_ms * ANSWER_SHARE)
        try:
            async with asyncio.timeout(limit_ms / 1000):
                await self._connection.send_packed_command([packed])
                return await self._replies(replies)
        except BaseException as error:
            await self.close()
            if isinstance(error, TimeoutError):
                raise Retryable(f"{self._config.address}: no answer in {limit_ms} ms") from error
            if isinstance(error, RedisError | OSError):
                raise _why(error, self._config) from error
            raise

    async def _replies(self, count: int) -> list[Any]:
        """Read that many replies.

        The connection's public read_response() sets up a timeout and a host name for each reply, which would be more
        than half of all the work here, and its parser's own is a coroutine for each: so the replies are taken right out
        of hiredis, where that is installed.
        """
        reader = self._reader
        if reader is None:
            return [await self._connection._parser.read_response() for _ in range(count)]
        replies: list[Any] = []
        take, read = reader.gets, self._connection._reader.read
        while len(replies) < count:
            reply = take()
            while reply is not _INCOMPLETE:
                replies.append(reply)
                reply = take()
            if len(replies) < count:
                chunk = await read(READ_BYTES)
                if not chunk:
                    raise RedisConnectionError("the server closed the connection")
                reader.feed(chunk)
        if not _WELL.issuperset(map(type, replies)):
            _raise_lost(replies)
        return replies

    async def close(self) -> None:
        """Let go of the connection, whatever state it is in."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # TLS says goodbye before the socket closes; a server that is gone never answers it.
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await connection.disconnect()


def new_reader() -> Any:
    """What makes replies of bytes, with the client's own errors; None without hiredis."""
    if hiredis is None:
        return None
    return hiredis.Reader(protocolError=InvalidResponse, replyError=BaseParser.parse_error, notEnoughData=_INCOMPLETE)


def _raise_lost(replies: list[Any]) -> None:
    """Raise what says that the server cannot be used, such as one that is loading its data."""
    for reply in replies:
        first = reply[0] if isinstance(reply, list) and reply else reply
        if isinstance(first, RedisConnectionError):
            raise first


def _new(config: RedisConfig, place: tuple[str, int]) -> Any:
    options: dict[str, Any] = {
        "db": config.database_number,
        "username": config.username,
        "password": config.auth.reveal() if config.auth is not None else None,
        "socket_timeout": None,
        "socket_connect_timeout": config.connect_timeout_ms / 1000,
        "protocol": 2,
    }
    if config.unix_socket is not None:
        return UnixDomainSocketConnection(path=config.unix_socket, **options)
    options |= {"host": place[0], "port": place[1], "socket_keepalive": True}
    if config.tls is False:
        return Connection(**options)
    return SSLConnection(**_tls(config.tls), **options)


def _tls(tls: TlsConfig | bool) -> dict[str, Any]:
    """How the client calls the options of TLS. Raises SetupError for files that cannot be used."""
    ssl_context(tls)  # says which file is wrong; the client only takes the file names
    options = TlsConfig() if isinstance(tls, bool) else tls
    return {
        "ssl_ca_certs": options.ca,
        "ssl_certfile": options.cert,
        "ssl_keyfile": options.key or options.cert,
        "ssl_password": options.key_password.reveal() if options.key_password is not None else None,
        "ssl_cert_reqs": "required" if options.verify else "none",
        "ssl_check_hostname": options.verify,
    }


def _why(error: Exception, config: RedisConfig) -> SetupError | Retryable:
    """What to tell the runtime about a failed connection."""
    if isinstance(error, RedisError):
        refused = refusal(error, config.address)
        if refused is not None:
            return refused
        if isinstance(error, ResponseError) and code_of(error) not in PASSING:
            return SetupError(f"{config.address}: {reason_of(error)}")
    if certificate_refused(error):
        return SetupError(f"{config.address}: {error}", hint="name the certificate authority: tls: {ca: FILE}")
    return Retryable(f"{config.address}: {error or type(error).__name__}")
