"""Which files are logs that are meant, and which directories can hold one: of others nothing is ever looked at."""

from __future__ import annotations

import os
from functools import lru_cache

from wlf.components.collectors._kubernetes.paths import read_path
from wlf.components.collectors._kubernetes.selection import Selection
from wlf.components.following.globs import Globs

log_at = lru_cache(maxsize=4096)(read_path)
"""The same file is asked for often."""


class LogGlobs(Globs):
    """`<directory>/*/*/*`, as far as the names are selected."""

    def __init__(self, directory: str, selection: Selection) -> None:
        super().__init__([f"{_literal(directory)}/*/*/*"])
        self._top = os.path.normpath(os.path.join(os.getcwd(), directory))
        self._selection = selection

    def matches(self, path: str) -> bool:
        """Is a file of this path meant?"""
        log = log_at(path)
        return log is not None and super().matches(path) and self._selection.names(log)

    def descends(self, directory: str) -> bool:
        """Can there be a file that is meant in this directory or below?"""
        if not super().descends(directory):
            return False
        parts = directory.removeprefix(self._top + "/").split("/") if directory.startswith(self._top + "/") else []
        if not parts:
            return True
        pod = read_path(f"{parts[0]}/{parts[1] if len(parts) > 1 else 'x'}/0.log")
        return pod is not None and self._selection.names_so_far(pod, has_container=len(parts) > 1)


def _literal(directory: str) -> str:
    """A path in which nothing is a wildcard."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in directory.rstrip("/"))
