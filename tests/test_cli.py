"""The commands as a user types them: what they print and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from wlf import __version__

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "examples" / "quickstart" / "data"


def wlf(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wlf", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "orders.yaml"
    path.write_text(
        f"""
collectors:
  - {{id: binlog, type: Binlog, destination: out, files: ["{DEMO}/binlog.0*"]}}
dispatchers:
  - {{id: out, type: File, path: "{tmp_path}/out/all.jsonl"}}
"""
    )
    return path


def test_version_is_the_packages() -> None:
    assert wlf("--version").stdout.strip() == f"wlf, version {__version__}"


def test_check_says_ok_and_ends_with_0(config: Path) -> None:
    done = wlf("check", config)
    assert (done.returncode, done.stdout) == (0, f"{config}: ok, 2 nodes and 1 edge\n")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: [", "expected"),
        ("a: &x [1,1]\nb: &y [*x,*x,*x,*x]\nc: &z [*y,*y,*y,*y]\nd: [*z,*z,*z,*z]\n", "E1"),
        ("collectors: [{id: b, type: Binlgo, destination: x}]", "did you mean"),
        ("collectors: [{id: b, type: Binlog, destination: o, hots: x}]\ndispatchers: [{id: o, type: Stdout}]", "host"),
    ],
    ids=["not yaml", "aliases", "misspelled type", "misspelled option"],
)
def test_wrong_config_ends_with_2_and_a_place_but_no_traceback(tmp_path: Path, text: str, wanted: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    for command in ("check", "run"):
        done = wlf(command, path, cwd=tmp_path)
        assert done.returncode == 2
        assert "wrong.yaml:" in done.stderr
        assert wanted in done.stderr
        assert "Traceback" not in done.stderr


def test_missing_config_ends_with_2(tmp_path: Path) -> None:
    done = wlf("check", tmp_path / "none.yaml")
    assert done.returncode == 2
    assert "none.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_directory_in_place_of_a_config_ends_with_2(tmp_path: Path) -> None:
    done = wlf("check", tmp_path)
    assert (done.returncode, done.stderr) == (2, f"{tmp_path}: E100 is a directory\n")


def test_cycle_is_printed_whole(tmp_path: Path) -> None:
    path = tmp_path / "cycle.yaml"
    path.write_text(
        """
collectors: [{id: binlog, type: Binlog, destination: a}]
transformers:
  - {id: a, type: BinlogFilter, destination: b}
  - {id: b, type: BinlogFilter, destination: a}
