"""The stored cursors of a pipeline, to see and to change: `wlf position`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wlf.components.base import Collector
from wlf.errors import SetupError
from wlf.graph.plan import Plan
from wlf.runtime.instances import plain_context
from wlf.runtime.store import Changes, Key, SqliteStore, next_number, read_cursors
from wlf.runtime.tracker import Cursor


class Positions:
    """Cursors by collector. Changing them needs the pipeline's lock, so a running one is never touched."""

    def __init__(self, plan: Plan, state_dir: Path) -> None:
        self._plan = plan
        self._state_dir = Path(state_dir)
        self._collectors = [node.id for node in plan.nodes if node.kind == "collector"]

    def show(self, collector: str | None) -> list[str]:
        """One line for each collector, dispatcher and partition. Raises StateError and SetupError."""
        chosen = [self._chosen(collector)] if collector else self._collectors
        stored = read_cursors(self._state_dir, self._plan.options.name)
        lines = []
        for id in chosen:
            source = self._instance(id)
            for (owner, dispatcher), cursors in sorted(stored.items()):
                for partition, cursor in sorted(cursors.items()) if owner == id else ():
                    text = "forgotten" if cursor.position is None else source.describe_position(cursor.position)
                    lines.append(f"{id} {dispatcher} {partition}: {text}")
        return lines or [f"no cursor is stored in {self._state_dir}"]

    def set(self, collector: str | None, value: str) -> list[str]:
        """Let every dispatcher below the collector read on from `value`. Raises StateError and SetupError."""
        id = self._chosen(collector)
        source = self._instance(id)
        positions = source.parse_position(value)
        lanes = [(id, dispatcher) for dispatcher in self._reached(id)]
        with self._store() as store:
            known = store.load()
            number = next_number(known, id)
            changes = {
                Key(*lane, name): Cursor(position, number) for lane in lanes for name, position in positions.items()
            }
            # What else was known goes: a cursor of a partition that is not named would hold reading back.
            store.save(Changes(changes, lanes, forgotten=[id]))
        lines = [f"{id} {name}: {source.describe_position(position)}" for name, position in sorted(positions.items())]
        return lines + [f"{id} {name}: forgotten" for name in _partitions(known, id) if name not in positions]

    def reset(self, collector: str | None) -> list[str]:
        """Forget all cursors of the collector. Raises StateError and SetupError."""
        id = self._chosen(collector)
        with self._store() as store:
            store.save(Changes({}, forgotten=[id]))
        return [f"{id}: the next run begins where the config says"]

    @contextmanager
    def _store(self) -> Iterator[SqliteStore]:
        store = SqliteStore(self._state_dir, self._plan.options.name)
        try:
            yield store
        finally:
            store.close()

    def _chosen(self, collector: str | None) -> str:
        if collector is None and len(self._collectors) == 1:
            return self._collectors[0]
        if collector not in self._collectors:
            raise SetupError(
                f"expected one of {', '.join(self._collectors)}, got {collector or 'no collector'}",
                hint="name it with --collector ID",
            )
        return collector

    def _reached(self, collector: str) -> tuple[str, ...]:
        return next(segment.dispatchers for segment in self._plan.segments if segment.collector == collector)

    def _instance(self, id: str) -> Collector:
        node = self._plan.node(id)
        instance = node.component(node.config, plain_context(id, self._plan.options.name))
        assert isinstance(instance, Collector)
        return instance


def _partitions(known: Mapping[tuple[str, str], Mapping[str, Cursor]], collector: str) -> list[str]:
    return sorted({name for (owner, _), cursors in known.items() if owner == collector for name in cursors})
