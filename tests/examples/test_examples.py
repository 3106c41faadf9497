"""Every example compiles, draws, and the quickstart runs as its README says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.examples.web_service import WebService
from tests.integration.wlf_run import WlfRun
from tests.servers.docker import Docker
from tests.servers.mongodb import MongoDB
from tests.servers.mysql import MySQL
from tests.servers.ports import free_port
from wlf.cli import main
from wlf.graph.compile import load

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    path
    for kind in ("*.yaml", "*.properties")
    for path in (ROOT / "examples").rglob(kind)
    if path.name != "compose.yaml"
)


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT / "examples"))


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("config", EXAMPLES, ids=_id)
def test_example_is_documented(config: Path) -> None:
    assert config.name in (config.parent / "README.md").read_text()


@pytest.mark.parametrize("config", EXAMPLES, ids=_id)
def test_example_passes_the_check(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, ["check", str(config)])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("config", EXAMPLES, ids=_id)
def test_example_is_drawn(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, ["graph", "render", str(config)])
    assert result.exit_code == 0, result.output
    assert all(node.id in result.output for node in load(config).nodes)


def test_maxwell_config_converts_to_what_it_is_run_as(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAXWELL_PASSWORD", "password")
    source, target = ROOT / "examples/maxwell/maxwell.properties", tmp_path / "shop.yaml"
    result = CliRunner().invoke(main, ["convert", str(source), "-o", str(target)])
    assert result.exit_code == 0, result.output
    assert "E1" not in result.stderr
    assert "W204" not in result.stderr
    assert (load(target).options, load(target).nodes) == (load(source).options, load(source).nodes)


def _quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WlfRun:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return WlfRun(tmp_path / "run", Path("examples/quickstart/quickstart.yaml"), "--until-end")


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_quickstart_writes_what_the_rules_say_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _quickstart(tmp_path, monkeypatch)
    run.launch()
    assert run.wait() == 0, run.text()
    everything = _lines(tmp_path / "out/everything/changes.jsonl")
    by_table = {path.stem: _lines(path) for path in (tmp_path / "out/by_table").glob("*.jsonl")}
    assert sorted(map(str, everything)) == sorted(str(line) for lines in by_table.values() for line in lines)
    assert [name for name in by_table if name.startswith("d1.")] == ["d1.t1"]
    assert {"insert", "update", "delete"} <= {line["type"] for line in everything}


def test_logs_are_read_once_with_their_rotated_and_compressed_predecessors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run = WlfRun(tmp_path / "run", Path("examples/logs/logs.yaml"), "--until-end")
    for _ in range(2):
        run.launch()
        assert run.wait() == 0, run.text()
    events = _lines(tmp_path / "out/logs/shop-1.jsonl")
    firsts = sorted(str(event["message"]).partition("\n")[0] for event in events)
    assert [first[11:17] for first in firsts[:-1]] == sorted([f"09:{m:02}:" for m in range(12)] + ["09:10:"])
    assert firsts[-1].startswith("Traceback")
    assert {str(event["file"]).rpartition("/")[2] for event in events} == {"shop.log", "shop.log.1", "shop.log.2.gz"}


def test_logs_of_pods_are_read_once_without_an_api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run = WlfRun(tmp_path / "run", Path("examples/kubernetes/kubernetes.yaml"), "--until-end")
    for _ in range(2):
        run.launch()
        assert run.wait() == 0, run.text()
    events = _lines(tmp_path / "out/kubernetes/shop.jsonl")
    assert sorted({path.name for path in (tmp_path / "out/kubernetes").iterdir()}) == ["shop.jsonl"]
    web = [event for event in events if event["kubernetes"]["container"] == "web"]
    assert sorted((event["kubernetes"]["restart"], event["stream"]) for event in web) == (
        [(0, "stderr")] + [(0, "stdout")] * 10 + [(1, "stdout")] * 2
    )
    report = sorted(event["message"] for event in events if event["kubernetes"]["container"] == "report")
    assert [message.partition("\n")[0] for message in report] == [
        "Traceback (most recent call last):",
        "a" * 20_000,
        "begin",
        "end",
    ]
    assert len(events) == len(web) + len(report)


def test_containers_are_read_once_into_a_file_for_each_service(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker.reset()
    service = {"com.docker.compose.service": "shop"}
    docker.api.run_to_end("shop-1", "echo Exception; echo '  at shop.Cart'; echo late >&2", labels=service)
    docker.api.run_to_end("quiet-1", "echo never", labels={"logs": "off"})
    docker.api.run_to_end("other", "echo alone")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", docker.url)
    run = WlfRun(tmp_path / "run", Path("examples/docker/docker.yaml"), "--until-end")
    for _ in range(2):
        run.launch()
        assert run.wait() == 0, run.text()
    written = {path.name: [line["message"] for line in _lines(path)] for path in (tmp_path / "out/docker").iterdir()}
    assert written == {
        "shop-stdout.jsonl": ["Exception\n  at shop.Cart"],
        "shop-stderr.jsonl": ["late"],
        "no-service-stdout.jsonl": ["alone"],
    }


def test_plugins_mask_and_keep_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("examples", "sdk"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    run = WlfRun(tmp_path / "run", Path("examples/wasm/wasm.yaml"), "--until-end")
    for _ in range(2):
        run.launch()
        assert run.wait() == 0, run.text()
    messages = [str(event["message"]) for event in _lines(tmp_path / "out/wasm/failed.jsonl")]
    assert messages == [
        '10.0.0.8 - *** [28/Nov/2026:10:00:01 +0000] "POST /pay?card=**** HTTP/1.1" 502 87',
        '10.0.0.9 - - [28/Nov/2026:10:00:02 +0000] "GET /favicon.ico HTTP/1.1" 404 12',
    ]


def test_quickstart_run_again_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _quickstart(tmp_path, monkeypatch)
    for _ in range(2):
        run.launch()
        assert run.wait() == 0, run.text()
        written = (tmp_path / "out/everything/changes.jsonl").read_bytes()
    run.launch()
    assert run.wait() == 0, run.text()
    assert (tmp_path / "out/everything/changes.jsonl").read_bytes() == written


def test_snapshot_copies_tables_and_goes_on_with_their_changes(
    mysql: MySQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mysql.execute("DROP DATABASE IF EXISTS shop", "CREATE DATABASE shop")
    for table in ("orders", "tmp_1"):
        mysql.execute(f"CREATE TABLE shop.{table} (id INT PRIMARY KEY)", f"INSERT INTO shop.{table} VALUES (1), (2)")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    for name, value in {"DB_PORT": mysql.port, "DB_PASSWORD": "password", "HTTP_PORT": free_port()}.items():
        monkeypatch.setenv(name, str(value))
    run = WlfRun(tmp_path / "run", Path("examples/snapshot/snapshot.yaml"), "--until-end")
    for _ in range(2):
        run.launch()
        assert run.wait() == 0, run.text()
        mysql.execute("REPLACE INTO shop.orders VALUES (3)")
    assert [path.name for path in (tmp_path / "out/snapshot").iterdir()] == ["orders.jsonl"]
    types = [(line["type"], line["data"]) for line in _lines(tmp_path / "out/snapshot/orders.jsonl")]
    assert types == [("bootstrap-insert", {"id": 1}), ("bootstrap-insert", {"id": 2}), ("insert", {"id": 3})]


def test_lines_are_put_together_five_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run = WlfRun(tmp_path / "run", Path("examples/aggregator/aggregator.yaml"), "--until-end")
    run.launch()
    assert run.wait() == 0, run.text()
    groups = _lines(tmp_path / "out/aggregator/groups.jsonl")
    lines = (tmp_path / "examples/logs/data/shop.log").read_text().splitlines()
    assert [line for group in groups for line in str(group["fields"]["message"]).split("\n")] == lines  # type: ignore[index]
    assert [group["count"] for group in groups[:-1]] == [5] * (len(groups) - 1)
    assert groups[-1]["reason"] == "input"


@pytest.mark.parametrize(
    ("program", "expected"),
    [("from_yaml.py", "everything {"), ("in_python.py", "'counts': {"), ("own_component.py", "!!")],
)
def test_a_program_that_uses_wlf_as_a_library_runs(program: str, expected: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    command = [sys.executable, f"examples/library/{program}"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout


def test_a_transformer_beside_its_config_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run = WlfRun(tmp_path / "run", Path("examples/library/shout.yaml"), "--until-end")
    run.launch()
    assert run.wait() == 0, run.text()
    lines = (tmp_path / "examples/logs/data/shop.log").read_text().splitlines()
    events = _lines(tmp_path / "out/library/shout.jsonl")
    assert [event["message"] for event in events] == [line.upper() + "!!!" for line in lines]


def _run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, object]]]:
    """The example's output files by stem."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run = WlfRun(tmp_path / "run", Path(f"examples/{name}/{name}.yaml"), "--until-end")
    run.launch()
    assert run.wait() == 0, run.text()
    return {path.stem: _lines(path) for path in (tmp_path / "out" / name).iterdir()}


