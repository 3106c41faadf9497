"""Wasm: lines with `_i` in, the same events or new ones of their kind out; instances, limits, the plugins of sdk."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from tests.components.fakes import make_context
from tests.components.rows import configured, insert, update
from tests.components.transformers.guests import LOOP, SAME, guest, make_wasm
from wlf.components.transformers._wasm.abi import PluginError
from wlf.components.transformers._wasm.answer import read_answer
from wlf.components.transformers._wasm.forms import Forms
from wlf.components.transformers._wasm.lines import number_lines, write_lines
from wlf.components.transformers.wasm import Wasm, WasmConfig
from wlf.errors import SetupError
from wlf.events import DeadLetter, LogLine, RowInsert, SchemaChange
from wlf.events.log import Container, ContainerLine, FileLine, Owner, Pod, PodLine
from wlf.events.rows import Place, put_place
from wlf.events.table import ColumnType, TableVersion

pytest.importorskip("wasmtime")

ROOT = Path(__file__).parents[3]
IDENTITY = ROOT / "sdk/wat/identity.wat"
EVERY_SECOND = ROOT / "sdk/wat/every_second.wat"
REDACT = ROOT / "sdk/built/redact.wasm"
CONTAINS = ROOT / "sdk/built/contains.wasm"
STATUS = ROOT / "sdk/built/status.wasm"


def logged(*messages: str) -> list[LogLine]:
    return [FileLine("files", 1.5, message, file="/var/log/a") for message in messages]


def changed(events: Any, change: Any) -> Any:
    """What comes of a plugin that changes each line's object by the function; None leaves it out."""
    given = write_lines(events)
    made = [change(json.loads(line, parse_float=Decimal)) for line in given.splitlines()]
    encode = msgspec.json.Encoder(decimal_format="number").encode
    answer = b"".join(encode(one) + b"\n" for one in made if one is not None)
    return read_answer(answer, given, events, Forms())


# What a plugin gets, and what becomes of its answer.


def test_a_line_is_the_events_json_with_its_index_first() -> None:
    lines = write_lines(logged("a", 'b"}\n{'))
    assert lines.splitlines()[1].startswith(b'{"_i":1,"source":"files","ts":1.5,"message":"b\\"}\\n{"')
    assert [json.loads(line)["_i"] for line in lines.splitlines()] == [0, 1]
    assert number_lines(b'{}\n{"a":{}}\n{}\n') == b'{"_i":0}\n{"_i":1,"a":{}}\n{"_i":2}\n'


def test_what_a_plugin_leaves_alone_is_the_very_sequence() -> None:
    events = logged("a", "b")
    assert make_wasm(IDENTITY).transform(events) is events
    assert make_wasm(IDENTITY).transform(()) == ()


def test_events_whose_lines_did_not_change_are_the_very_objects() -> None:
    events = logged("a", "b", "c")
    kept = changed(
        events, lambda line: None if line["_i"] == 0 else {**line, "message": "B"} if line["_i"] == 1 else line
    )
    assert [event.message for event in kept] == ["B", "c"]
    assert kept[0].file is events[1].file
    given = write_lines(events)
    answer = b"".join(line + b"\n" for line in given.splitlines()[1:])
    assert list(map(id, read_answer(answer, given, events, Forms()))) == [id(events[1]), id(events[2])]


def test_a_row_keeps_its_class_its_place_and_the_types_of_its_values() -> None:
    columns = {
        "id": (2**63, "bigint"),
        "price": (Decimal("10.50"), "decimal"),
        "ratio": (0.1, "double"),
        "raw": (b"\x00\xff", "blob"),
        "tags": (("a", "b"), "set"),
        "doc": ({"a": [1, 2.5, {"b": None}]}, "json"),
        "name": ("Ann", "varchar"),
        "note": (None, "varchar"),
        "gone": (UNSET, "int"),
    }
    version = TableVersion("d", "t", list(columns), [0], types=[ColumnType(kind) for _, kind in columns.values()])
    row = RowInsert("d", "t", "insert", 7, xid=9, data=version.row(*(value for value, _ in columns.values())))
    place = Place("uuid", "binlog.000001", 120, 7, None, 0, 1)
    put_place((row,), place)
    (event,) = changed([row], lambda line: {**line, "data": {**line["data"], "name": "***"}})
    assert type(event) is RowInsert
    assert event.place is place
    assert type(event.data) is version.row_class
    assert event.data == version.row(*("***" if name == "name" else value for name, (value, _) in columns.items()))
    assert [type(getattr(event.data, f"f{n}")) for n in range(9)] == [
        type(getattr(row.data, f"f{n}")) for n in range(9)
    ]  # fmt: skip
    assert event.xid == 9


