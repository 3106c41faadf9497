"""One instance of a plugin: its memory, the calls into it, and what it asks of the host, every address checked."""

from __future__ import annotations

import ctypes
from typing import Any, NoReturn

from wlf.components.transformers._wasm.abi import (
    ALLOCATE,
    EXPORTS,
    GET_VERSION,
    INITIALIZE,
    LOG_MODULE,
    MAX_ADDRESS,
    MAX_LOG_BYTES,
    MEMORY,
    START_UP,
    VERSION,
    Call,
    Kind,
    PluginError,
    code_error,
)
from wlf.components.transformers._wasm.engine import Epochs, Limits
from wlf.components.transformers._wasm.library import wasmtime
from wlf.components.transformers._wasm.log import PluginLog
from wlf.components.transformers._wasm.module import Loaded
from wlf.components.transformers._wasm.wasi import make_stub

_ADDRESSES = 0xFFFF_FFFF
_TRAPS: dict[Any, tuple[Kind, str]] = {
    wasmtime.TrapCode.STACK_OVERFLOW: ("stack", "used up its stack of {limits.stack_bytes} bytes"),
    wasmtime.TrapCode.INTERRUPT: ("deadline", "did not come back within {limits.deadline_ms} ms"),
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: ("trap", "reached past the end of its memory"),
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: ("trap", "reached past the end of a table"),
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: ("trap", "called a function that is not there"),
    wasmtime.TrapCode.BAD_SIGNATURE: ("trap", "called a function by the wrong signature"),
    wasmtime.TrapCode.INTEGER_OVERFLOW: ("trap", "had an integer overflow"),
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: ("trap", "divided by zero"),
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: ("trap", "made an integer of a number that has none"),
    wasmtime.TrapCode.UNREACHABLE: ("trap", "gave up (unreachable: a panic, an abort or a failed assertion)"),
}
_OUT_OF_FUEL = getattr(wasmtime.TrapCode, "OUT_OF_FUEL", None)
_NAME_CHARACTERS = 80


