"""`wlf new` writes a package that lives outside of wlf: its tests pass, it is installed, found by its name, runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from wlf.cli import main

PARTS = {
    "collector": "collectors: [{id: mine, type: %s, destination: out, count_events: 3}]\n"
    "dispatchers: [{id: out, type: File, path: out.jsonl}]\n",
    "transformer": "collectors: [{id: files, type: File, destination: mine, include: [in.log]}]\n"
    "transformers: [{id: mine, type: %s, destination: out, contains: debug}]\n"
    "dispatchers: [{id: out, type: File, path: out.jsonl}]\n",
    "dispatcher": "collectors: [{id: files, type: File, destination: mine, include: [in.log]}]\n"
    "dispatchers: [{id: mine, type: %s, prefix: '> '}]\n",
}


def called(*command: str, at: Path, paths: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=at, env=env, text=True, capture_output=True, check=False
    )


@pytest.mark.parametrize("kind", PARTS)
def test_a_new_package_passes_its_tests_is_installed_and_runs(kind: str, tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["new", kind, f"my-{kind}", "--directory", str(tmp_path)])
    assert made.exit_code == 0, made.output
    package = tmp_path / f"wlf-my-{kind}"
    tests = called("pytest", "-q", at=package, paths=str(package / "src"))
    assert tests.returncode == 0, tests.stdout
    site = tmp_path / "site"
    install = ("install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site), str(package))
    installed = called("pip", *install, at=tmp_path)
    assert installed.returncode == 0, installed.stderr
    (tmp_path / "in.log").write_text("one\na debug line\ntwo\n")
    (tmp_path / "own.yaml").write_text(PARTS[kind] % f"My{kind.capitalize()}")
    run = called("wlf", "run", "own.yaml", "--until-end", at=tmp_path, paths=str(site))
    assert run.returncode == 0, run.stderr
    if kind == "dispatcher":
        found = [line[2:] for line in run.stderr.splitlines() if line.startswith("> ")]
    else:
        found = (tmp_path / "out.jsonl").read_text().splitlines()
    expected = {
        "collector": ["0", "1", "2"],
        "transformer": ["one", "two"],
        "dispatcher": ["one", "a debug line", "two"],
    }
    assert [json.loads(line)["message"] for line in found] == expected[kind]


@pytest.mark.parametrize("name", ["1st", "a b", "class", "", "ä"])
def test_what_cannot_be_a_name_is_refused(name: str, tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["new", "transformer", name, "--directory", str(tmp_path)])
    assert made.exit_code == 1
    assert made.output.startswith("expected a name such as drop-debug, got")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "wlf-drop-debug").mkdir()
    made = CliRunner().invoke(main, ["new", "transformer", "DropDebug", "--directory", str(tmp_path)])
    assert made.exit_code == 1
    assert "exists already" in made.output
    assert list((tmp_path / "wlf-drop-debug").iterdir()) == []