def test_columns_may_change_go_and_come_and_nulls_get_values_of_their_columns_type() -> None:
    types = [ColumnType("decimal"), ColumnType("blob"), ColumnType("set"), ColumnType("double"), ColumnType("int")]
    version = TableVersion("d", "t", ["price", "raw", "tags", "ratio", "gone"], types=types)
    row = RowInsert("d", "t", "insert", 1, data=version.row(None, None, None, None, 5))
    data = {"price": 1.25, "raw": "AP8=", "tags": ["x"], "ratio": 2.5}
    (event,) = changed([row], lambda line: {**line, "data": data})
    assert event.data == version.row(Decimal("1.25"), b"\x00\xff", ("x",), 2.5, UNSET)
    assert type(event.data.f0) is Decimal
    with pytest.raises(PluginError, match="line 1: data: the table has no column 'other'"):
        changed([row], lambda line: {**line, "data": {"other": 1}})
    with pytest.raises(PluginError, match="data/raw: expected bytes in base64, got another text"):
        changed([row], lambda line: {**line, "data": {"raw": "*"}})
    with pytest.raises(PluginError, match="data/price: expected a number, got a list"):
        changed([row], lambda line: {**line, "data": {"price": []}})


def test_an_update_keeps_its_old_values_and_a_key_its_types() -> None:
    row = update(id=1, name="b", old={"name": "a"})
    (event,) = changed([row], lambda line: {**line, "old": {"name": "***"}})
    assert type(event.old) is type(row.old)
    assert (event.old.f0, event.old.f1, event.data) == (UNSET, "***", row.data)


def test_batches_of_many_kinds_are_each_what_they_were() -> None:
    change = SchemaChange("d", "table-drop", 2, "drop table t", table="t")
    letter = DeadLetter("kafka", "too large", 1, 2.5, insert(id=1, name="x"))
    put_place((letter.event,), Place("", "binlog.000001", 4, 1, None, 0, 1))
    events = [insert(id=1, name="x"), *logged("a"), change, letter]

    def change_each(line: dict[str, Any]) -> dict[str, Any]:
        inner = {"event": {**line["event"], "ts": 8}} if "event" in line else {}
        return {**line, **inner, "type": "seen"}

    kept = changed(events, change_each)
    assert list(map(type, kept)) == list(map(type, events))
    assert [event.type for event in kept] == ["seen"] * 4
    assert (type(kept[3].event), kept[3].event.ts, kept[3].event.place.offset) == (RowInsert, 8, 4)
    assert kept[0].data is events[0].data


def test_what_many_lines_share_stays_one_object() -> None:
    pod = Pod("shop", "web-1", "u1", "nginx", 0, labels={"app": "web"}, owner=Owner("Deployment", "web"))
    box = Container("c" * 64, "web", labels={"a": "b"})
    events: list[Any] = [PodLine("k", 1.0, str(n), kubernetes=pod) for n in range(3)]
    kept = changed(events, lambda line: {**line, "message": "x"})
    assert all(event.kubernetes is pod for event in kept)
    kept = changed(events, lambda line: {**line, "kubernetes": {**line["kubernetes"], "labels": {}}})
    assert {id(event.kubernetes) for event in kept} == {id(kept[0].kubernetes)}
    assert kept[0].kubernetes == msgspec.structs.replace(pod, labels={})
    assert kept[0].kubernetes.owner == pod.owner
    with pytest.raises(PluginError, match="line 1: kubernetes: Pod has no field 'zone'"):
        changed(events, lambda line: {**line, "kubernetes": {**line["kubernetes"], "zone": 1}})
    (line,) = changed([ContainerLine("d", 1.0, "m")], lambda line: {**line, "container": msgspec.to_builtins(box)})
    assert line.container == box


def test_attributes_of_a_line_hold_whatever_a_plugin_adds() -> None:
    (line,) = changed(logged("a"), lambda line: {**line, "attributes": {"level": "info", "n": 1, "x": 2.5}})
    assert line.attributes == {"level": "info", "n": 1, "x": 2.5}
    (line,) = changed([line], lambda line: {**line, "attributes": {**line["attributes"], "n": 2}})
    assert line.attributes == {"level": "info", "n": 2, "x": 2.5}
    assert type(line.attributes["x"]) is float


# The plugins of sdk.


