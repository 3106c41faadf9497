"""Whatever a plugin does, wlf goes on, the error says what it did, nothing of the events is in it, and none is lost."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.components.transformers.guests import LOOP, SAME, answering, guest, judging, make_wasm, poisoned_by
from wlf.components.transformers._wasm.abi import PluginError
from wlf.components.transformers.wasm import Wasm, WasmConfig
from wlf.errors import SetupError
from wlf.events import DeadLetter, LogLine
from wlf.testing import EOF, Record, RecordingConfig, RecordingDispatcher, ScriptedCollector, ScriptedConfig, run_graph

pytest.importorskip("wasmtime")

ROOT = Path(__file__).parents[3]
SECRET = "hunter2"
EVENTS = [LogLine("s", float(n), f"{SECRET} {n}") for n in range(3)]
LOG = '(import "wlf" "log" (func $log (param i32 i32 i32)))'
WASI = "wasi_snapshot_preview1"

NO_MODULES = {
    "text that is no module": (b"#!/bin/sh\n", "module", "expected a WebAssembly module, got something else"),
    "nothing": (b"", "module", "expected a WebAssembly module, got something else"),
    "a component": (b"\0asm\x0d\0\x01\0", "module", "expected a core module, got a component"),
    "a module that is cut": (b"\0asm\x01\0\0\0\x01\x20", "module", "not a valid module"),
    "memory missing": (guest(memory="(memory 1)"), "abi", "expected an export memory, got none"),
    "memory that is a function": (
        guest(memory='(memory 1) (func (export "memory"))'),
        "abi",
        "expected an export memory, got none",
    ),
    "no call": (guest(None), "abi", "expected an export wlf_transform or wlf_filter, got neither"),
    "another version": (guest(version="(i32.const 2)"), "abi", "expected version 1 of the interface, got 2"),
    "a transform of another signature": (
        '(module (memory (export "memory") 1) (func (export "wlf_abi_version") (result i32) (i32.const 1))'
        '(func (export "wlf_alloc") (param i32) (result i32) (i32.const 16))'
        '(func (export "wlf_transform") (param i64 i64 i64) (result f64) (f64.const 0)))',
        "abi",
        r"expected wlf_transform\(i32, i32\) -> i64, got \(i64, i64, i64\) -> f64",
    ),
    "a call that is a global": (
        guest(None, filter=SAME, more='(global (export "wlf_transform") i32 (i32.const 0))'),
        "abi",
        r"expected wlf_transform\(i32, i32\) -> i64, got no function",
    ),
    "an import that there is not": (
        guest(imports='(import "env" "system" (func (param i32) (result i32)))'),
        "abi",
        r"it imports env.system\(i32\) -> i32, which wlf does not have",
    ),
    "an import of a memory": (
        guest(imports='(import "env" "memory" (memory 1))', memory=""),
        "abi",
        "expected an export memory, got none",
    ),
    "a log of another signature": (
        guest(imports='(import "wlf" "log" (func (param i64)))'),
        "abi",
        r"expected the import wlf.log\(i32, i32, i32\), got \(i64\)",
    ),
    "WASI that was not asked for": (
        guest(imports=f'(import "{WASI}" "fd_write" (func (param i32 i32 i32 i32) (result i32)))'),
        "abi",
        "plugins get no WASI",
    ),
    "WASI of another signature": (
        guest(imports=f'(import "{WASI}" "fd_write" (func (param i32) (result i32)))'),
        "abi",
        "which wlf does not have",
    ),
    "3 GiB of memory": (guest(memory='(memory (export "memory") 49152)'), "instantiate", "cannot be made an instance"),
    "a table of 20 million": (guest(more="(table 20000000 funcref)"), "instantiate", "cannot be made an instance"),
    "two memories": (guest(more="(memory 1)"), "module", "not a valid module"),
    "shared memory": (guest(memory='(memory (export "memory") 1 2 shared)'), "module", "not a valid module"),
    "64-bit memory": (guest(memory='(memory (export "memory") i64 1)'), "module", "not a valid module"),
    "an endless start": (guest(start=LOOP), "deadline", "its start function did not come back within 50 ms"),
    "a start that gives up": (guest(start="unreachable"), "trap", "its start function gave up"),
    "an endless init": (guest(init=f"{LOOP} unreachable"), "deadline", "wlf_init did not come back within 50 ms"),
    "an endless version": (guest(version=f"{LOOP} unreachable"), "deadline", "wlf_abi_version did not come back"),
    "a config that it cannot use": (guest(init="(i32.const -1)"), "code", "wlf_init returned E_CONFIG"),
    "an init of its own code": (guest(init="(i32.const -70)"), "code", "wlf_init returned its own error code -70"),
    "an init of no code": (guest(init="(i32.const 7)"), "code", "wlf_init returned 7, which is no code"),
}

LINE = b'{"_i":%d,"source":"s","ts":0.5,"message":"m","type":"log"}\n'
FAULTS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "an endless loop": (guest(f"{LOOP} unreachable"), {}, "deadline", "wlf_transform did not come back within 50 ms"),
    "an endless alloc": (guest(alloc=f"{LOOP} unreachable"), {}, "deadline", "did not come back within 50 ms"),
    "a panic": (guest("unreachable"), {}, "trap", r"wlf_transform gave up \(unreachable"),
    "a division by zero": (
        guest("(i64.div_u (i64.const 1) (i64.extend_i32_u (local.get $n)))"),
        {},
        "trap",
        "divided by zero",
    ),
    "a load past the end": (guest("(i64.load (i32.const -8))"), {}, "trap", "reached past the end of its memory"),
    "an endless recursion": (
        guest("(call $deep (i64.const 1))", more="(func $deep (param i64) (result i64) (call $deep (local.get 0)))"),
        {},
        "stack",
        "used up its stack of 524288 bytes",
    ),
    "a call of nothing": (
        guest("(call_indirect (result i64) (i32.const 0))", more="(table 1 funcref)"),
        {},
        "trap",
        "called a function that is not there",
    ),
    "memory without end": (
        guest(
            "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (i64.const -3)",
        ),
        {},
        "code",
        "wlf_transform returned E_MEMORY",
    ),
    "no room": (guest(alloc="(i32.const 0)"), {}, "bounds", "wlf_alloc had no memory for"),
    "room past the end": (guest(alloc="(i32.const 4194300)"), {}, "bounds", "leads out of its memory"),
    "room at a negative address": (guest(alloc="(i32.const -16)"), {}, "bounds", "leads out of its memory"),
    "an answer past the end": (guest("(i64.const 0x7fffffff00000010)"), {}, "bounds", "leads out of its memory"),
    "an answer that is too long for the memory": (guest("(i64.const 0x0000000003ffffff)"), {}, "bounds", "leads out"),
    "an answer of 4 GiB": (
        guest("(i64.const 0x00000000ffffffff)"),
        {},
        "output",
        "an answer of at most 67108864 bytes",
    ),
    "an answer over the limit": (guest(), {"max_output_bytes": 10}, "output", "an answer of at most 10 bytes, got"),
    "E_INPUT": (guest("(i64.const -2)"), {}, "code", "wlf_transform returned E_INPUT: it cannot read the events"),
    "a code of its own": (guest("(i64.const -255)"), {}, "code", "its own error code -255"),
    "a code of nobody": (guest("(i64.const -4000000000)"), {}, "code", "which is no code of the interface"),
    "all its fuel": (
        guest(f"{LOOP} unreachable"),
        {"max_fuel": 100_000, "deadline_ms": 60_000},
        "fuel",
        "used up its fuel of 100000",
    ),
    "an answer that is no JSON": (answering(b"hello\n"), {}, "output", "line 1: JSON is malformed"),
    "an answer in bytes": (answering(b'{"_i":0,"message":"\xff"}\n'), {}, "output", "line 1: "),
    "an answer without an end": (answering(LINE[:-1] % 0), {}, "output", "expected a line end behind each line"),
    "an answer of a list": (answering(b"[0]\n"), {}, "output", "line 1: expected `object`, got `array`"),
    "a line without its index": (answering(b'{"message":"m"}\n'), {}, "output", "missing required field `_i`"),
    "an index that is a text": (answering(b'{"_i":"0"}\n'), {}, "output", "expected `int`, got `str`"),
    "an index that no event has": (answering(LINE % 3), {}, "output", "expected `_i` of 0 to 2, got 3"),
    "a negative index": (answering(LINE % -1), {}, "output", "expected `_i` of 0 to 2, got -1"),
    "an index without end": (answering(b'{"_i":' + b"9" * 5000 + b"}\n"), {}, "output", "out of range"),
    "an index twice": (
        answering(LINE % 1 + LINE % 1),
        {},
        "output",
        "line 2: expected `_i` in rising order, got 1 twice",
    ),
    "more lines than events": (answering(LINE % 0 * 4), {}, "output", "line 2: expected `_i` in rising order"),
    "another order": (answering(LINE % 2 + LINE % 0), {}, "output", "got 0 behind 2"),
    "a field that no event has": (
        answering(b'{"_i":0,"source":"s","ts":1,"message":"m","level":"info"}\n'),
        {},
        "output",
        "contains unknown field `level`",
    ),
    "a field that is missing": (answering(b'{"_i":0,"ts":1,"message":"m"}\n'), {}, "output", "missing required field"),
    "a field of another type": (
        answering(b'{"_i":0,"source":"s","ts":"now","message":"m"}\n'),
        {},
        "output",
        r"expected `float`, got `str` - at `\$.ts`",
    ),
    "JSON 100,000 deep": (
        answering(b'{"_i":0,"source":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"),
        {},
        "output",
        "nested too deeply|expected `str`, got `array`",
    ),
    "attributes 100,000 deep": (
        answering(LINE[:-2] % 0 + b',"attributes":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}\n"),
        {},
        "output",
        "nested too deeply",
    ),
    "a number without end": (
        answering(LINE[:-2] % 0 + b',"attributes":{"a":1e999999999}}\n'),
        {},
        "output",
        "a number is too large",
    ),
    "an exponent without end": (
        answering(LINE[:-2] % 0 + b',"attributes":{"a":1e99999999999999999999}}\n'),
        {},
        "output",
        "not a number",
    ),
    "too few verdicts": (judging(b"\1"), {}, "output", "expected 3 verdicts, one byte for each line, got 1"),
    "too many verdicts": (judging(b"\1\1\1\1"), {}, "output", "expected 3 verdicts, one byte for each line, got 4"),
    "an unknown verdict": (judging(b"\1\7\1"), {}, "output", "expected the verdicts 0 .drop. and 1 .keep., got 7"),
    "a log from nowhere": (
        guest(f"(call $log (i32.const 0) (i32.const -64) (i32.const 64)) {SAME}", imports=LOG),
        {},
        "bounds",
        "the text of wlf.log leads out of its memory",
    ),
    "a log of a negative length": (
        guest(f"(call $log (i32.const 0) (i32.const 64) (i32.const -1)) {SAME}", imports=LOG),
        {},
        "bounds",
        "the text of wlf.log leads out of its memory",
    ),
    "a flood of log lines": (
        guest(f"(loop $ever (call $log (i32.const 2) (i32.const 64) (i32.const 64)) (br $ever)) {SAME}", imports=LOG),
        {},
        "deadline",
        "did not come back within 50 ms",
    ),
    "an end of the program": (
        guest(
            f"(call $exit (i32.const 3)) {SAME}",
            imports=f'(import "{WASI}" "proc_exit" (func $exit (param i32)))',
        ),
        {"wasi": "stub"},
        "exit",
        "it ended itself with exit code 3",
    ),
    "a clock past the end": (
        guest(
            f"(drop (call $clock (i32.const 0) (i64.const 1) (i32.const -4))) {SAME}",
            imports=f'(import "{WASI}" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))',
        ),
        {"wasi": "stub"},
        "bounds",
        "an address given to the host leads out of its memory",
    ),
}


def _write(tmp_path: Path, module: str | bytes) -> Path:
    path = tmp_path / ("plugin.wasm" if isinstance(module, bytes) else "plugin.wat")
    path.write_bytes(module if isinstance(module, bytes) else module.encode())
    return path


def _is_alive() -> bool:
    good = make_wasm(ROOT / "sdk/wat/identity.wat")
    return good.transform(EVENTS) is EVENTS


@pytest.mark.parametrize("name", NO_MODULES)
def test_a_module_that_cannot_be_used_is_an_error_before_any_event(name: str, tmp_path: Path) -> None:
    module, kind, told = NO_MODULES[name]
    plugin = make_wasm(_write(tmp_path, module), deadline_ms=50)
    with pytest.raises(SetupError, match=told) as caught:
        asyncio.run(plugin.open())
    assert isinstance(caught.value.__cause__, PluginError)
    assert caught.value.__cause__.kind == kind
    assert _is_alive()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_an_error_that_says_what_the_plugin_did(name: str, tmp_path: Path) -> None:
    module, options, kind, told = FAULTS[name]
    plugin = make_wasm(_write(tmp_path, module), **{"deadline_ms": 50, **options})
    asyncio.run(plugin.open())
    for _ in range(2):  # and the second time just so, on a fresh instance
        with pytest.raises(PluginError, match=told) as caught:
            plugin.transform(EVENTS)
        assert caught.value.kind == kind
        assert SECRET not in str(caught.value)
    assert plugin.context.metrics["wlf_wasm_errors_total", kind] == 2
    asyncio.run(plugin.close())
    assert _is_alive()


def test_memory_stays_under_its_cap(tmp_path: Path) -> None:
    hog = guest("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (i64.const -3)")
    plugin = make_wasm(_write(tmp_path, hog), max_memory_bytes=8 << 20)
    for _ in range(5):
        with pytest.raises(PluginError, match="E_MEMORY"):
            plugin.transform(EVENTS)
    assert plugin.context.metrics["wlf_wasm_memory_bytes",] == 8 << 20
    assert plugin.context.metrics["wlf_wasm_instances_total",] == 5  # a full memory is not kept


def test_a_flood_of_log_lines_is_thinned_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module, _, _, _ = FAULTS["a flood of log lines"]
    plugin = make_wasm(_write(tmp_path, module), deadline_ms=50)
    with caplog.at_level(logging.INFO, "wlf.plugin"), pytest.raises(PluginError):
        plugin.transform(EVENTS)
    assert 100 <= len(caplog.records) <= 110
    assert plugin.context.metrics["wlf_wasm_suppressed_log_lines_total",] > 0


def test_a_log_line_is_one_printable_line_of_4_096_bytes_at_most(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = r"\1b[2J first\0asecond \ff"
    module = guest(
        f"(call $log (i32.const 9) (i32.const 64) (i32.const 999999)) {SAME}",
        imports=LOG,
        more=f'(data (i32.const 64) "{text}")',
    )
    plugin = make_wasm(_write(tmp_path, module))
    with caplog.at_level(logging.INFO, "wlf.plugin"):
        plugin.transform(EVENTS)
    (record,) = caplog.records
    assert record.getMessage().startswith(r"plugin: \x1b[2J first\nsecond \xff\x00")
    assert record.levelno == logging.ERROR
    assert record.getMessage().isprintable()
    assert len(record.getMessage()) <= len("plugin: ") + 4 * 4_096


WASI_CALLS = {
    "a file": ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32", (3, 0, 0, 0, 0, 0, 0, 0, 0), 8),
    "a directory": ("fd_prestat_get", "i32 i32", (3, 0), 8),
    "a socket": ("sock_accept", "i32 i32 i32", (3, 0, 0), 8),
    "a sleep": ("poll_oneoff", "i32 i32 i32 i32", (0, 64, 1, 128), 52),
    "4 GiB of random bytes": ("random_get", "i32 i32", (0, -1), 28),
    "its variables": ("environ_sizes_get", "i32 i32", (0, 8), 0),
}
"""(function, parameters, arguments, WASI's error number) of what a plugin might want of the host."""


@pytest.mark.parametrize("name", WASI_CALLS)
def test_the_stub_of_wasi_grants_nothing(name: str, tmp_path: Path) -> None:
    """The number comes back as the plugin's own error code."""
    function, parameters, arguments, number = WASI_CALLS[name]
    given = " ".join(f"({kind}.const {value})" for kind, value in zip(parameters.split(), arguments, strict=True))
    module = guest(
        f"(i64.sub (i64.const -64) (i64.extend_i32_u (call $asked {given})))",
        imports=f'(import "{WASI}" "{function}" (func $asked (param {parameters}) (result i32)))',
    )
    plugin = make_wasm(_write(tmp_path, module), wasi="stub")
    with pytest.raises(PluginError, match=f"its own error code -{64 + number}$"):
        plugin.transform(EVENTS)


def test_printing_the_same_bytes_a_thousand_times_is_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    vectors = r"\00\00\00\00\00\00\40\00" * 1_000  # each: 4 MiB at 0
    module = guest(
        f"(drop (call $asked (i32.const 1) (i32.const 65536) (i32.const 1000) (i32.const 8))) {SAME}",
        imports=f'(import "{WASI}" "fd_write" (func $asked (param i32 i32 i32 i32) (result i32)))',
        more=f'(data (i32.const 65536) "{vectors}")',
    )
    plugin = make_wasm(_write(tmp_path, module), wasi="stub")
    with caplog.at_level(logging.INFO, "wlf.plugin"):
        assert plugin.transform(EVENTS) is EVENTS
    assert sum(len(record.getMessage()) for record in caplog.records) < 1_000_000


def _run(module: Path, on_error: str, messages: list[str], **options: Any) -> tuple[Any, list[str], list[DeadLetter]]:
    healthy, dead = Record(), Record()
    wants_dead = {"dead_letter": "dead"} if on_error == "dead_letter" else {}
    wasm = WasmConfig(
        id="plugin", destination="sink", module=str(module), deadline_ms=50, cache_compiled=False,
        on_error=on_error, **wants_dead, **options,
    )  # fmt: skip
    script = [[LogLine("s", 0.0, message)] for message in messages[:1]]
    script.append([LogLine("s", 0.0, message) for message in messages[1:]])
    report = run_graph(
        (ScriptedCollector, ScriptedConfig(id="source", destination="plugin", script=[*script, EOF])),
        (Wasm, wasm),
        (RecordingDispatcher, RecordingConfig(id="sink", record=healthy)),
        *([(RecordingDispatcher, RecordingConfig(id="dead", record=dead))] if wants_dead else []),
    )
    return report, healthy.messages, dead.events


MESSAGES = ["a", "b", "poison !", "c", "d"]
HEALTHY = [message for message in MESSAGES if "!" not in message]


@pytest.mark.parametrize(
    "then", [LOOP, "unreachable", "(return (i64.const -2))", "(return (i64.const 0x7fffffffffffffff))"]
)
@pytest.mark.parametrize("on_error", ["drop", "pass", "dead_letter"])
def test_no_event_is_lost_whatever_the_plugin_does_with_one(then: str, on_error: str, tmp_path: Path) -> None:
    module = _write(tmp_path, poisoned_by("!", then))
    report, healthy, dead = _run(module, on_error, MESSAGES)
    assert report.exit_code == 0, report.problems
    assert healthy == (MESSAGES if on_error == "pass" else HEALTHY)
    assert [letter.event.message for letter in dead] == (["poison !"] if on_error == "dead_letter" else [])
    assert report.counts["plugin"].get("dropped", 0) == (1 if on_error == "drop" else 0)
    assert all(letter.error.startswith("plugin: ") for letter in dead)


def test_with_stop_the_run_ends_and_names_the_place_and_the_fault(tmp_path: Path) -> None:
    report, healthy, _ = _run(_write(tmp_path, poisoned_by("!", LOOP)), "stop", MESSAGES)
    assert report.exit_code == 1
    assert healthy == ["a"]
    (problem,) = report.problems
    assert problem.startswith("plugin: plugin: wlf_transform did not come back within 50 ms")
    assert "at a log line of s" in problem
    assert "poison" not in problem


def test_a_module_that_is_not_there_ends_the_run_before_anything_is_read(tmp_path: Path) -> None:
    report, healthy, _ = _run(tmp_path / "none.wasm", "stop", MESSAGES)
    assert report.exit_code == 1
    assert healthy == []
    assert "none.wasm: no such file or directory" in report.problems[0]
