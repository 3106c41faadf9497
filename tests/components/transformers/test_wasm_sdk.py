"""The plugins of sdk/ are what their sources build to, and each is one that wlf takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sdk.build import BUILT, SDK, build, digest, read_sums, sources, versions
from tests.components.transformers.guests import make_wasm
from tests.servers.cache import NotInstalled, require
from wlf.cli import main
from wlf.events import LogLine

pytest.importorskip("wasmtime")

SOURCES = list(sources())
PLUGINS = sorted([*BUILT.glob("*.wasm"), *SDK.glob("wat/*.wat")])


def test_what_is_built_has_the_digests_that_are_written_down() -> None:
    _, sums = read_sums()
    assert sums == {path.name: digest(path) for path in BUILT.glob("*.wasm")}
    assert {source.stem for source in SOURCES} == {Path(name).stem for name in sums}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_source_builds_to_the_very_bytes(source: Path, tmp_path: Path) -> None:
    try:
        require("wasm-tools", "bookworm")
    except NotInstalled as missing:
        pytest.skip(str(missing))
    compilers, sums = read_sums()
    if versions() != compilers:
        pytest.skip(f"these are other compilers than {compilers}: {versions()}")
    target = tmp_path / "plugin.wasm"
    build(source, target)
    assert digest(target) == sums[f"{source.stem}.wasm"]


def test_the_plugin_of_the_documentation_builds_and_does_what_it_says(tmp_path: Path) -> None:
    try:
        require("wasm-tools", "bookworm")
    except NotInstalled as missing:
        pytest.skip(str(missing))
    page = (SDK.parent / "docs" / "wasm.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```c\n(.*?)```", page, re.DOTALL)
    (tmp_path / "long.c").write_text(shown)
    (tmp_path / "wlf_guest.h").write_text((SDK / "wlf_guest.h").read_text())
    build(tmp_path / "long.c", tmp_path / "long.wasm")
    plugin = make_wasm(tmp_path / "long.wasm")
    events = [LogLine("s", 1.0, "x" * size) for size in (10, 300, 20, 400)]
    assert plugin.transform(events) == events[1::2]
    assert 500 < (tmp_path / "long.wasm").stat().st_size < 1_500


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_passes_the_check(plugin: Path) -> None:
    result = CliRunner().invoke(main, ["wasm", "check", str(plugin)])
    assert result.exit_code == 0, result.output
    assert f"{plugin}: ok, interface version 1" in result.output
    assert digest(plugin) in result.output


def test_check_says_what_is_wrong_and_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").write_bytes(b"no")
    result = CliRunner().invoke(main, ["wasm", "check", str(tmp_path / "a.wasm")])
    assert result.exit_code == 1
    assert "expected a WebAssembly module, got something else" in result.output
    result = CliRunner().invoke(main, ["wasm", "check", str(BUILT / "contains.wasm"), "--config", '{"keep": 1}'])
    assert result.exit_code == 1
    assert "wlf_init returned E_CONFIG" in result.output
    result = CliRunner().invoke(main, ["wasm", "check", str(BUILT / "contains.wasm"), "--config", "[1]"])
    assert result.exit_code == 2
    assert "expected a JSON object" in result.output


def test_run_gives_lines_to_a_plugin_and_prints_what_goes_on() -> None:
    lines = [b'{"message":"mail to a@b.c","n":1.50}', b"", b'{"_i":7,"message":"nothing"}']
    run = [sys.executable, "-m", "wlf", "wasm", "run", str(BUILT / "redact.wasm"), "--batch-events", "1"]
    done = subprocess.run(run, input=b"\n".join(lines), capture_output=True, check=True)
    assert done.stdout == b'{"message":"mail to ***","n":1.50}\n{"message":"nothing"}\n'
    assert done.stderr.startswith(b"2 lines in 2 batches, 2 went on; ")


def test_run_takes_a_filter_its_config_and_says_which_line_is_no_json() -> None:
    run = [sys.executable, "-m", "wlf", "wasm", "run", str(BUILT / "contains.wasm"), "--config", '{"keep": "b"}']
    done = subprocess.run(run, input=b'{"x":"a"}\n{"x":"b"}\n', capture_output=True, check=True)
    assert done.stdout == b'{"x":"b"}\n'
    done = subprocess.run(run, input=b'{"x":"b"}\nnothing\n', capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    assert b"line 2 of the input: expected a JSON object" in done.stderr
