"""A small HTTP endpoint for `/metrics`, `/healthz` and `/readyz`: GET and HEAD, one answer a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from wlf.errors import SetupError

MAX_REQUEST_BYTES = 8_192
REQUEST_SECONDS = 5.0
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
_TEXT = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


class HttpEndpoint:
    """Serves what the run says about itself.

    Args:
        exposition: the metrics in Prometheus' text form.
        problems: what has failed for good; empty while the run is healthy.
        troubles: the nodes that are not ready, with the reason.
    """

    def __init__(
        self,
        exposition: Callable[[], str],
        problems: Callable[[], list[str]],
        troubles: Callable[[], Mapping[str, str]],
    ) -> None:
        self._exposition = exposition
        self._problems = problems
        self._troubles = troubles
        self._server: asyncio.Server | None = None

    async def open(self, address: str) -> None:
        """Listen on `HOST:PORT` (`[::1]:PORT` for IPv6). Raises SetupError."""
        host, separator, port = address.rpartition(":")
        if not separator or not port.isdecimal():
            raise SetupError(f"http: expected HOST:PORT, got {address!r}")
        try:
            self._server = await asyncio.start_server(
                self._serve, host.strip("[]") or None, int(port), limit=MAX_REQUEST_BYTES
            )
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SetupError(f"http: cannot listen on {address}: {reason}") from error

    @property
    def port(self) -> int:
        """The port, also where 0 was asked for."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status, kind, body, with_body = await self._answer(reader)
            content = body.encode()
            head = (
                f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
                f"{'Allow: GET, HEAD' + chr(13) + chr(10) if status == 405 else ''}Connection: close\r\n\r\n"
            )
            writer.write(head.encode() + (content if with_body else b""))
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(REQUEST_SECONDS):
                    await writer.drain()
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, str, str, bool]:
        """(status, content type, body, is the body sent)."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return 431, _TEXT, "request too large\n", True
        except TimeoutError:
            return 408, _TEXT, "request took too long\n", True
        except (asyncio.IncompleteReadError, OSError):
            return 400, _TEXT, "request cut short\n", True
        words = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return 400, _TEXT, "expected an HTTP/1 request\n", True
        if words[0] not in ("GET", "HEAD"):
            return 405, _TEXT, "expected GET or HEAD\n", True
        status, kind, body = self._page(words[1].partition("?")[0])
        return status, kind, body, words[0] == "GET"

    def _page(self, path: str) -> tuple[int, str, str]:
        if path == "/metrics":
            return 200, _METRICS, self._exposition()
        if path == "/healthz":
            problems = self._problems()
            return (503, _TEXT, "".join(f"{line}\n" for line in problems)) if problems else (200, _TEXT, "ok\n")
        if path == "/readyz":
            troubles = self._troubles()
            lines = "".join(f"{node}: {reason}\n" for node, reason in sorted(troubles.items()))
            return (503, _TEXT, lines) if troubles else (200, _TEXT, "ready\n")
        return 404, _TEXT, "expected /metrics, /healthz or /readyz\n"
