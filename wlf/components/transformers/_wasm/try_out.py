"""`wlf wasm`: look at a plugin, and run lines of JSON through it, without a pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import compress, islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from wlf.components.base import Clock, Context
from wlf.components.transformers._wasm.abi import PluginError
from wlf.components.transformers._wasm.answer import index_lines, read_verdicts
from wlf.components.transformers._wasm.engine import Limits
from wlf.components.transformers._wasm.lines import number_lines
from wlf.components.transformers._wasm.log import PluginLog
from wlf.components.transformers._wasm.plugin import Plugin, Source
from wlf.components.transformers._wasm.values import BAD_JSON, why_bad
from wlf.errors import SetupError

_MEMORY_BYTES, _STACK_BYTES, _OUTPUT_BYTES = 67_108_864, 524_288, 67_108_864
_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Trial(NamedTuple):
    """What the command line said."""

    path: Path
    config: bytes | None
    wasi: str = "none"
    deadline_ms: int = 1_000


class Tally:
    """What went through so far."""

    def __init__(self) -> None:
        self.given = self.kept = self.batches = 0
        self.seconds = 0.0

    def __str__(self) -> str:
        rate = f", {self.given / self.seconds:,.0f} a second" if self.seconds else ""
        batches = f"{self.batches} batch{'es' if self.batches != 1 else ''}"
        return f"{self.given} lines in {batches}, {self.kept} went on; {self.seconds * 1000:.1f} ms in the plugin{rate}"


def parse_config(text: str) -> bytes:
    """The options of a plugin as it gets them.

    Raises:
        ValueError: it is no JSON object.
    """
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ValueError("expected a JSON object")
    return msgspec.json.encode(config)


def describe(trial: Trial, context: Context) -> Iterator[str]:
    """The lines of `wlf wasm check`.

    Raises:
        PluginError: the plugin is not as it should be.
    """
    plugin = _open(trial, context)
    loaded = plugin.loaded
    calls = ", ".join(sorted(loaded.functions))
    yield f"{trial.path}: ok, interface version 1"
    yield f"  called    wlf_{plugin.call_name}"
    yield f"  exports   memory, {calls}"
    yield f"  imports   {', '.join(sorted(loaded.imports)) or 'none'}"
    yield f"  memory    {plugin.memory_bytes} bytes at the start"
    yield f"  config    {'taken' if trial.config is not None else 'not tried: --config JSON'}"
    yield f"  size      {loaded.size} bytes"
    yield f"  sha256    {loaded.sha256}"
    plugin.close()


def run_lines(
    trial: Trial, context: Context, lines: Iterable[bytes], batch_events: int, tally: Tally
) -> Iterator[bytes]:
    """The lines that go on, as a dispatcher would write them.

    Raises:
        PluginError: what the plugin did instead.
        SetupError: a line that is given is no JSON object.
    """
    plugin = _open(trial, context)
    objects = _objects(lines)
    while batch := list(islice(objects, batch_events)):
        given = number_lines(b"".join(batch))
        answer = _timed(plugin, given, context.clock, tally)
        tally.batches += 1
        tally.given += len(batch)
        for line in _kept(plugin, answer, given, batch):
            tally.kept += 1
            yield line
    plugin.close()


def _open(trial: Trial, context: Context) -> Plugin:
    limits = Limits(_MEMORY_BYTES, _STACK_BYTES, trial.deadline_ms, _OUTPUT_BYTES)
    log = PluginLog(context.logger, context.clock, context.metrics.counter("suppressed", "Lines left out of the log."))
    return Plugin(Source(trial.path, trial.config, wasi=trial.wasi, has_cache=False), limits, log, context.metrics)


def _objects(lines: Iterable[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _without_index(line) + b"\n"
        except BAD_JSON as error:
            raise SetupError(f"line {number} of the input: expected a JSON object: {why_bad(error)}") from error


def _without_index(line: bytes) -> bytes:
    members: dict[str, Any] = _read_object(line)
    members.pop("_i", None)
    return msgspec.json.encode(members)


def _timed(plugin: Plugin, given: bytes, clock: Clock, tally: Tally) -> bytes:
    began = clock.monotonic()
    try:
        return plugin.call(given)
    finally:
        tally.seconds += clock.monotonic() - began


def _kept(plugin: Plugin, answer: bytes, given: bytes, batch: list[bytes]) -> Iterator[bytes]:
    if plugin.call_name == "filter":
        yield from compress(batch, read_verdicts(answer, len(batch)))
        return
    lines, _ = index_lines(answer, given, len(batch))
    for number, line in enumerate(lines, 1):
        try:
            yield _without_index(line) + b"\n"
        except BAD_JSON as error:
            raise PluginError("output", f"its answer is refused: line {number}: {why_bad(error)}") from error
