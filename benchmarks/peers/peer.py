"""What all peers share: a folder in the servers' cache, one command a job, a process group of its own."""

from __future__ import annotations

import os
import subprocess
from abc import abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, NamedTuple

from benchmarks.contender import Contender, Job
from tests.servers.cache import NotInstalled, Recipe, cache_dir, home_of, install, installed_version, locked
from tests.servers.commands import InstallError

_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="peers")


class Command(NamedTuple):
    """How a peer is run for one job. `output` takes what it prints, `stdout.log` in the job's folder when not given."""

    argv: list[str]
    env: Mapping[str, str] = {}
    output: Path | None = None


class Peer(Contender):
    """A peer that its recipe installs; a subclass says which command does a job, and writes what that reads."""

    recipe: ClassVar[Recipe]

    @abstractmethod
    def command(self, job: Job) -> Command:
        """The command of a job that is in `does`; its configuration goes into `job.folder`."""

    @property
    def home(self) -> Path:
        """Where it is installed, or will be."""
        return home_of(self.recipe.name, self.recipe.edition)

    def __str__(self) -> str:
        return self.name

    def version(self) -> str:
        """What is installed, an empty string when nothing is."""
        return installed_version(self.recipe.name, self.recipe.edition) or ""

    def install(self) -> None:
        with locked(cache_dir() / f"{self.recipe.name}.lock"):
            try:
                install(self.recipe)
            except (InstallError, OSError, subprocess.SubprocessError) as error:
                raise NotInstalled(f"{self.name}: {error}") from error

    def start(self, job: Job) -> subprocess.Popen[bytes]:
        if (type(job.source), type(job.sink)) not in self.does:
            raise ValueError(f"{self.name}: does no {type(job.source).__name__} -> {type(job.sink).__name__}")
        command = self.command(job)
        with (
            (job.folder / "output.log").open("ab") as log,
            (command.output or job.folder / "stdout.log").open("wb") as out,
        ):
            # The kernel kills the peer when the thread that started it dies: one that lives as long as this process.
            return _STARTER.submit(
                subprocess.Popen,
                ["setpriv", "--pdeathsig", "KILL", "--", *command.argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                cwd=job.folder,
                env={**os.environ, **command.env},
                start_new_session=True,
            ).result()
