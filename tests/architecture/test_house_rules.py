"""The rules that keep wlf readable, held by looking at its own source."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "wlf").rglob("*.py"))
PURE = [
    "wlf.errors",
    "wlf.events",
    "wlf.events.codec",
    "wlf.events.derived",
    "wlf.events.expressions",
    "wlf.events.expressions.keys",
    "wlf.events.expressions.partly",
    "wlf.events.template",
    "wlf.events.table",
    "wlf.binlog",
    "wlf.binlog.decoder",
    "wlf.graph.plan",
    "wlf.graph.diagnostics",
    "wlf.graph.compile",
    "wlf.runtime.batch",
    "wlf.runtime.batcher",
    "wlf.runtime.mailbox",
    "wlf.runtime.retry",
    "wlf.runtime.segment",
    "wlf.runtime.tracker",
    "wlf.components.transformers.binlog_filter",
    "wlf.components.transformers.dedupe",
    "wlf.components.transformers.encryptor",
    "wlf.components.transformers.event_replicator",
    "wlf.components.transformers.filter",
    "wlf.components.transformers.map",
    "wlf.components.transformers.sample",
    "wlf.components.transformers.separator",
    "wlf.components.transformers.throttle",
    "wlf.components.transformers.parse",
]
BANNED = re.compile(r"(^|_)(manager|helper|helpers|util|utils|handler|data|process)(_|$)|Manager$|Helper|Util(s)?$")
ALLOWED = {"data"}  # the field of a row change is Maxwell's


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or first.lineno) - first.lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_its_one_idea_first_and_stays_under_600_lines(path: Path) -> None:
    assert ast.get_docstring(_tree(path)), "no docstring"
    assert len(path.read_text().splitlines()) <= 600


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_stay_under_60_lines(path: Path) -> None:
    long = [f"{node.name} ({_code_lines(node)})" for node in _functions(_tree(path)) if _code_lines(node) > 60]
    assert not long


def test_most_functions_stay_under_30_lines() -> None:
    sizes = [_code_lines(node) for path in SOURCES for node in _functions(_tree(path))]
    assert sum(size <= 30 for size in sizes) >= 0.95 * len(sizes)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_the_fields(path: Path) -> None:
    tree = _tree(path)
    names = [
        path.stem,
        *(n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)),
        *(f.name for f in _functions(tree)),
    ]
    assert not [name for name in names if name not in ALLOWED and BANNED.search(name)]


@pytest.mark.parametrize(("library", "allowed"), [("networkx", "wlf/graph/"), ("yaml", "wlf/graph/config.py")])
def test_a_library_is_imported_in_its_one_place(library: str, allowed: str) -> None:
    importers = set()
    for path in SOURCES:
        for node in ast.walk(_tree(path)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == library for name in names):
                importers.add(str(path.relative_to(ROOT)))
    assert importers
    assert all(name.startswith(allowed) for name in importers), importers


@pytest.mark.parametrize("module", PURE)
def test_the_core_needs_no_thread_socket_or_child(module: str) -> None:
    """The same code is to run where Python itself is WebAssembly."""
    blocked = ["socket", "ssl", "signal", "subprocess", "multiprocessing", "ctypes", "sqlite3", "threading", "networkx"]
    code = (
        "import sys, logging, msgspec, importlib.metadata\n"
        f"before = set(sys.modules)\nimport {module}\n"
        f"bad = [m for m in {blocked!r} if m in sys.modules and m not in before]\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_run_of_an_unchanged_file_never_imports_networkx(tmp_path: Path) -> None:
    config = tmp_path / "p.yaml"
    config.write_text(
        "collectors: [{id: b, type: Binlog, destination: o, files: [none.000001]}]\n"
        "dispatchers: [{id: o, type: Stdout}]\n"
    )
    code = (
        "import sys\nfrom pathlib import Path\nfrom wlf.graph.compile import compile_file\n"
        f"compile_file(Path({str(config)!r}), cache_dir=Path({str(tmp_path)!r}))\n"
        "import wlf.runtime.run\nassert 'networkx' not in sys.modules"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_help_answers_without_loading_the_engine() -> None:
    code = (
        "import sys, wlf.cli\nfrom click.testing import CliRunner\n"
        "assert CliRunner().invoke(wlf.cli.main, ['--help']).exit_code == 0\n"
        "assert not {'yaml', 'networkx', 'msgspec', 'asyncio', 'sqlite3'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
