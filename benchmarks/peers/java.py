"""The newest Java on this machine: a peer written in it gets the best there is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.servers.commands import InstallError

_VERSION = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)


def newest_java(at_least: int) -> Path:
    """The home of a Java that is so new, its compiler included where the machine has it."""
    found = max(_homes(), default=(0, Path()))
    if found[0] < at_least:
        raise InstallError(f"expected Java {at_least} or newer, got {found[0] or 'none'}")
    return found[1]


def _homes() -> Iterator[tuple[int, Path]]:
    on_path = shutil.which("java")
    homes = {path.resolve() for path in Path("/usr/lib/jvm").glob("*") if (path / "bin" / "java").is_file()}
    if on_path is not None:
        homes.add(Path(on_path).resolve().parents[1])
    for home in homes:
        release = home / "release"
        version = _VERSION.search(release.read_text()) if release.is_file() else None
        if version is not None:
            yield int(version.group(1)), home
