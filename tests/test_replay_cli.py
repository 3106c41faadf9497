"""`wlf replay` as a user types it: what a path refused goes there once the config is mended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def wlf(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wlf", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd)


CONFIG = """
collectors:
  - {{id: files, type: File, include: ["in/*.log"], destination: parse}}
transformers:
  - {{id: parse, type: Parse, format: json, destination: out}}
dispatchers:
  - {{id: out, type: File, path: "{path}", dead_letter: refused, on_missing: {on_missing}}}
  - {{id: refused, type: File, path: "refused/%{{/node}}.jsonl"}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.log").write_text('{"user":"ann"}\n{"other":1.50}\n{"other":2}\n')
    write(tmp_path, "reject")
    done = wlf("run", "pipeline.yaml", "--until-end", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "refused" / "out.jsonl").read_text().splitlines()) == 2
    (tmp_path / "refused" / "out.jsonl").rename(tmp_path / "letters.jsonl")
    return tmp_path


def write(place: Path, on_missing: str) -> None:
    text = CONFIG.format(path="out/%{/attributes/user}.jsonl", on_missing=on_missing)
    (place / "pipeline.yaml").write_text(text)


def test_what_was_refused_is_delivered_once_the_config_is_mended(place: Path) -> None:
    dry = wlf("replay", "letters.jsonl", "pipeline.yaml", "--dry-run", cwd=place)
    assert (dry.returncode, dry.stdout) == (0, "out: 2 log -> File\n")
    assert not (place / "wlf-state" / "pipeline.replay.db").exists()

    done = wlf("replay", "letters.jsonl", "pipeline.yaml", cwd=place)
    assert done.returncode == 1
    assert "letters.jsonl: 2 of 2 dead letters replayed, 2 refused again" in done.stderr
    assert len((place / "refused" / "out.jsonl").read_text().splitlines()) == 2

    write(place, "nobody")
    done = wlf("replay", "refused/out.jsonl", "pipeline.yaml", "--node", "out", cwd=place)
    assert done.returncode == 0, done.stderr
    delivered = [json.loads(line) for line in (place / "out" / "nobody.jsonl").read_text().splitlines()]
    letters = [json.loads(line)["event"] for line in (place / "letters.jsonl").read_text().splitlines()]
    assert delivered == letters
    letters_text = (place / "letters.jsonl").read_text()
    assert all(line in letters_text for line in (place / "out" / "nobody.jsonl").read_text().splitlines())

    done = wlf("replay", "refused/out.jsonl", "pipeline.yaml", cwd=place)
    assert done.returncode == 0
    assert "0 of 2 dead letters replayed, 2 were before" in done.stderr
    assert len((place / "out" / "nobody.jsonl").read_text().splitlines()) == 2


def test_a_mistake_is_a_message_and_an_exit_code(place: Path) -> None:
    for arguments, code, wanted in [
        (("none.jsonl", "pipeline.yaml"), 1, "none.jsonl: no such file or directory"),
        (("in/a.log", "pipeline.yaml"), 1, "in/a.log:1: expected an event with its 'type'"),
        (("letters.jsonl", "none.yaml"), 2, "none.yaml"),
        (("letters.jsonl", "pipeline.yaml", "--node", "files"), 2, "expected one of parse, out, refused, got 'files'"),
    ]:
        done = wlf("replay", *arguments, cwd=place)
        assert done.returncode == code, done.stderr
        assert wanted in done.stderr
        assert "Traceback" not in done.stderr
