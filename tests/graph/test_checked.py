"""A process that runs for months does not import networkx, and does not check again what it has checked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.graph.fakes import registry
from wlf.errors import ConfigError
from wlf.graph import checked
from wlf.graph.compile import compile_file, load
from wlf.graph.plan import Plan


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "orders.yaml"
    path.write_text(
        "collectors: [{id: r, type: Rows, destination: '${TO:-s}', password: hunter2}]\n"
        "dispatchers: [{id: s, type: Sink, dead_letter: t}, {id: t, type: Sink}]\n"
    )
    return path


def compile_counting(file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, **env: str) -> tuple[Plan | str, int]:
    runs = []
    real = checked._run_child

    def counted(request: checked.Request) -> list[checked.Diagnostic]:
        runs.append(request)
        return real(request)

    with monkeypatch.context() as patch:
        patch.setattr(checked, "_run_child", counted)
        try:
            return compile_file(file, registry=registry(), cache_dir=cache, env=env), len(runs)
        except ConfigError as error:
            return str(error), len(runs)


def test_networkx_stays_out_of_a_running_process(file: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from tests.graph.fakes import registry; from wlf.graph.compile import compile_file; "
        f"plan = compile_file({str(file)!r}, registry=registry(), cache_dir={str(tmp_path)!r}, env={{}}); "
        "assert plan.segments; print([m for m in ('networkx', 'wlf.graph.checks') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "[]\n"


def test_the_child_finds_what_this_process_finds(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(file.read_text().replace("dead_letter: t", "dead_letter: s"))
    found, _ = compile_counting(file, tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match="E123") as caught:
        load(file, registry(), {})
    assert found == str(caught.value)


def test_what_passed_is_not_checked_again(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "state"
    first = compile_counting(file, cache, monkeypatch)
    again = compile_counting(file, cache, monkeypatch)
    assert (first[1], again[1]) == (1, 0)
    assert first[0] == again[0]


@pytest.mark.parametrize("change", ["file", "environment", "version", "cache"])
def test_any_change_is_checked_again(change: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_counting(file, tmp_path, monkeypatch)
    env = {}
    if change == "file":
        file.write_text(file.read_text() + "# more\n")
    elif change == "environment":
        env = {"TO": "t"}
    elif change == "version":
        monkeypatch.setattr("wlf.graph.checked.__version__", "0.0.0")
    else:
        (tmp_path / "orders.checked.json").write_text("{")
    assert compile_counting(file, tmp_path, monkeypatch, **env)[1] == 1


def test_what_failed_is_not_remembered(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(file.read_text().replace("dead_letter: t", "dead_letter: s"))
    assert [compile_counting(file, tmp_path, monkeypatch)[1] for _ in range(2)] == [1, 1]


def test_the_cache_holds_no_options(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_counting(file, tmp_path, monkeypatch)
    text = (tmp_path / "orders.checked.json").read_text()
    assert "hunter2" not in text
    assert len(json.loads(text)) == 2


def test_a_directory_that_cannot_be_written_only_costs_time(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("")
    plan, runs = compile_counting(file, in_the_way, monkeypatch)
    assert runs == 1
    assert isinstance(plan, Plan)
