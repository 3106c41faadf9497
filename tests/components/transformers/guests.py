"""Plugins as text, good and hostile, from one frame: what differs is given, the rest is as a good one has it."""

from __future__ import annotations

from typing import Any

from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.transformers.wasm import Wasm, WasmConfig

LOOP = "(loop $ever (br $ever))"
SAME = """(i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
                  (i64.extend_i32_u (local.get $size)))"""
TEXT_AT = 1024


def guest(
    transform: str | None = SAME,
    *,
    filter: str | None = None,
    init: str | None = None,
    alloc: str = "(i32.const 4096)",
    version: str = "(i32.const 1)",
    memory: str = '(memory (export "memory") 64)',
    imports: str = "",
    more: str = "",
    start: str | None = None,
) -> str:
    """A module; `transform`, `filter` and `init` see `$at` and `$size`."""
    calls = "".join(
        f'(func (export "{name}") (param $at i32) (param $size i32) (result {result}) (local $n i32) {body})\n'
        for name, result, body in (
            ("wlf_transform", "i64", transform),
            ("wlf_filter", "i64", filter),
            ("wlf_init", "i32", init),
        )
        if body is not None
    )
    started = f"(func $first {start}) (start $first)" if start is not None else ""
    return f"""(module {imports} {memory}
      (func (export "wlf_abi_version") (result i32) {version})
      (func (export "wlf_alloc") (param $size i32) (result i32) {alloc})
      {calls} {started} {more})"""


def answering(text: bytes) -> str:
    """A plugin whose answer is always this text."""
    escaped = "".join(f"\\{byte:02x}" for byte in text)
    return guest(
        f"(i64.or (i64.shl (i64.const {TEXT_AT}) (i64.const 32)) (i64.const {len(text)}))",
        more=f'(data (i32.const {TEXT_AT}) "{escaped}")',
        alloc="(i32.const 1048576)",
    )


def judging(verdicts: bytes) -> str:
    """A filter that always answers with these verdicts."""
    escaped = "".join(f"\\{byte:02x}" for byte in verdicts)
    return guest(
        None,
        filter=f"(i64.or (i64.shl (i64.const {TEXT_AT}) (i64.const 32)) (i64.const {len(verdicts)}))",
        more=f'(data (i32.const {TEXT_AT}) "{escaped}")',
    )


def poisoned_by(byte: str, then: str) -> str:
    """A plugin that changes nothing, until a batch holds the character: `then` is what it does."""
    return guest(
        f"""(local.set $n (local.get $at))
        (block $clean (loop $bytes
          (br_if $clean (i32.ge_u (local.get $n) (i32.add (local.get $at) (local.get $size))))
          (if (i32.eq (i32.load8_u (local.get $n)) (i32.const {ord(byte)})) (then {then}))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br $bytes)))
        {SAME}"""
    )


def make_wasm(module: Any, **options: Any) -> Wasm:
    """A transformer with the plugin in a file."""
    settings = {"destination": "next", "module": str(module), "cache_compiled": False, **options}
    return Wasm(configured(WasmConfig, **settings), make_context("plugin"))