def test_filter_lets_through_what_its_expression_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _run("filter", tmp_path, monkeypatch)
    orders: list[Any] = found["orders"]
    assert orders
    assert {(line["database"], line["table"]) for line in orders} == {("shop", "orders")}
    assert all(line["type"] == "delete" or line["data"]["price"] > 1000 for line in orders)


def test_map_changes_the_tables_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, list[Any]] = _run("map", tmp_path, monkeypatch)
    for line in found["shop.orders"]:
        row = line["data"]
        assert row["total"] == pytest.approx(round(row["price"] * row["quantity"], 2))
        assert "note" not in row
        assert "customer_id" not in row
    customers = found["shop.customers"]
    assert all(str(line["data"]["email"]).startswith("***@") for line in customers)
    assert "settings" not in str(customers)
    assert {"note"} <= set(found["d1.t1"][0]["data"])


def test_separator_sends_lines_along_its_conditions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, list[Any]] = _run("separator", tmp_path, monkeypatch)
    assert {stem: len(lines) for stem, lines in found.items()} == {"accepted": 12, "errors": 2}
    assert [line.get("level") for line in found["errors"]] == ["ERROR", None]


def test_thin_leaves_out_events_by_share_rate_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, list[Any]] = _run("thin", tmp_path, monkeypatch)
    keys = [(line["table"], line["data"]["id"]) for line in found["deduped"]]
    assert len(keys) == len(set(keys))
    assert 0 < len(found["sampled"]) < len(keys) / 2
    by_table = [line["table"] for line in found["throttled"]]
    assert {table: by_table.count(table) for table in by_table} == dict.fromkeys(
        ("customers", "orders", "t1", "t2"), 20
    )


