"""Redis as a test server, from the Debian suite that its edition names (bookworm has 7.0)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import debian
from tests.servers.cache import Recipe
from tests.servers.commands import run
from tests.servers.server import Server

DEFAULTS: dict[str, str] = {
    "save": "",
    "appendonly": "yes",  # what was acknowledged is there after a kill: the kernel has it
    "appendfsync": "no",
    "protected-mode": "no",
}


def install(home: Path, suite: str) -> str:
    """Unpack the server and its client; the version."""
    debian.unpack(home, suite, ["redis-server", "redis-tools"], ("redis-server", "redis-cli"))
    return run([home / "bin" / "redis-server", "--version"]).split("v=")[1].split()[0]


class Redis(Server):
    """A Redis server; `options` are configuration directives over the defaults."""

    recipe = Recipe("redis", "bookworm", install)

    def __init__(
        self,
        datadir: Path | str,
        *,
        options: Mapping[str, str] | None = None,
        edition: str | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.options = {**DEFAULTS, **(options or {})}

    @property
    def url(self) -> str:
        """The address as clients take it."""
        return f"redis://{self.address}/0"

    def connect(self, **options: Any) -> redis.Redis:
        """A client of this server that tries once; every argument of `redis.Redis` is taken."""
        once = {"host": self.host, "port": self.port, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis(**{**once, **options})

    def reset(self) -> None:
        """Delete all keys of all databases."""
        with self.connect(password=self.options.get("requirepass")) as client:
            client.flushall()

    def argv(self) -> list[str]:
        where = ["--bind", self.host, "--port", str(self.port), "--dir", str(self.datadir)]
        chosen = [part for name, value in self.options.items() for part in (f"--{name}", value)]
        return [str(self.home / "bin" / "redis-server"), *where, *chosen]

    def is_ready(self) -> bool:
        try:
            with self.connect(password=self.options.get("requirepass"), socket_timeout=2) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
