"""The core can be imported where Python itself is WebAssembly: no threads, sockets, TLS, signals or child processes."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from pathlib import Path

from wlf.components.registry import BUILTINS

ROOT = Path(__file__).parents[2]
ENV = {"PYTHONPATH": os.pathsep.join([str(ROOT), *site.getsitepackages()])}
"""Packages are found without `site`, whose start-up code may import anything."""
ABSENT = {
    "_ctypes",
    "_posixsubprocess",
    "_socket",
    "_sqlite3",
    "_ssl",
    "asyncio",
    "ctypes",
    "fcntl",
    "mmap",
    "multiprocessing",
    "networkx",
    "resource",
    "select",
    "selectors",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "termios",
    "wasmtime",
}
"""Nobody may import these: there such a Python has nothing of the system, and libraries wait until they are used."""
USELESS = {"_thread", "concurrent", "signal", "threading"}
"""wlf may not import these: they are there, as the standard library needs them, and what they are for fails."""

OUTSIDE = {
    # What deals with the outside: an event loop, a database, an HTTP endpoint, the C library; networkx is for checks.
    "wlf.runtime": (
        "checkpoint_loop",
        "collect_loop",
        "dispatch_loop",
        "failures",
        "flow",
        "halt",
        "heap",
        "hold_loop",
        "http",
        "instances",
        "positions",
        "replay",
        "requests",
        "run",
        "runner",
        "state",
        "store",
        "wake",
    ),
    "wlf.graph": ("checks",),
}
"""Modules of these packages that may import more."""


def _modules(package: str) -> list[str]:
    folder = ROOT.joinpath(*package.split("."))
    names = []
    for path in sorted(folder.rglob("*.py")):
        inner = path.relative_to(folder).with_suffix("").parts
        if inner and inner[0] in OUTSIDE.get(package, ()):
            continue
        names.append(".".join((package, *inner)).removesuffix(".__init__"))
    return names


CORE = [name for package in ("wlf.events", "wlf.binlog", "wlf.graph", "wlf.runtime") for name in _modules(package)]
TRANSFORMERS = sorted(target.partition(":")[0] for target in BUILTINS["transformer"].values())
NAMES = [
    "wlf",
    "wlf.errors",
    "wlf.components.base",
    "wlf.components.config",
    "wlf.components.registry",
    *CORE,
    *TRANSFORMERS,
]

IMPORT_ALL = """
import builtins, importlib, sys

absent, useless, names = {absent!r}, {useless!r}, {names!r}
true_import = builtins.__import__

def import_less(name, globals=None, locals=None, fromlist=(), level=0):
    first = name.partition(".")[0]
    importer = (globals or {{}}).get("__name__", "")
    if first in absent or (first in useless and importer.partition(".")[0] == "wlf"):
        raise ModuleNotFoundError(f"{{importer}} imports {{name}}", name=name)
    return true_import(name, globals, locals, fromlist, level)

assert not absent & set(sys.modules), absent & set(sys.modules)
builtins.__import__ = import_less
failed = []
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        failed.append(f"{{name}}: {{error}}")
sys.exit("\\n".join(failed) if failed else 0)
"""


def _import_without_the_system(names: list[str]) -> subprocess.CompletedProcess[str]:
    code = IMPORT_ALL.format(absent=ABSENT, useless=USELESS, names=names)
    return subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False, env=ENV)


def test_the_core_and_the_built_in_transformers_import_nothing_that_a_webassembly_python_lacks() -> None:
    done = _import_without_the_system(NAMES)
    assert done.returncode == 0, done.stderr


def test_a_module_that_does_is_seen() -> None:
    done = _import_without_the_system(["wlf.runtime.runner", "wlf.components.collectors.binlog"])
    assert done.returncode == 1
    assert "wlf.runtime.runner: wlf.runtime.runner imports asyncio" in done.stderr
    assert "wlf.components.collectors.binlog: " in done.stderr
