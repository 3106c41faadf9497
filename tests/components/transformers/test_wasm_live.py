"""Live pipelines with a plugin in them: it filters, it is ended at its deadline, and no event is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.components.transformers.guests import LOOP, guest, poisoned_by
from tests.integration.wlf_run import WlfRun
from tests.servers.mysql import MySQL

pytest.importorskip("wasmtime")

ROOT = Path(__file__).parents[3]
CONTAINS = ROOT / "sdk/built/contains.wasm"
REDACT = ROOT / "sdk/built/redact.wasm"
DEADLINE = {"deadline_ms": 200, "cache_compiled": False}


def _files(tmp_path: Path, plugin: dict[str, Any]) -> dict[str, Any]:
    log = {"id": "files", "type": "File", "include": [str(tmp_path / "*.log")], "destination": "plugin"}
    out = {"type": "File", "format": "json"}
    return {
        "collectors": [log],
        "transformers": [{"id": "plugin", "type": "Wasm", "destination": "out", **plugin}],
        "dispatchers": [
            {**out, "id": "out", "path": str(tmp_path / "out.jsonl")},
            *([{**out, "id": "dead", "path": str(tmp_path / "dead.jsonl")}] if "dead_letter" in plugin else []),
        ],
    }


def _events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _has(path: Path, count: int) -> Callable[[], bool]:
    return lambda: len(_events(path)) >= count


def _append(path: Path, *lines: str) -> None:
    with path.open("a") as log:
        log.writelines(f"{line}\n" for line in lines)


def _plugin(tmp_path: Path, text: str) -> str:
    path = tmp_path / "plugin.wat"
    path.write_text(text)
    return str(path)


def test_a_plugin_filters_lines_while_they_are_written(tmp_path: Path) -> None:
    plugin = {"module": str(CONTAINS), "config": {"drop": "healthz"}, "cache_compiled": False}
    with WlfRun(tmp_path / "run", _files(tmp_path, plugin)) as run:
        for batch in range(5):
            _append(tmp_path / "a.log", *(f"GET /{'healthz' if n % 3 else 'cart'} {batch} {n}" for n in range(30)))
            run.wait_for(_has(tmp_path / "out.jsonl", 10 * (batch + 1)), f"deliver batch {batch}")
        assert 'wlf_dropped_events_total{node="plugin",reason="filtered"} 100' in run.metrics()
        assert run.terminate() == 0
    assert [event["message"] for event in _events(tmp_path / "out.jsonl")] == [
        f"GET /cart {batch} {n}" for batch in range(5) for n in range(0, 30, 3)
    ]


def test_a_plugin_that_is_ended_at_its_deadline_costs_no_event_and_holds_nobody_up(tmp_path: Path) -> None:
    plugin = {
        "module": _plugin(tmp_path, poisoned_by("!", LOOP)),
        "dead_letter": "dead",
        **DEADLINE,
        "deadline_ms": 1_500,
    }
    healthy, poison, padding = tmp_path / "out.jsonl", tmp_path / "dead.jsonl", "x" * 300
    with WlfRun(tmp_path / "run", _files(tmp_path, plugin)) as run:
        _append(tmp_path / "a.log", *(f"{padding} first {n}" for n in range(600)))
        run.wait_for(_has(healthy, 600), "deliver what is healthy")
        _append(tmp_path / "a.log", *(f"{padding} then {n}{' !' if n == 300 else ''}" for n in range(600)))
        answers = 0
        while not poison.exists() or not _events(poison):  # the endpoint answers all the time, as the plugin does not
            assert "wlf_events_in_total" in run.metrics()
            answers += 1
        assert answers > 20
        run.wait_for(_has(healthy, 1_199), "deliver the others")
        numbers = run.metrics()
        assert run.terminate() == 0
    assert [event["message"].removeprefix(f"{padding} ") for event in _events(healthy)] == [
        *(f"first {n}" for n in range(600)),
        *(f"then {n}" for n in range(600) if n != 300),
    ]
    (letter,) = _events(poison)
    assert letter["event"]["message"] == f"{padding} then 300 !"
    assert letter["error"] == "plugin: wlf_transform did not come back within 1500 ms"
    (counted,) = re.findall(r'^wlf_wasm_errors_total\{.*kind="deadline".*\} (\d+)$', numbers, re.MULTILINE)
    assert int(counted) >= 2  # the batch with the poison in it, and then the poison by itself


def test_a_run_that_a_plugin_stopped_goes_on_where_it_was_with_a_better_one(tmp_path: Path) -> None:
    plugin = {"module": _plugin(tmp_path, poisoned_by("!", LOOP)), **DEADLINE}
    run = WlfRun(tmp_path / "run", _files(tmp_path, plugin))
    _append(tmp_path / "a.log", *(f"line {n}" for n in range(50)))
    with run:
        run.wait_for(_has(tmp_path / "out.jsonl", 50), "deliver what is healthy")
        _append(tmp_path / "a.log", "poison !", "behind it")
        assert run.wait() == 1
    assert "plugin: wlf_transform did not come back within 200 ms at " in run.text()
    assert "poison" not in run.text()
    assert len(_events(tmp_path / "out.jsonl")) == 50
    _plugin(tmp_path, guest())
    with run:
        run.wait_for(_has(tmp_path / "out.jsonl", 52), "deliver the rest")
        assert run.terminate() == 0
    messages = [event["message"] for event in _events(tmp_path / "out.jsonl")]
    assert messages == [*(f"line {n}" for n in range(50)), "poison !", "behind it"]


def test_sigterm_ends_a_plugin_in_the_middle_of_a_call_and_nothing_is_lost(tmp_path: Path) -> None:
    endless = poisoned_by("!", f"(call $log (i32.const 2) (i32.const 0) (i32.const 0)) {LOOP}").replace(
        "(module", '(module (import "wlf" "log" (func $log (param i32 i32 i32)))', 1
    )
    plugin = {"module": _plugin(tmp_path, endless), "cache_compiled": False, "deadline_ms": 3_600_000}
    config = {**_files(tmp_path, plugin), "shutdown_timeout_ms": 1_000}
    run = WlfRun(tmp_path / "run", config)
    lines = [f"{'x' * 300} {n}{' !' if n == 500 else ''}" for n in range(1_000)]
    with run:
        _append(tmp_path / "a.log", "a healthy one")
        run.wait_for(_has(tmp_path / "out.jsonl", 1), "deliver the first")
        _append(tmp_path / "a.log", *lines)
        run.wait_for(lambda: "INFO    plugin: plugin: " in run.text(), "be in the call")
        assert run.terminate() == 1
    _plugin(tmp_path, guest())
    with run:
        run.wait_for(_has(tmp_path / "out.jsonl", 1_001), "deliver the rest")
        assert run.terminate() == 0
    assert [event["message"] for event in _events(tmp_path / "out.jsonl")] == ["a healthy one", *lines]


def test_rows_of_a_live_binlog_go_through_a_plugin_and_stay_rows_of_their_place(mysql: MySQL, tmp_path: Path) -> None:
    mysql.execute(
        "DROP DATABASE IF EXISTS wasm",
        "CREATE DATABASE wasm",
        "CREATE TABLE wasm.people (id INT PRIMARY KEY, mail VARCHAR(50), owed DECIMAL(10,2), raw BLOB)",
    )
    server = {"host": "127.0.0.1", "port": mysql.port, "user": "root", "password": "password"}
    positions = {"output": {"position": True}}
    out = {"type": "File", "format": "json"}
    config = {
        "collectors": [{"id": "binlog", "type": "Binlog", "destination": "only", **server, **positions}],
        "transformers": [
            {"id": "only", "type": "BinlogFilter", "destination": "mask",
             "rules": [{"exclude": {"database": "*"}}, {"include": {"database": "wasm"}}]},
            {"id": "mask", "type": "Wasm", "destination": "poison", "module": str(REDACT), "cache_compiled": False},
            {"id": "poison", "type": "Wasm", "destination": "out", "dead_letter": "dead", **DEADLINE,
             "module": _plugin(tmp_path, poisoned_by("!", LOOP))},
        ],
        "dispatchers": [
            {**out, "id": "out", "path": str(tmp_path / "out.jsonl")},
            {**out, "id": "dead", "path": str(tmp_path / "dead.jsonl")},
        ],
    }  # fmt: skip
    with WlfRun(tmp_path / "run", config) as run:
        for n in range(20):
            mail = f"p{n}@example.com" if n != 7 else "poison !"
            mysql.execute(f"INSERT INTO wasm.people VALUES ({n}, '{mail}', {n}.50, x'00ff')")
        mysql.execute("UPDATE wasm.people SET owed = 0 WHERE id = 3", "DELETE FROM wasm.people WHERE id = 4")
        run.wait_for(_has(tmp_path / "out.jsonl", 21), "deliver all rows")
        run.wait_for(_has(tmp_path / "dead.jsonl", 1), "put the poison aside")
        assert run.terminate() == 0
    rows = _events(tmp_path / "out.jsonl")
    assert [(row["type"], row["data"]["id"]) for row in rows] == [
        *(("insert", n) for n in range(20) if n != 7),
        ("update", 3),
        ("delete", 4),
    ]
    assert {row["data"]["mail"] for row in rows} == {"***"}
    assert [row["data"]["owed"] for row in rows[:3]] == [0.5, 1.5, 2.5]
    assert {row["data"]["raw"] for row in rows} == {"AP8="}
    assert rows[19]["old"] == {"owed": 3.5}
    assert len({row["position"] for row in rows}) == 21
    (letter,) = _events(tmp_path / "dead.jsonl")
    assert letter["event"]["data"]["id"] == 7
