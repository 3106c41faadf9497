"""Run one command of an installation to its end, and say what it wrote when it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class InstallError(Exception):
    """A step of an installation failed."""


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    timeout_s: float = 600,
) -> str:
    """The standard output of a command; `InstallError` with the end of its output when it does not return 0."""
    done = subprocess.run(
        [str(part) for part in argv],
        env=env,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise InstallError(f"{Path(argv[0]).name} returned {done.returncode}: {said}")
    return done.stdout