dispatchers: [{id: out, type: Stdout}]
"""
    )
    done = wlf("check", path)
    assert done.returncode == 2
    assert "a -> b -> a" in done.stderr


def test_run_until_end_delivers_and_a_second_run_adds_nothing(config: Path, tmp_path: Path) -> None:
    for _ in range(2):
        done = wlf("run", config, "--until-end", "--state-dir", tmp_path / "state")
        assert done.returncode == 0, done.stderr
        assert len((tmp_path / "out/all.jsonl").read_text().splitlines()) == 1194


def test_end_says_what_each_node_did(config: Path, tmp_path: Path) -> None:
    first, second = (wlf("run", config, "--until-end", "--state-dir", tmp_path / "state").stderr for _ in range(2))
    delivered = len((tmp_path / "out" / "all.jsonl").read_text().splitlines())
    assert f"total: binlog {delivered:,} read | out {delivered:,} delivered\n" in first
    assert "total: no events\n" in second


def test_start_prints_the_guarantee_of_each_path(config: Path, tmp_path: Path) -> None:
    done = wlf("run", config, "--until-end", "--state-dir", tmp_path / "state")
    assert "binlog -> out: at least once" in done.stderr


def test_log_format_json_is_one_object_a_line(config: Path, tmp_path: Path) -> None:
    done = wlf("run", config, "--until-end", "--state-dir", tmp_path / "state", "--log-format", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines
    assert all({"ts", "level", "node", "message"} <= line.keys() for line in lines)


def test_position_is_shown_set_and_reset(config: Path, tmp_path: Path) -> None:
    state = ("--state-dir", tmp_path / "state")
    assert "no cursor is stored" in wlf("position", "show", config, *state).stdout
    wlf("run", config, "--until-end", *state)
    shown = wlf("position", "show", config, *state).stdout
    assert "binlog out binlog: binlog.000002:" in shown
    assert wlf("position", "set", config, "binlog.000002:4", *state).returncode == 0
    assert "binlog.000002:4" in wlf("position", "show", config, *state).stdout
    (tmp_path / "out/all.jsonl").unlink()
    wlf("run", config, "--until-end", *state)
    assert 0 < len((tmp_path / "out/all.jsonl").read_text().splitlines()) < 1194
    assert wlf("position", "reset", config, *state).returncode == 0
    assert "no cursor is stored" in wlf("position", "show", config, *state).stdout


def test_position_that_is_none_is_refused_in_words(config: Path, tmp_path: Path) -> None:
    done = wlf("position", "set", config, "yesterday", "--state-dir", tmp_path / "state")
    assert done.returncode == 1
    assert "yesterday" in done.stderr
    assert "Traceback" not in done.stderr


def test_graph_is_written_in_each_format(config: Path, tmp_path: Path) -> None:
    for ending, begin in (("svg", b"<svg"), ("dot", b"digraph"), ("mmd", b"flowchart")):
        picture = tmp_path / f"graph.{ending}"
        done = wlf("graph", "render", config, "-o", picture)
        assert done.returncode == 0, done.stderr
        assert begin in picture.read_bytes()[:200]


def test_unknown_picture_format_is_refused_in_words(config: Path, tmp_path: Path) -> None:
    done = wlf("graph", "render", config, "-o", tmp_path / "graph.xyz")
    assert done.returncode == 1
    assert "xyz" in done.stderr
    assert "Traceback" not in done.stderr


def test_picture_that_cannot_be_written_ends_in_words(config: Path, tmp_path: Path) -> None:
    done = wlf("graph", "render", config, "-o", tmp_path / "nowhere" / "graph.svg")
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/nowhere/graph.svg: no such file or directory\n")


def test_components_lists_all_and_describes_each() -> None:
    listed = wlf("components").stdout
    for name in ("Binlog", "BinlogFilter", "EventReplicator", "Elasticsearch", "File", "Kafka", "Redis", "Stdout"):
        assert name in listed
    assert "compression_type" in wlf("components", "Kafka").stdout
    unknown = wlf("components", "Kafak")
    assert unknown.returncode == 1
    assert "Kafka" in unknown.stderr


def test_secrets_are_printed_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text(
        """
collectors: [{id: b, type: Binlog, destination: o, user: wlf, password: hunter2, port: 1, start: earliest}]
dispatchers: [{id: o, type: Redis, auth: hunter2, port: 1}]
"""
    )
    for command in (("check",), ("graph", "render"), ("graph", "render", "--plan")):
        done = wlf(*command, path)
        assert done.returncode == 0, done.stderr
        assert "hunter2" not in done.stdout + done.stderr


PROPERTIES = "host=db\npassword=hunter2\nhots=x\nfilter=exclude: a.*\n"


@pytest.fixture
def properties(tmp_path: Path) -> Path:
    path = tmp_path / "maxwell.properties"
    path.write_text(PROPERTIES)
    return path


def test_convert_prints_the_yaml_and_names_the_keys_that_do_nothing(properties: Path) -> None:
    done = wlf("convert", properties)
    assert done.returncode == 0
    assert 'password: "${MAXWELL_PASSWORD}"' in done.stdout
    assert f"{properties}:3:1: W204 hots: Maxwell has no such key: it does nothing" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_convert_writes_a_file_that_others_cannot_read_where_passwords_are_in_it(properties: Path) -> None:
    output = properties.with_suffix(".yaml")
    assert wlf("convert", properties, "-o", output, "--with-secrets").returncode == 0
    assert "password: hunter2" in output.read_text()
    assert output.stat().st_mode & 0o777 == 0o600


def test_convert_takes_no_yaml(config: Path) -> None:
    done = wlf("convert", config)
    assert (done.returncode, done.stdout) == (2, "")
    assert "E100 expected a config.properties of Maxwell, got YAML" in done.stderr


def test_a_maxwell_config_is_checked_and_drawn_as_it_is(properties: Path) -> None:
    done = wlf("check", properties)
    assert (done.returncode, done.stdout) == (0, f"{properties}: ok, 3 nodes and 2 edges\n")
    assert "BinlogFilter" in wlf("graph", "render", properties).stdout


def test_a_maxwell_config_that_would_leak_is_refused_by_every_command(properties: Path) -> None:
    properties.write_text(PROPERTIES + "encrypt=all\n")
    for command in ("convert", "check", "run"):
        done = wlf(command, properties, cwd=properties.parent)
        assert done.returncode == 2
        assert "5:1: E113 encrypt: wlf does not encrypt messages" in done.stderr
        assert "Traceback" not in done.stderr
