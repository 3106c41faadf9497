"""What OpenSearch and Elasticsearch have in common as test servers: settings and requests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.ports import free_port
from tests.servers.server import Server

LOG_CONFIG = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d][%p][%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


class SearchServer(Server):
    """A single node without security; `options` are node settings over the defaults."""

    settings_file: ClassVar[str]
    deletable: ClassVar[tuple[str, ...]]
    defaults: ClassVar[dict[str, str]] = {
        "cluster.name": "wlf",
        "node.name": "wlf",
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "action.destructive_requires_name": "false",
        # A full disk on a developer's machine must not turn indices read-only.
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }

    def __init__(
        self,
        datadir: Path | str,
        *,
        options: Mapping[str, str] | None = None,
        edition: str | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.transport_port = free_port()
        self.options = {**self.defaults, **(options or {})}

    @property
    def url(self) -> str:
        """The address as clients take it."""
        return f"http://{self.address}"

    def request(self, method: str, path: str, body: object = None, *, timeout_s: float = 30) -> Any:
        """The decoded answer; a body of bytes goes out as newline-delimited JSON, any other as JSON.

        An error status raises `urllib.error.HTTPError`.
        """
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        headers = {} if raw is None else {"Content-Type": kind}
        asked = urllib.request.Request(self.url + path, raw, headers, method=method)
        with urllib.request.urlopen(asked, timeout=timeout_s) as answer:
            return json.loads(answer.read() or b"null")

    def documents(self, index: str) -> dict[str, Any]:
        """The documents of an index by their id, 10,000 at most, after a refresh."""
        self.request("POST", f"/{index}/_refresh")
        found = self.request("GET", f"/{index}/_search?size=10000")
        return {hit["_id"]: hit["_source"] for hit in found["hits"]["hits"]}

    def reset(self) -> None:
        """Delete all indices and templates, and data streams where there are any."""
        for what in self.deletable:
            self.request("DELETE", f"/{what}")

    def prepare(self) -> None:
        self.config.mkdir()
        (self.config / "log4j2.properties").write_text(LOG_CONFIG)

    def is_ready(self) -> bool:
        try:
            health = self.request("GET", "/_cluster/health", timeout_s=2)
        except (OSError, urllib.error.URLError):
            return False
        return bool(health["status"] in ("green", "yellow"))

    @property
    def config(self) -> Path:
        """The directory of the node's configuration files."""
        return self.datadir / "config"

    def write_settings(self) -> None:
        """Write the settings file anew, before each start."""
        where = {
            "http.port": str(self.port),
            "transport.port": str(self.transport_port),
            "path.data": str(self.datadir / "data"),
            "path.logs": str(self.datadir / "logs"),
        }
        settings = "".join(f"{name}: {json.dumps(value)}\n" for name, value in {**where, **self.options}.items())
        (self.config / self.settings_file).write_text(settings)
