"""Small pipelines of a real `wlf run`, and what it has stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.wlf_run import WlfRun
from tests.servers.sql import SqlServer
from wlf.components.collectors._binlog.place import PARTITION, Position, decode_position
from wlf.runtime.store import read_cursors


def binlog(server: SqlServer, destination: str, **options: Any) -> dict[str, Any]:
    """A Binlog collector of this server with root's account."""
    account = {"host": "127.0.0.1", "port": server.port, "user": server.user, "password": server.password}
    return {"id": "binlog", "type": "Binlog", "destination": destination, **account, **options}


def to_files(directory: Path, *formats: str) -> list[dict[str, Any]]:
    """A File dispatcher for each format, named by it."""
    return [
        {"id": format, "type": "File", "path": str(directory / f"{format}.jsonl"), "format": format}
        for format in formats
    ]


def written(directory: Path, format: str = "wlf") -> list[dict[str, Any]]:
    """The complete lines of a file."""
    path = directory / f"{format}.jsonl"
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [json.loads(line) for line in whole.splitlines()]


def to_one_file(directory: Path, server: SqlServer, **options: Any) -> WlfRun:
    """A run from a server into `wlf.jsonl`, with a checkpoint every 100 ms."""
    config = {"collectors": [binlog(server, "wlf", **options)], "dispatchers": to_files(directory, "wlf")}
    return WlfRun(directory, {"checkpoint_interval_ms": 100, **config})


def stored(run: WlfRun) -> dict[str, bytes]:
    """The positions of a run's one dispatcher, also while it runs."""
    if not run.state.exists():
        return {}
    return {
        partition: cursor.position
        for cursors in read_cursors(run.state, "test").values()
        for partition, cursor in cursors.items()
        if cursor.position is not None
    }


def stored_place(run: WlfRun) -> Position | None:
    """The place in the binlog that a run has stored."""
    found = stored(run).get(PARTITION)
    return None if found is None else decode_position(found)
