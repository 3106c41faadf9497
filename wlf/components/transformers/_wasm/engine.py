"""The engine that compiles and runs plugins, with its limits, and the clock that ends calls at their deadline."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from wlf.components.transformers._wasm.library import wasmtime

TICK_SECONDS = 0.01
_IDLE_TICKS = 100
"""Without a call for so long the clock stands still, and costs nothing."""


class Limits(NamedTuple):
    """What a plugin may use up."""

    memory_bytes: int
    stack_bytes: int
    deadline_ms: int
    output_bytes: int
    fuel: int | None = None
    table_elements: int = 100_000

    @property
    def ticks(self) -> int:
        """The deadline in ticks of the clock; one more, as the first is partly over."""
        return -(-self.deadline_ms // int(TICK_SECONDS * 1000)) + 1


def make_engine(limits: Limits, *, has_cache: bool) -> wasmtime.Engine:
    """An engine of one node. With a cache, what was compiled once is found again by later runs."""
    try:
        return wasmtime.Engine(_config(limits, has_cache))
    except wasmtime.WasmtimeError:
        if not has_cache:
            raise
        # There is no directory to be had for it: compiling anew costs milliseconds.
        return wasmtime.Engine(_config(limits, False))


def _config(limits: Limits, has_cache: bool) -> wasmtime.Config:
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.consume_fuel = limits.fuel is not None
    config.max_wasm_stack = limits.stack_bytes
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    if has_cache:
        config.cache = True
    return config


class Epochs:
    """Counts an engine's epochs on while a plugin is called, in a thread of its own."""

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self._calls = 0
        self._running = False
        self._is_closed = False
        self._awake = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """A call begins."""
        self._calls += 1
        self._running = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._count, name="wlf-wasm-epochs", daemon=True)
            self._thread.start()
        if not self._awake.is_set():
            self._awake.set()

    def end(self) -> None:
        """The call is over."""
        self._running = False

    def close(self, ticks: int) -> None:
        """No more calls; one that is under way ends now. `ticks` is the longest deadline."""
        self._is_closed = True
        self._awake.set()
        for _ in range(ticks + 1 if self._running else 0):
            self._engine.increment_epoch()

    def _count(self) -> None:
        seen, idle = self._calls, 0
        while not self._is_closed:
            self._awake.wait()
            time.sleep(TICK_SECONDS)
            self._engine.increment_epoch()
            idle = 0 if self._running or seen != self._calls else idle + 1
            seen = self._calls
            if idle >= _IDLE_TICKS:
                self._awake.clear()
                if seen != self._calls or self._is_closed:
                    self._awake.set()
