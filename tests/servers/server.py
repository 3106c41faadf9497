"""The life of one real server process: start, stop, kill, pause, restart on the same port and data."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.servers.cache import Recipe, require
from tests.servers.ports import free_port

POLL_S = 0.02

_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="servers")


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
            # The kernel kills the server when the thread that started it dies, however it dies: that thread must
            # not be the caller's, which may be a short one, but one that lives as long as this process.
            self._process = _STARTER.submit(
                subprocess.Popen,
                ["setpriv", "--pdeathsig", "KILL", "--", *self.argv()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.datadir,
                start_new_session=True,
            ).result()
        self._await_ready()
        return self

    def stop(self) -> None:
        """End the server in order; kill it when it does not end in time."""
        if not self.running:
            return
        self.resume()
        process = self._live()  # which may be gone the moment that it is told to end
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.stop_timeout_s)
        self.kill()

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        if self._process is None:
            return
        group = self._process.pid
        if any(living(group)):
            os.killpg(group, signal.SIGKILL)
        self._process.wait()
        # A launcher may be gone before its server is, which holds the port to its very end.
        deadline = time.monotonic() + 10
        while any(living(group)) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self._process = None

    def pause(self) -> None:
        """Stop the server's clock: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)
        group = self.pid
        self._await("pause", lambda: {fields[0] for fields in living(group)} == {"T"}, 10)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._signal(signal.SIGCONT)

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
        resident_pages = sum(int(fields[21]) for fields in living(self.pid))
        return resident_pages * os.sysconf("SC_PAGE_SIZE") // 2**20

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _live(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise ServerError(f"{self.recipe.name} is not running:\n{self.log_tail()}")
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        # The server leads a process group of its own: one with a launcher is signalled as a whole.
        os.killpg(self.pid, number)

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


def living(group: int) -> Iterator[list[str]]:
    """What the kernel says of each living process of a group, from its state on (see proc_pid_stat(5))."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        state, threads = fields[0], int(fields[17])
        # A process whose first thread is dead and that has others still holds its sockets.
        if int(fields[2]) == group and (state not in "ZX" or threads > 1):
            yield fields
