"""etcd as a test server, from the Debian suite that its edition names (trixie has 3.5)."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from tests.servers import debian
from tests.servers.cache import Recipe
from tests.servers.commands import run
from tests.servers.ports import free_port
from tests.servers.server import Server


def install(home: Path, suite: str) -> str:
    """Unpack the server; the version."""
    debian.unpack(home, suite, ["etcd-server"], ["etcd"])
    return run([home / "bin" / "etcd", "--version"]).split()[2]


class Etcd(Server):
    """One etcd, without TLS."""

    recipe = Recipe("etcd", "trixie", install)

    def __init__(self, datadir: Path | str, *, edition: str | None = None, port: int | None = None) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.peer_port = free_port()

    @property
    def url(self) -> str:
        """The address as clients take it."""
        return f"http://{self.address}"

    def argv(self) -> list[str]:
        peers = f"http://{self.host}:{self.peer_port}"
        where = ["--data-dir", f"{self.datadir}/data", "--listen-client-urls", self.url, "--listen-peer-urls", peers]
        told = ["--advertise-client-urls", self.url, "--initial-advertise-peer-urls", peers]
        written = ["--unsafe-no-fsync", "--log-level", "warn", "--initial-cluster", f"default={peers}"]
        return [str(self.home / "bin" / "etcd"), *where, *told, *written]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return b'"true"' in answer.read()
        except (urllib.error.URLError, OSError):
            return False
