"""A plugin at work: one module, and the instance that is called, replaced after a fault and from time to time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from wlf.components.base import Counter, Metrics
from wlf.components.transformers._wasm.abi import Call, PluginError
from wlf.components.transformers._wasm.engine import Epochs, Limits, make_engine
from wlf.components.transformers._wasm.instance import Instance
from wlf.components.transformers._wasm.log import PluginLog
from wlf.components.transformers._wasm.module import Loaded, choose_call, load, read_module


class Source(NamedTuple):
    """Which module, and how it is to be used."""

    path: Path
    config: bytes | None
    """JSON for `wlf_init`; None: it is not called, to look at a plugin without one."""
    call: Call | None = None
    sha256: str | None = None
    max_bytes: int = 16_777_216
    wasi: str = "none"
    has_cache: bool = True
    recycle_batches: int = 10_000


class Plugin:
    """Reads, compiles and checks the module, makes the first instance, and answers batches.

    Raises:
        PluginError: the module is not as it should be, or refuses its config.
    """

    def __init__(self, source: Source, limits: Limits, log: PluginLog, metrics: Metrics) -> None:
        self._source = source
        self._limits = limits
        self._log = log
        self._metrics = metrics
        self._instances = metrics.counter("wlf_wasm_instances_total", "Instances of the plugin that were made.")
        self._memory = metrics.gauge("wlf_wasm_memory_bytes", "The memory of the plugin's instance.")
        self._errors: dict[str, Counter] = {}
        self._is_closed = False
        code = read_module(source.path, source.max_bytes, source.sha256)
        self._engine = make_engine(limits, has_cache=source.has_cache)
        self._epochs = Epochs(self._engine)
        self.loaded: Loaded = load(self._engine, source.path, code, wasi=source.wasi)
        self.call_name: Call = choose_call(self.loaded, source.call)
        self._instance: Instance | None = None
        try:
            self._instance = self._make()
        except PluginError:
            self.close()
            raise

    def _make(self) -> Instance:
        instance = Instance(self._engine, self.loaded, self._limits, self._epochs, self._log)
        instance.start_up(self._source.config)
        self._instances.add()
        return instance

    def call(self, lines: bytes) -> bytes:
        """The answer to a batch.

        Raises:
            PluginError: what the plugin did instead; the next batch goes to a fresh instance.
        """
        if self._is_closed:
            raise PluginError("host", "the run is over")
        # After a fault nothing of the instance is relied on; also where making one fails, the next batch tries anew.
        instance, self._instance = self._instance, None
        try:
            if instance is None:
                instance = self._make()
            answer = instance.call(self.call_name, lines)
        except PluginError as error:
            self._count(error)
            if error.kind == "code":
                self._keep(instance)
            raise
        self._keep(instance)
        return answer

    def _keep(self, instance: Instance | None) -> None:
        """For the next batch, unless it is old, or its memory, which never shrinks, is more than half of the cap."""
        if instance is None:
            return
        size = instance.memory_bytes
        self._memory.set(size)
        if instance.calls < self._source.recycle_batches and size <= self._limits.memory_bytes // 2:
            self._instance = instance

    def blame(self, error: PluginError) -> None:
        """Its answer was none: who cannot write one is not called again either."""
        self._instance = None
        self._count(error)

    def _count(self, error: PluginError) -> None:
        counter = self._errors.get(error.kind)
        if counter is None:
            counter = self._errors[error.kind] = self._metrics.counter(
                "wlf_wasm_errors_total", "Calls of the plugin that failed, by what it did.", kind=error.kind
            )
        counter.add()

    @property
    def memory_bytes(self) -> int:
        """Of the instance that is there."""
        return 0 if self._instance is None else self._instance.memory_bytes

    def close(self) -> None:
        """End a call that is under way, and let go."""
        self._is_closed = True
        self._instance = None
        self._epochs.close(self._limits.ticks)
