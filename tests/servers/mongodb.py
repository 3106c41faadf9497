"""MongoDB's wire protocol as a test server: SecantusDB, an engine of its own on WiredTiger, out of a wheel.

A MongoDB server itself is in no package registry. It runs in a process and a folder of its own: its license (GPL-2)
allows no more.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.servers.cache import Recipe
from tests.servers.commands import run
from tests.servers.server import Server


def install(home: Path, version: str) -> str:
    """The wheel with all it needs, in a folder of its own; the version."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
    run([*pip, "--target", str(home / "lib"), f"secantusdb=={version}"])
    return version


class MongoDB(Server):
    """A single-node replica set; `tls` is a PEM file with certificate and key, `auth` asks for a login."""

    recipe = Recipe("mongodb", "0.7.0b3", install)

    def __init__(
        self,
        datadir: Path | str,
        *,
        options: Mapping[str, str] | None = None,
        auth: bool = False,
        edition: str | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.options = dict(options or {})
        self.auth = auth

    @property
    def uri(self) -> str:
        """The address as clients take it."""
        return f"mongodb://{self.address}"

    def connect(self, **options: Any) -> MongoClient[dict[str, Any]]:
        """A client that waits a second for the server at most."""
        # Without a second connection that listens: it would still be opened when the client is closed again.
        once = {"serverSelectionTimeoutMS": 1000, "serverMonitoringMode": "poll", "directConnection": True}
        return MongoClient(self.uri, **{**once, **options})

    def documents(self, database: str, collection: str) -> list[dict[str, Any]]:
        """All documents in the order of their ids."""
        with self.connect() as client:
            return list(client[database][collection].find().sort("_id"))

    def argv(self) -> list[str]:
        where = ["--host", self.host, "--port", str(self.port), "--storage-path", str(self.datadir / "data")]
        chosen = [part for name, value in self.options.items() for part in (f"--{name}", value)]
        login = ["--auth"] if self.auth else []
        python = ["env", f"PYTHONPATH={self.home / 'lib'}", "PYTHONUNBUFFERED=1", sys.executable, "-m", "secantus"]
        return [*python, *where, "--cache-size", "100M", "--sync-on-commit", *login, *chosen]

    def is_ready(self) -> bool:
        if any(name.startswith("tls") for name in self.options):
            return f"listening on {self.address}" in self.log_since_start()
        try:
            with self.connect() as client:
                return bool(client.admin.command("hello")["ok"])
        except PyMongoError:
            return False
