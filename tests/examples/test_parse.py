"""The example of Parse gives the fields that its README promises."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.examples.test_examples import ROOT, _lines
from tests.integration.wlf_run import WlfRun


def test_lines_are_taken_apart_and_what_has_another_form_lies_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run = WlfRun(tmp_path / "run", Path("examples/parse/parse.yaml"), "--until-end")
    run.launch()
    assert run.wait() == 0, run.text()
    out = {path.stem: _lines(path) for path in (tmp_path / "out/parse").iterdir()}
    assert {name: len(lines) for name, lines in out.items()} == {"access": 3, "shop": 3, "machine": 2, "unparsed": 1}
    assert [line["message"] for line in out["shop"]] == ["order placed", "payment is slow", "starting"]
    attributes: list[Any] = [line["attributes"] for line in out["shop"] + out["machine"] + out["access"]]
    assert attributes[0]["took_ms"] == 12.5
    assert attributes[2] == {"_parse_error": "expected a JSON object"}
    assert attributes[4]["structured_data"] == {"order@32473": {"id": "17", "state": "paid"}}
    assert (attributes[5]["path"], attributes[5]["status"]) == ("/orders/17?page=2", 200)
    seconds = 1_795_885_703  # 17:08:23 UTC
    assert [line["ts"] for line in out["access"]] == [seconds, seconds + 1, seconds + 1]
    assert out["machine"][0]["ts"] == seconds
    assert out["unparsed"][0]["error"] == "expected a line in the combined log format"