def test_a_filter_keeps_by_its_verdicts_and_hands_on_the_objects() -> None:
    events = logged("a", "b", "c")
    assert list(map(id, make_wasm(EVERY_SECOND).transform(events))) == [id(events[0]), id(events[2])]
    plugin = make_wasm(CONTAINS, config={"keep": 'say "b"'})
    spoken = logged("a", 'say "b"')
    assert plugin.transform(spoken) == spoken[1:]
    assert make_wasm(CONTAINS, config={"drop": "a"}).transform(logged("a"))[:] == []
    only = logged("x")
    assert make_wasm(CONTAINS, config={"keep": "x"}).transform(only) is only


PATTERN = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+|(?<![A-Za-z0-9_])[0-9]{13,19}(?![A-Za-z0-9_])")


def masked(text: str) -> str:
    """What redact.c does to a text, by Python's `re`."""
    return PATTERN.sub(lambda found: "***" if "@" in found.group() else "****", text)


@pytest.mark.parametrize(
    "message",
    [
        "ann@example.com paid with 4111111111111111",
        "line\nbob@x.com \\n@y \t@z 4111111111111111\u2028",
        "a@b@c.d .@- 123456789012 1234567890123 12345678901234567890 1234567890123x x1234567890123 _1234567890123",
        '4111111111111111@x.com 4111111111111111.a@b "4111111111111111" \x01a@b',
        'é4111111111111111é ann@é @ "\\',
    ],
)
def test_redact_masks_what_pythons_re_masks(message: str) -> None:
    (event,) = make_wasm(REDACT).transform(logged(message))
    assert event == FileLine("files", 1.5, masked(message), file="/var/log/a")


def test_the_plugin_in_rust_keeps_lines_by_their_status(caplog: pytest.LogCaptureFixture) -> None:
    access = [f'10.0.0.1 - - [28/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" {code} 12' for code in (200, 404, 500, 503)]
    kept = make_wasm(STATUS, config={"min": 404}).transform(logged(*access, "no request"))
    assert [event.message for event in kept] == access[1:]
    assert len(make_wasm(STATUS).transform(logged(*access))) == 2
    with caplog.at_level(logging.INFO, "wlf.plugin"), pytest.raises(PluginError, match="E_CONFIG"):
        make_wasm(STATUS, config={"min": "x"}).transform(logged(*access))
    assert "plugin: expected a number in the option min" in caplog.text


# The module.


def test_a_digest_that_is_not_the_files_is_refused() -> None:
    digest = hashlib.sha256(REDACT.read_bytes()).hexdigest()
    asyncio.run(make_wasm(REDACT, sha256=digest.upper()).open())
    with pytest.raises(SetupError, match=f"expected sha256 {'0' * 64}, got {digest}"):
        asyncio.run(make_wasm(REDACT, sha256="0" * 64).open())
    with pytest.raises(msgspec.ValidationError, match="sha256"):
        configured(WasmConfig, destination="x", module="m", sha256="abc")


def test_a_module_that_is_too_large_is_not_read() -> None:
    with pytest.raises(SetupError, match="expected at most 100 bytes, got more"):
        asyncio.run(make_wasm(REDACT, max_module_bytes=100).open())


def test_the_call_is_whichever_the_plugin_has() -> None:
    with pytest.raises(SetupError, match="expected an export wlf_filter, got wlf_transform alone"):
        asyncio.run(make_wasm(IDENTITY, call="filter").open())


def test_with_both_calls_it_is_transform_unless_the_config_says_filter(tmp_path: Path) -> None:
    none = "(i64.const 0)"
    path = tmp_path / "both.wat"
    path.write_text(guest(none, filter="(i64.const -100)"))
    assert make_wasm(path).transform(logged("a")) == []
    with pytest.raises(PluginError, match="wlf_filter returned its own error code -100"):
        make_wasm(path, call="filter").transform(logged("a"))


def test_a_missing_library_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "wasmtime", None)
    for name in [name for name in sys.modules if "._wasm." in name]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SetupError, match="the library wasmtime cannot be loaded: ModuleNotFoundError") as caught:
        asyncio.run(make_wasm(IDENTITY).open())
    assert caught.value.hint == 'pip install "wlf[wasm]"'


def test_what_was_compiled_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    events = logged("a")
    for _ in range(2):
        assert make_wasm(IDENTITY, cache_compiled=True).transform(events) is events
    assert any(path.is_file() for path in tmp_path.rglob("*"))


def test_without_a_cache_directory_it_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(IDENTITY))  # a file
    events = logged("a")
    assert make_wasm(IDENTITY, cache_compiled=True).transform(events) is events


