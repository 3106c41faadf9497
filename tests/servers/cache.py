"""Where installed servers lie: one directory a server and edition, complete once its stamp is written."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STAMP = "INSTALLED"


class NotInstalled(Exception):
    """A server that a test asked for is not in the cache directory."""


@dataclass(frozen=True)
class Recipe:
    """How one server gets into the cache; `install(home, edition)` returns the version it installed."""

    name: str
    edition: str
    install: Callable[[Path, str], str]


def cache_dir() -> Path:
    """The directory all servers are installed in, `$WLF_SERVERS_DIR` when given."""
    return Path(os.environ.get("WLF_SERVERS_DIR") or Path.home() / ".cache" / "wlf-servers").absolute()


def home_of(name: str, edition: str) -> Path:
    """The directory of one server, whether it is installed or not."""
    return cache_dir() / f"{name}-{edition}"


def installed_version(name: str, edition: str) -> str | None:
    """The version that lies in the cache, None when there is no complete installation."""
    try:
        return (home_of(name, edition) / STAMP).read_text().strip()
    except FileNotFoundError:
        return None


def require(name: str, edition: str) -> Path:
    """The directory of an installed server; `NotInstalled` names the command that installs it."""
    if installed_version(name, edition) is None:
        raise NotInstalled(f"{name} is not installed; run: python -m tests.servers.install {name}@{edition}")
    return home_of(name, edition)


def install(recipe: Recipe, edition: str | None = None) -> tuple[str, float]:
    """Install what is missing; the version and the seconds it took, 0 when it was there already."""
    edition = edition or recipe.edition
    present = installed_version(recipe.name, edition)
    if present is not None:
        return present, 0.0
    began = time.monotonic()
    home = home_of(recipe.name, edition)
    # Wrappers hold absolute paths, so a server is built in its final place; without a stamp it is a ruin.
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    version = recipe.install(home, edition)
    (home / STAMP).write_text(version + "\n")
    return version, time.monotonic() - began


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, waiting for another run that has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
