"""WebAssembly plugins: events through a function of a module that can reach nothing but them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from wlf.components.base import Context, Transformer
from wlf.components.config import TransformerConfig
from wlf.errors import SetupError
from wlf.events import Event

if TYPE_CHECKING:
    from wlf.components.transformers._wasm.forms import Forms
    from wlf.components.transformers._wasm.plugin import Plugin

_LONG_BYTES = 65_536
"""Calls with more than that are worth a thread: handing over takes 0.1 ms, and such a call takes longer."""
_UNKNOWN_EVENT_BYTES = 300
_DIGEST = "^[0-9a-fA-F]{64}$"


class WasmConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Wasm."""

    module: Annotated[str, Meta(description="path of the plugin: a core module, or its text (`.wat`)", min_length=1)]
    sha256: Annotated[
        Annotated[str, Meta(pattern=_DIGEST)] | None,
        Meta(description="digest that the file must have; null: any file is taken"),
    ] = None
    call: Annotated[
        Literal["transform", "filter"] | None,
        Meta(
            description="transform: the plugin answers with events; filter: with a verdict for each, which is faster; "
            "null: whichever it has, transform where it has both"
        ),
    ] = None
    config: Annotated[
        dict[str, Any], Meta(description="options of the plugin's own; it gets them as JSON, once for each instance")
    ] = {}
    deadline_ms: Annotated[int, Meta(description="time one call of the plugin may take", ge=1, le=3_600_000)] = 1_000
    max_fuel: Annotated[
        Annotated[int, Meta(ge=1, le=1 << 62)] | None,
        Meta(description="instructions, about, that one call may take: a limit that no load moves; null: none"),
    ] = None
    max_memory_bytes: Annotated[int, Meta(description="memory of the plugin at most", ge=65_536, le=2_147_483_648)] = (
        67_108_864
    )
    max_stack_bytes: Annotated[int, Meta(description="stack of the plugin at most", ge=16_384, le=1_048_576)] = 524_288
    max_batch_bytes: Annotated[
        int, Meta(description="events that one call gets at most, as JSON; a larger event gets one to itself", ge=1_024)
    ] = 4_194_304
    max_output_bytes: Annotated[int, Meta(description="answer of one call at most", ge=1)] = 67_108_864
    max_module_bytes: Annotated[int, Meta(description="size of the file at most", ge=8)] = 16_777_216
    recycle_batches: Annotated[
        int, Meta(description="calls after which the plugin gets a fresh instance, with a fresh memory", ge=1)
    ] = 10_000
    wasi: Annotated[
        Literal["none", "stub"],
        Meta(
            description="stub: for toolchains that insist on WASI; clocks, random bytes and printing (to the log), "
            "and no file, no network and no sleep"
        ),
    ] = "none"
    cache_compiled: Annotated[
        bool, Meta(description="keep what was compiled in the user's cache directory, for the next start")
    ] = True


class Wasm(Transformer):
    """Gives events to a WebAssembly plugin and goes on with its answer.

    A plugin gets batches of events as lines of JSON, each with `_i`, its index in the batch, and answers with the lines
    that go on, or with a verdict for each. It reaches no file, no network, no clock and no other event; what it may use
    of time and memory is bounded, and after a fault the next batch goes to a fresh instance.
    """

    type_name = "Wasm"
    Config = WasmConfig

    def __init__(self, config: WasmConfig, context: Context) -> None:
        super().__init__(config, context)
        self._plugin: Plugin | None = None
        self._forms: Forms | None = None
        self._event_bytes: float = _UNKNOWN_EVENT_BYTES

    async def open(self) -> None:
        """Read, check and compile the module, and give it its config."""
        import asyncio

        from wlf.components.transformers._wasm.abi import PluginError

        try:
            await asyncio.to_thread(self._load)
        except PluginError as error:
            raise SetupError(error.message, hint=error.hint) from error

    async def close(self) -> None:
        """End the call that is under way."""
        if self._plugin is not None:
            self._plugin.close()

    def runs_long(self, count: int) -> bool:
        """By the size of the events that came so far."""
        return count * self._event_bytes > _LONG_BYTES

    def transform(self, events: Sequence[Event]) -> Sequence[Event]:
        """What the plugin lets through or makes of them; the very objects where it changed nothing.

        Raises:
            PluginError: what it did instead.
        """
        from wlf.components.transformers._wasm.lines import write_lines

        plugin = self._plugin or self._load()
        if not events:
            return events
        lines = write_lines(events)
        self._event_bytes = len(lines) / len(events)
        if len(lines) <= self.config.max_batch_bytes or len(events) == 1:
            return self._ask(plugin, lines, events)
        half = len(events) // 2
        return [*self.transform(events[:half]), *self.transform(events[half:])]

    def _ask(self, plugin: Plugin, lines: bytes, events: Sequence[Event]) -> Sequence[Event]:
        from wlf.components.transformers._wasm.abi import PluginError
        from wlf.components.transformers._wasm.answer import read_answer, read_verdicts

        assert self._forms is not None
        answer = plugin.call(lines)
        try:
            if plugin.call_name == "filter":
                verdicts = read_verdicts(answer, len(events))
                return events if all(verdicts) else list(compress(events, verdicts))
            return read_answer(answer, lines, events, self._forms)
        except PluginError as error:
            plugin.blame(error)
            raise

    def _load(self) -> Plugin:
        from wlf.components.transformers._wasm.engine import Limits
        from wlf.components.transformers._wasm.forms import Forms
        from wlf.components.transformers._wasm.log import PluginLog
        from wlf.components.transformers._wasm.plugin import Plugin, Source

        config, context = self.config, self.context
        source = Source(
            Path(config.module),
            msgspec.json.encode(config.config),
            config.call,
            config.sha256,
            config.max_module_bytes,
            config.wasi,
            config.cache_compiled,
            config.recycle_batches,
        )
        limits = Limits(
            config.max_memory_bytes,
            config.max_stack_bytes,
            config.deadline_ms,
            config.max_output_bytes,
            config.max_fuel,
        )
        suppressed = context.metrics.counter(
            "wlf_wasm_suppressed_log_lines_total", "Lines that the plugin logged too fast, which were left out."
        )
        self._forms = Forms()
        self._plugin = Plugin(source, limits, PluginLog(context.logger, context.clock, suppressed), context.metrics)
        return self._plugin