# Instances.


def test_constructors_the_version_and_init_are_called_once_an_instance_and_init_gets_the_config(tmp_path: Path) -> None:
    path = tmp_path / "init.wat"
    path.write_text(
        guest(
            SAME,
            init="(global.set $calls (i32.add (global.get $calls) (local.get $size))) (i32.const 0)",
            more='(global $calls (mut i32) (i32.const 0)) (func (export "_initialize") '
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1000))))",
            filter="(i64.sub (i64.const -64) (i64.extend_i32_u (i32.sub (global.get $calls) (i32.const 1000))))",
        )
    )
    plugin = make_wasm(path, call="filter", config={"a": [1]})
    for _ in range(2):
        with pytest.raises(PluginError, match=f"own error code -{64 + 9}"):
            plugin.transform(logged("a"))
    assert plugin.context.metrics["wlf_wasm_instances_total",] == 1  # a code is no fault


def test_an_instance_is_recycled_after_its_batches() -> None:
    plugin = make_wasm(IDENTITY, recycle_batches=2)
    for _ in range(5):
        plugin.transform(logged("a"))
    assert plugin.context.metrics["wlf_wasm_instances_total",] == 3


def test_an_instance_is_recycled_when_its_memory_is_over_half_of_the_cap() -> None:
    plugin = make_wasm(IDENTITY, max_memory_bytes=1 << 20)
    plugin.transform(logged("x" * 100_000))
    assert plugin.context.metrics["wlf_wasm_instances_total",] == 1
    plugin.transform(logged("x" * 700_000))
    plugin.transform(logged("a"))
    assert plugin.context.metrics["wlf_wasm_instances_total",] == 2


def test_a_batch_over_max_batch_bytes_is_given_in_parts() -> None:
    events = logged(*(str(n) * 100 for n in range(50)))
    plugin = make_wasm(EVERY_SECOND, max_batch_bytes=1_024)
    kept = plugin.transform(events)
    assert len(kept) > 25  # the first of each part
    assert [event for event in events if event in kept] == kept
    assert make_wasm(IDENTITY, max_batch_bytes=1_024).transform(events) == events
    assert make_wasm(IDENTITY, max_batch_bytes=1_024).transform(logged("y" * 5_000)) == logged("y" * 5_000)


def test_large_batches_ask_for_a_thread_and_small_ones_do_not() -> None:
    plugin = make_wasm(IDENTITY)
    plugin.transform(logged("x" * 1_000))
    assert not plugin.runs_long(10)
    assert plugin.runs_long(100)


def test_closing_ends_the_call_that_is_under_way(tmp_path: Path) -> None:
    path = tmp_path / "loop.wat"
    path.write_text(guest(f'(call $log (i32.const 2) (i32.const 0) (i32.const 0)) {LOOP} unreachable',
                          imports='(import "wlf" "log" (func $log (param i32 i32 i32)))'))  # fmt: skip
    plugin = make_wasm(path, deadline_ms=3_600_000)
    failed: list[PluginError] = []
    inside = threading.Event()

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            inside.set()

    def call() -> None:
        with pytest.raises(PluginError) as caught:
            plugin.transform(logged("a"))
        failed.append(caught.value)

    logger, handler = logging.getLogger("wlf.plugin"), Told()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        thread = threading.Thread(target=call)
        thread.start()
        assert inside.wait(60)
        asyncio.run(plugin.close())
        thread.join(60)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert [error.kind for error in failed] == ["deadline"]
    with pytest.raises(PluginError, match="the run is over"):
        plugin.transform(logged("a"))


def test_two_plugins_in_two_threads_do_not_mix_their_lines() -> None:
    def run(plugin: Wasm, name: str) -> None:
        for n in range(1, 60):
            events = logged(*(f"{name}{n} a@b" for _ in range(n)))
            assert [event.message for event in plugin.transform(events)] == [f"{name}{n} ***"] * n
        done.append(name)

    done: list[str] = []
    threads = [threading.Thread(target=run, args=(make_wasm(REDACT), name)) for name in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["x", "y"]


def test_thousands_of_faults_leave_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "trap.wat"
    path.write_text(guest("unreachable"))
    plugin = make_wasm(path)

    def fail(times: int) -> int:
        for _ in range(times):
            with pytest.raises(PluginError):
                plugin.transform(logged("a"))
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    before = fail(500)
    assert fail(3_000) - before < 32 << 20


def test_making_one_reads_no_file() -> None:
    Wasm(configured(WasmConfig, destination="x", module="nowhere.wasm"), make_context())