class Instance:
    """A store with one instance in it. After a PluginError of any kind but `code` it is not to be called again.

    One thread at a time calls it.
    """

    def __init__(self, engine: wasmtime.Engine, loaded: Loaded, limits: Limits, epochs: Epochs, log: PluginLog) -> None:
        self._limits = limits
        self._epochs = epochs
        self._log = log
        self._own_error: PluginError | None = None
        self.calls = 0
        self._store = wasmtime.Store(engine)
        self._store.set_limits(
            memory_size=limits.memory_bytes, table_elements=limits.table_elements, instances=1, tables=4, memories=1
        )
        self._memory: wasmtime.Memory | None = None
        self._functions: dict[str, wasmtime.Func] = {}
        exports = self._guarded("", "instantiate", lambda: self._instantiate(engine, loaded))
        self._memory = exports[MEMORY]
        self._functions = {name: exports[name] for name in loaded.functions}

    def _instantiate(self, engine: wasmtime.Engine, loaded: Loaded) -> Any:
        linker = wasmtime.Linker(engine)
        for one in loaded.module.imports:
            function = self._import_log if one.module == LOG_MODULE else self._own(make_stub(one.name or "", self))
            kind: Any = one.type
            linker.define_func(one.module, one.name or "", kind, function)
        return linker.instantiate(self._store, loaded.module).exports(self._store)

    def start_up(self, config: bytes | None) -> None:
        """Call what is to be called once: constructors, the version, and `wlf_init` with the config (None: not that).

        Raises:
            PluginError: it refused, or is of another version.
        """
        if START_UP in self._functions:
            self._guarded(START_UP, "trap", lambda: self._functions[START_UP](self._store))
        version = self._guarded(GET_VERSION, "trap", lambda: self._functions[GET_VERSION](self._store))
        if version != VERSION:
            raise PluginError("abi", f"expected version {VERSION} of the interface, got {version}")
        if INITIALIZE in self._functions and config is not None:
            code = self._guarded(INITIALIZE, "trap", lambda: self._with_bytes(INITIALIZE, config))
            if code:
                raise code_error(INITIALIZE, code)

    def call(self, call: Call, lines: bytes) -> bytes:
        """Give it a batch and take its answer.

        Raises:
            PluginError: whatever it did instead.
        """
        function = EXPORTS[call]
        packed = self._guarded(function, "trap", lambda: self._with_bytes(function, lines))
        self.calls += 1
        if packed < 0:
            raise code_error(function, packed)
        address, size = packed >> 32, packed & _ADDRESSES
        if size > self._limits.output_bytes:
            raise PluginError(
                "output",
                f"expected an answer of at most {self._limits.output_bytes} bytes, got {size}",
                hint="max_output_bytes allows more",
            )
        return self._read(f"the answer of {function}", address, size)

    @property
    def memory_bytes(self) -> int:
        """How large its memory is by now; it never shrinks."""
        return 0 if self._memory is None else self._memory.data_len(self._store)

    def _with_bytes(self, function: str, content: bytes) -> int:
        """Put bytes where the plugin wants them, and call the function on them."""
        address = self._functions[ALLOCATE](self._store, len(content))
        if address == 0 and content:
            raise PluginError(
                "bounds",
                f"{ALLOCATE} had no memory for {len(content)} bytes",
                hint="max_memory_bytes allows more; a smaller batch needs less",
            )
        self._write(f"the address from {ALLOCATE}", address, content)
        found: int = self._functions[function](self._store, address, len(content))
        return found

    def _guarded(self, function: str, otherwise: Kind, run: Any) -> Any:
        """Run it with the deadline and the fuel of one call; whatever the plugin does becomes a PluginError."""
        self._store.set_epoch_deadline(self._limits.ticks)
        if self._limits.fuel is not None:
            self._store.set_fuel(self._limits.fuel)
        self._own_error = None
        self._epochs.begin()
        try:
            return run()
        except PluginError as error:
            # The library keeps what a host function raised in one place for all threads: ours is the true one.
            raise self._own_error or error from None
        except wasmtime.Trap as trap:
            raise self._own_error or self._describe(function, trap) from None
        except wasmtime.WasmtimeError as error:
            raise self._own_error or self._describe_refusal(otherwise, error) from None
        finally:
            self._epochs.end()

    def _describe(self, function: str, trap: wasmtime.Trap) -> PluginError:
        code = trap.trap_code
        if code is not None and code is _OUT_OF_FUEL:
            kind, told = "fuel", f"used up its fuel of {self._limits.fuel}"
        else:
            kind, told = _TRAPS.get(code, ("trap", f"trapped ({code.name.lower() if code else 'host'})"))
            told = told.format(limits=self._limits)
        where = next((frame.func_name for frame in trap.frames if frame.func_name), None)
        inside = f" in its function {where[:_NAME_CHARACTERS]!a}" if where and where != function else ""
        hints = {"deadline": "an endless loop, or deadline_ms is too short", "fuel": "max_fuel allows more"}
        return PluginError(kind, f"{function or 'its start function'} {told}{inside}", hint=hints.get(kind, ""))  # type: ignore[arg-type]

    def _describe_refusal(self, kind: Kind, error: Exception) -> PluginError:
        first = str(error).strip().splitlines()[0][:200]
        hint = f"it may have {self._limits.memory_bytes} bytes of memory (max_memory_bytes)" if "memor" in first else ""
        return PluginError(kind, f"cannot be made an instance of: {first}", hint=hint)

    def _check(self, what: str, address: int, size: int) -> None:
        """The only way to its memory leads past here."""
        length = self.memory_bytes
        if address < 0 or size < 0 or address + size > min(length, MAX_ADDRESS):
            raise PluginError("bounds", f"{what} leads out of its memory: {size} bytes at {address} of {length}")

    def _read(self, what: str, address: int, size: int) -> bytes:
        self._check(what, address, size)
        return ctypes.string_at(self._base() + address, size) if size else b""

    def _write(self, what: str, address: int, content: bytes) -> None:
        self._check(what, address, len(content))
        if content:
            ctypes.memmove(self._base() + address, content, len(content))

    def _base(self) -> int:
        """Where the memory lies now: it may move whenever it grows."""
        assert self._memory is not None
        return ctypes.addressof(self._memory.data_ptr(self._store).contents)

    # What follows is called by the plugin, in the middle of one of its own calls.

    def read(self, address: int, size: int) -> bytes:
        """See Guest."""
        return self._read("an address given to the host", address, size)

    def write(self, address: int, content: bytes) -> None:
        """See Guest."""
        self._write("an address given to the host", address, content)

    def log(self, level: int, text: bytes) -> None:
        """See Guest."""
        self._log.write(level, text)

    def leave(self, code: int) -> NoReturn:
        """See Guest."""
        raise PluginError("exit", f"it ended itself with exit code {code}")

    def _import_log(self, level: int, address: int, size: int) -> None:
        self._own(
            lambda: self._log.write(level, self._read("the text of wlf.log", address, min(size, MAX_LOG_BYTES)))
        )()

    def _own(self, function: Any) -> Any:
        """A function for the plugin to call, whose error is kept: the library tells only that there was one."""

        def called(*arguments: int) -> Any:
            try:
                return function(*arguments)
            except PluginError as error:
                self._own_error = error
                raise
            except Exception as error:
                self._own_error = PluginError("host", f"an import failed: {type(error).__name__}")
                raise

        return called