def test_lines_reach_a_web_service_also_through_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    lines = (tmp_path / "examples/logs/data/shop.log").read_text().splitlines()
    with WebService(refuses=lines[2]) as service:
        monkeypatch.setenv("SERVICE_URL", service.url)
        monkeypatch.setenv("SERVICE_TOKEN", "t0k")
        run = WlfRun(tmp_path / "run", Path("examples/http/http.yaml"), "--until-end")
        run.launch()
        assert service.was_asked.wait(60), run.text()
        run.kill()
        service.may_answer.set()
        run.launch()
        assert run.wait() == 0, run.text()
    assert set(service.asked) == {("/in/files", "Bearer t0k")}
    assert all(service.keys)
    assert service.taken == [line for line in lines if line != lines[2]]
    (refused,) = _lines(tmp_path / "out/http/refused.jsonl")
    assert refused["event"]["message"] == lines[2]  # type: ignore[index]
    assert str(refused["error"]).startswith("422")
    assert "t0k" not in run.text()


def test_tables_become_collections_and_a_second_run_changes_nothing(
    mongodb: MongoDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MONGODB_URI", mongodb.uri)
    found = []
    for state in ("first", "second"):
        run = WlfRun(tmp_path / state, Path("examples/mongodb/mongodb.yaml"), "--until-end")
        run.launch()
        assert run.wait() == 0, run.text()
        with mongodb.connect() as client:
            names = sorted(client.mirror_shop.list_collection_names())
        found.append({name: mongodb.documents("mirror_shop", name) for name in names})
    assert {"rows_customers", "rows_orders"} <= set(found[0])
    assert all(found[0].values())
    assert found[1] == found[0]
