"""A plugin's file: read, compared with its digest, compiled, and held against the interface."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from wlf.components.transformers._wasm.abi import (
    EXPORTS,
    LOG,
    LOG_MODULE,
    LOG_SIGNATURE,
    MEMORY,
    SIGNATURES,
    Call,
    PluginError,
)
from wlf.components.transformers._wasm.library import wasmtime
from wlf.components.transformers._wasm.wasi import WASI_MODULE, has_stub

_MAGIC = b"\0asm"
_COMPONENT = b"\0asm\x0d\x00\x01\x00"
_NAME_CHARACTERS = 80


class Loaded(NamedTuple):
    """A module that keeps to the interface, with what it offers."""

    module: wasmtime.Module
    functions: frozenset[str]
    imports: tuple[str, ...]
    size: int
    sha256: str


def read_module(path: Path, max_bytes: int, sha256: str | None) -> bytes:
    """The bytes of the file.

    Raises:
        PluginError: it cannot be read, is too large, or is not the one that was meant.
    """
    try:
        with path.open("rb") as file:
            code = file.read(max_bytes + 1)
    except OSError as error:
        raise PluginError("module", f"{path}: {(error.strerror or str(error)).lower()}") from error
    if len(code) > max_bytes:
        raise PluginError(
            "module", f"{path}: expected at most {max_bytes} bytes, got more", hint="max_module_bytes allows more"
        )
    found = hashlib.sha256(code).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise PluginError(
            "module",
            f"{path}: expected sha256 {sha256.lower()}, got {found}",
            hint="the file is not the one that the config names",
        )
    return code


def load(engine: wasmtime.Engine, path: Path, code: bytes, *, wasi: str) -> Loaded:
    """Compile it and check all that can be checked without running it.

    Raises:
        PluginError: it is no module, or does not keep to the interface.
    """
    if code.startswith(_COMPONENT):
        raise PluginError(
            "module", f"{path}: expected a core module, got a component", hint="build a plain wasm32 module"
        )
    if not code.startswith(_MAGIC) and path.suffix != ".wat":
        raise PluginError("module", f"{path}: expected a WebAssembly module, got something else")
    try:
        binary = bytes(wasmtime.wat2wasm(code)) if path.suffix == ".wat" else code
        module = wasmtime.Module(engine, binary)
    except (wasmtime.WasmtimeError, UnicodeDecodeError) as error:
        raise PluginError("module", f"{path}: not a valid module: {_first_line(error)}") from error
    return Loaded(module, _functions(module), _imports(module, wasi), len(code), hashlib.sha256(code).hexdigest())


def choose_call(loaded: Loaded, call: Call | None) -> Call:
    """The function that events go through: the one that was asked for, else whichever there is."""
    offered = [name for name, export in EXPORTS.items() if export in loaded.functions]
    if call is None:
        return offered[0]
    if call not in offered:
        raise PluginError("abi", f"expected an export {EXPORTS[call]}, got {EXPORTS[offered[0]]} alone")
    return call


def _functions(module: wasmtime.Module) -> frozenset[str]:
    """The functions of the interface that it exports, with the right signatures."""
    found: set[str] = set()
    has_memory = False
    for export in module.exports:
        kind = export.type
        has_memory = has_memory or (export.name == MEMORY and isinstance(kind, wasmtime.MemoryType))
        if export.name not in SIGNATURES:
            continue
        got = _signature(kind)
        if got != SIGNATURES[export.name]:
            raise PluginError(
                "abi",
                f"expected {export.name}{_shown(SIGNATURES[export.name])}, got {_shown(got) if got else 'no function'}",
            )
        found.add(export.name)
    if not has_memory:
        raise PluginError("abi", f"expected an export {MEMORY}, got none")
    for name in ("wlf_abi_version", "wlf_alloc"):
        if name not in found:
            raise PluginError("abi", f"expected an export {name}{_shown(SIGNATURES[name])}, got none")
    if not found & set(EXPORTS.values()):
        raise PluginError("abi", f"expected an export {' or '.join(EXPORTS.values())}, got neither")
    return frozenset(found)


def _imports(module: wasmtime.Module, wasi: str) -> tuple[str, ...]:
    """What it asks of the host, all of which there is."""
    names = []
    for one in module.imports:
        name = f"{one.module}.{one.name}"[:_NAME_CHARACTERS]
        got = _signature(one.type)
        if (one.module, one.name) == (LOG_MODULE, LOG):
            if got != LOG_SIGNATURE:
                raise PluginError("abi", f"expected the import {name}{_shown(LOG_SIGNATURE)}, got {_shown(got)}")
        elif one.module == WASI_MODULE and has_stub(one.name or "", got):
            if wasi != "stub":
                raise PluginError(
                    "abi",
                    f"it imports {name}, and plugins get no WASI",
                    hint="build it without WASI, or set `wasi: stub`, which grants no file and no network",
                )
        else:
            raise PluginError("abi", f"it imports {name}{_shown(got)}, which wlf does not have")
        names.append(name)
    return tuple(names)


def _signature(kind: object) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    if not isinstance(kind, wasmtime.FuncType):
        return None
    return tuple(map(str, kind.params)), tuple(map(str, kind.results))


def _shown(signature: tuple[tuple[str, ...], tuple[str, ...]] | None) -> str:
    if signature is None:
        return ", not a function"
    parameters, results = signature
    return f"({', '.join(parameters)})" + (f" -> {', '.join(results)}" if results else "")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
