"""The wording of every diagnostic: one file of golden/messages/ a rule, named after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.graph.fakes import registry
from wlf.errors import ConfigError
from wlf.graph.compile import compile_text
from wlf.graph.diagnostics import CODES

CASES = sorted((Path(__file__).parent / "golden" / "messages").glob("*.yaml"))
ENV = {"SECRET": "s3cr3t"}


def report(path: Path) -> str:
    try:
        plan = compile_text(path.read_text(), "pipeline.yaml", registry(), ENV)
    except ConfigError as error:
        return f"{error}\n"
    return "".join(f"{warning}\n" for warning in plan.warnings)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
    golden = path.with_suffix(".txt")
    got = report(path)
    if os.environ.get("WLF_GOLDEN") == "write":
        golden.write_text(got)
    assert got == golden.read_text()
    assert ENV["SECRET"] not in got


def test_every_code_has_a_message_and_every_message_a_code() -> None:
    seen = {word for path in CASES for word in path.with_suffix(".txt").read_text().split() if word in CODES}
    # E100 needs a broken file and E107 a missing library: test_config.py and test_compile.py have them. The codes of a
    # Maxwell config are in maxwell/test_conversion.py.
    assert seen == set(CODES) - {"E100", "E107", "E113", "W204", "W205"}
