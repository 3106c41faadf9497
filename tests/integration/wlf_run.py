"""A real `wlf run` in a process of its own, as a user starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.servers.ports import free_port


class WlfRun:
    """`wlf run CONFIG` with its state directory and its output kept in `directory`."""

    def __init__(self, directory: Path, config: dict[str, Any] | Path, *options: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.log = directory / "wlf.log"
        self.state = directory / "state"
        self.options = options
        self.http: str | None = None
        if isinstance(config, Path):
            self.config = config
        else:
            self.http = f"127.0.0.1:{free_port()}"
            self.config = directory / "pipeline.yaml"
            self.config.write_text(yaml.safe_dump({"name": "test", "http": self.http, **config}, sort_keys=False))
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until every node is ready."""
        self.launch()
        self.wait_for(self.is_ready, "get ready")
        return self

    def launch(self) -> None:
        """Start it without waiting."""
        arguments = ["run", str(self.config), "--state-dir", str(self.state), *self.options]
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "wlf", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def is_ready(self) -> bool:
        """Does /readyz say so? Without an endpoint: does the log?"""
        if self.http is None:
            return "ready" in self.text()
        try:
            with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def metrics(self) -> str:
        """What /metrics says now."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def wait_for(self, condition: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
        """Poll until the condition holds; fail with the log when it does not, or when wlf ends."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert self.running is not None
            assert self.running.poll() is None, f"wlf ended with {self.running.returncode}:\n{self.text()}"
            assert time.monotonic() < deadline, f"wlf did not {what} in {timeout_s} s:\n{self.text()[-4000:]}"
            time.sleep(0.05)

    def terminate(self, timeout_s: float = 20) -> int:
        """SIGTERM; the exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL: nothing of wlf gets to say a word."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()

    def wait(self, timeout_s: float = 60) -> int:
        """Wait for the end; the exit code."""
        assert self.running is not None
        return self.running.wait(timeout_s)

    def text(self) -> str:
        """All that it printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
