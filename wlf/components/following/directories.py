"""Where files lie: below which directory, and under which name."""

from __future__ import annotations

import os


def is_below(path: str, roots: list[str]) -> bool:
    """Does `path` lie below one of these?"""
    return any(path.startswith(root.rstrip("/") + "/") for root in roots)


def inodes_in(directory: str) -> dict[int, str]:
    """The paths in a directory by inode; none where it cannot be read."""
    try:
        with os.scandir(directory) as entries:
            return {entry.inode(): os.path.join(directory, entry.name) for entry in entries}
    except OSError:
        return {}
