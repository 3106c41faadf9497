"""The life of one real server process: start, stop, kill, pause, restart on the same port and data."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.servers.cache import Recipe, require
from tests.servers.ports import free_port

POLL_S = 0.02


class ServerError(Exception):
    """A server did not do what it was told; the message ends with its log."""


class Server:
    """A server with a private data directory on a free port of 127.0.0.1; a subclass says how it is run."""

    recipe: ClassVar[Recipe]
    start_timeout_s: ClassVar[float] = 60
    stop_timeout_s: ClassVar[float] = 30
    host: ClassVar[str] = "127.0.0.1"

    def __init__(self, datadir: Path | str, *, edition: str | None = None, port: int | None = None) -> None:
        self.home = require(self.recipe.name, edition or self.recipe.edition)
        self.datadir = Path(datadir).absolute()
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    # What a subclass says.

    def prepare(self) -> None:
        """Make what the data directory needs before the first start."""

    def argv(self) -> list[str]:
        """The command of the server; it must stay in the foreground."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether the server answers; asked again and again after a start."""
        raise NotImplementedError

    # What a test does.

    @property
    def address(self) -> str:
        """host:port"""
        return f"{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        """The file that the server's output goes to, over all its restarts."""
        return self.datadir / "server.log"

    @property
    def running(self) -> bool:
        """Whether the process lives, paused or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._live().pid

    def start(self) -> Self:
        """Start the server and wait until it answers."""
        if self.running:
            return self
        if not self.datadir.is_dir():
            self.datadir.mkdir(parents=True)
            self.prepare()
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            # The kernel kills the server when this process dies, however it dies.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.argv()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.datadir,
                start_new_session=True,
            )
        self._await_ready()
        return self

    def stop(self) -> None:
        """End the server in order; kill it when it does not end in time."""
        if not self.running:
            return
        self.resume()
        self._live().send_signal(signal.SIGTERM)
        try:
            self._live().wait(self.stop_timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Stop the server's clock: connections stay open and nothing answers."""
        self._live().send_signal(signal.SIGSTOP)
        self._await("pause", lambda: self._state() == "T", 10)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._live().send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop the server and start it again, on the same port and data."""
        self.stop()
        self.start()

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the server's log."""
        if not self.log.is_file():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def log_since_start(self) -> str:
        """What the server has written since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def rss_mb(self) -> int:
        """The memory the running server holds, in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _live(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise ServerError(f"{self.recipe.name} is not running:\n{self.log_tail()}")
        return self._process

    def _state(self) -> str:
        """The process state as the kernel calls it: S asleep, R running, T stopped."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def _await_ready(self) -> None:
        try:
            self._await("start", self.is_ready, self.start_timeout_s)
        except BaseException:
            self.kill()
            raise

    def _await(self, what: str, condition: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            self._live()
            if time.monotonic() > deadline:
                raise ServerError(f"{self.recipe.name} did not {what} in {timeout_s:g} s:\n{self.log_tail()}")
            time.sleep(POLL_S)
