"""Structural checks outside this process: remembered from the last run of the same file, or run in a child."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from wlf.errors import InternalError
from wlf.graph.checks_child import Request
from wlf.graph.config import Document
from wlf.graph.diagnostics import Diagnostic
from wlf.graph.outline import Outline
from wlf.version import __version__

_TIMEOUT_S = 60


class _Passed(NamedTuple):
    """What the cache file says: the structure behind `key` has no errors, and these warnings."""

    key: str
    warnings: list[Diagnostic]


def checked_elsewhere(cache_dir: Path) -> Callable[[Outline, Document], Sequence[Diagnostic]]:
    """Runs the structural checks without importing networkx here; remembers in `cache_dir` what passed."""

    def check(outline: Outline, document: Document) -> Sequence[Diagnostic]:
        key = _key(outline, document)
        cache = cache_dir / f"{document.stem}.checked.json"
        known = _recall(cache, key)
        if known is not None:
            return known
        found = _run_child(Request(document.file, outline))
        if all(d.severity == "warning" for d in found):
            _remember(cache, _Passed(key, found))
        return found

    return check


def _key(outline: Outline, document: Document) -> str:
    """Changes with the file, with what `${...}` makes of its structure, and with wlf. It holds no option's value."""
    structure = msgspec.json.encode((__version__, document.file, document.digest, outline))
    return hashlib.sha256(structure).hexdigest()


def _recall(cache: Path, key: str) -> list[Diagnostic] | None:
    try:
        passed = msgspec.json.decode(cache.read_bytes(), type=_Passed)
    except (OSError, msgspec.MsgspecError):
        return None
    return passed.warnings if passed.key == key else None


def _remember(cache: Path, passed: _Passed) -> None:
    """Write whole or not at all. A directory that cannot be written is the runtime's to complain about."""
    fresh = cache.with_name(f"{cache.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(passed))
        fresh.replace(cache)


def _run_child(request: Request) -> list[Diagnostic]:
    command = [sys.executable, "-m", "wlf.graph.checks_child"]
    # The child must find the same wlf, however this process found it.
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    # Here, so that the module can be imported where there are no processes.
    import subprocess

    done = subprocess.run(
        command,
        input=msgspec.json.encode(request),
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    if done.returncode:
        raise InternalError(f"the checks of the graph failed: {done.stderr.decode(errors='replace').strip()}")
    return msgspec.json.decode(done.stdout, type=list[Diagnostic])
