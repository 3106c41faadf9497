"""Whole runs, as processes: files into one file of JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.wlf_run import WlfRun


class Run:
    """`wlf run` over files of `folder`, started as often as wanted. `out` holds what was delivered."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.out = folder / "out.jsonl"
        self.options = {"id": "files", "include": ["*.log*"], **options}

    def make(self, *flags: str, **options: Any) -> WlfRun:
        chosen = {**self.options, **options}
        chosen["include"] = [str(self.logs / pattern) for pattern in chosen["include"]]
        config = {
            "checkpoint_interval_ms": 100,
            "collectors": [{"type": "File", "destination": "out", **chosen}],
            "dispatchers": [{"id": "out", "type": "File", "path": str(self.out)}],
        }
        return WlfRun(self.folder / "run", config, *flags)

    def to_end(self, **options: Any) -> WlfRun:
        """One run that reads what is there."""
        run = self.make("--until-end", **options)
        run.launch()
        assert run.wait(120) == 0, run.text()
        return run

    def events(self) -> list[dict[str, Any]]:
        if not self.out.exists():
            return []
        return [json.loads(line) for line in self.out.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def lines(self) -> list[str]:
        return [event["message"] for event in self.events()]
