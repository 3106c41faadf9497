"""wlf as a library: a pipeline from a file, or from components that are made in Python."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

from wlf.components.base import Component
from wlf.components.config import ComponentConfig
from wlf.components.registry import Registry
from wlf.errors import SetupError
from wlf.graph.compile import compile_objects, load
from wlf.graph.plan import Plan, RuntimeOptions
from wlf.runtime.report import RunReport
from wlf.runtime.runner import Runner

Part: TypeAlias = ComponentConfig | tuple[type[Component], ComponentConfig]
"""The config of a built-in component, or a class with its config."""


class Pipeline:
    """A checked graph that can be run.

        pipeline = wlf.Pipeline([
            FileConfig(id="files", destination="shout", include=["/var/log/shop/*.log"]),
            (Shout, Shout.Config(id="shout", destination="out")),
            StdoutConfig(id="out"),
        ])
        report = await pipeline.run()

    Args:
        parts: the configs of built-in components, and pairs of a class and its config.
        name: of the pipeline; it locks `state_dir/NAME.lock`.
        http: HOST:PORT of the metrics and health endpoint.
        memory_limit_bytes: estimated bytes of all events that wait for dispatchers.
        checkpoint_interval_ms: time between two stored cursors.
        shutdown_timeout_ms: time to deliver what is in flight at a stop.

    Raises:
        ConfigError: the checks that a file goes through found mistakes.
        SetupError: a config belongs to no built-in component: it needs its class beside it.
    """

    def __init__(
        self,
        parts: Iterable[Part],
        *,
        name: str = "wlf",
        http: str | None = None,
        memory_limit_bytes: int = RuntimeOptions._field_defaults["memory_limit_bytes"],
        checkpoint_interval_ms: int = RuntimeOptions._field_defaults["checkpoint_interval_ms"],
        shutdown_timeout_ms: int = RuntimeOptions._field_defaults["shutdown_timeout_ms"],
    ) -> None:
        options = RuntimeOptions(name, http, memory_limit_bytes, checkpoint_interval_ms, shutdown_timeout_ms)
        pairs = [part if isinstance(part, tuple) else (_built_in(part), part) for part in parts]
        self._plan = compile_objects(pairs, options)
        self._runner: Runner | None = None

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> Pipeline:
        """The pipeline of a file; `env` is what `${NAME}` stands for, by default the environment.

        Raises:
            ConfigError: with everything that is wrong with it.
        """
        pipeline = cls.__new__(cls)
        pipeline._plan = load(path, env=env)
        pipeline._runner = None
        return pipeline

    @property
    def plan(self) -> Plan:
        """The compiled graph: nodes, edges, segments, and in `warnings` what the checks only warn of."""
        return self._plan

    async def run(self, *, state_dir: str | os.PathLike[str] = "wlf-state", until_end: bool = False) -> RunReport:
        """Run until the input ends, something fails, or `stop()`; what went wrong is in the report.

        Args:
            state_dir: where the cursors are kept.
            until_end: stop when every collector has reached what was its end at the start.

        Cancelling it ends the run as a crash would: what was dispatched since the last checkpoint comes again.
        """
        if self._runner is not None:
            raise SetupError(f"pipeline {self._plan.options.name} is running")
        self._runner = Runner(self._plan, Path(state_dir), until_end=until_end)
        try:
            return await self._runner.run()
        finally:
            self._runner = None

    def run_sync(self, *, state_dir: str | os.PathLike[str] = "wlf-state", until_end: bool = False) -> RunReport:
        """`run` in an event loop of its own."""
        return asyncio.run(self.run(state_dir=state_dir, until_end=until_end))

    def stop(self) -> None:
        """Collect no more, deliver what is under way, store the cursors. Called in the event loop of `run`."""
        if self._runner is not None:
            self._runner.stop()


def _built_in(config: ComponentConfig) -> type[Component]:
    found = _components_by_config().get(type(config))
    if found is None:
        raise SetupError(
            f"{type(config).__name__} is the config of no built-in component", hint="write (MyClass, config) instead"
        )
    return found


@cache
def _components_by_config() -> dict[type[ComponentConfig], type[Component]]:
    """Of the components whose libraries are installed."""
    found: dict[type[ComponentConfig], type[Component]] = {}
    registry = Registry()
    for kind in ("collector", "transformer", "dispatcher"):
        for name in registry.names(kind):
            try:
                component = registry.resolve(kind, name)
            except SetupError:
                continue
            found[component.Config] = component
    return found
