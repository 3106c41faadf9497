"""README.md names a test for each complaint, or says why there is none; and those tests are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LINES = re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", (HERE / "README.md").read_text(), re.MULTILINE)
UNSTAGED: set[int] = set()


@cache
def names_in(path: str) -> set[str]:
    """The names of a file's tests."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_no_complaint_is_left_out() -> None:
    assert [int(number) for number, _, _ in LINES] == list(range(1, len(LINES) + 1))
    assert len(LINES) >= 29


@pytest.mark.parametrize(("number", "staged"), [(line[0], line[2]) for line in LINES], ids=[line[0] for line in LINES])
def test_what_is_said_to_stage_a_complaint_is_there(number: str, staged: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", staged)
    assert staged.count("::") == len(named)
    assert [name for path, name in named if name not in names_in(path)] == []
    assert bool(named) is (int(number) not in UNSTAGED)
    assert named or staged.startswith("no test: ")


def test_each_test_of_this_directory_is_named() -> None:
    text = (HERE / "README.md").read_text()
    for path in HERE.glob("test_*.py"):
        if path.name != Path(__file__).name:
            relative = str(path.relative_to(ROOT))
            named = [name for name in names_in(relative) if name.startswith("test_")]
            assert [name for name in named if f"{relative}::{name}`" not in text] == []
