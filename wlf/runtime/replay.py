"""Feeds dead letters back in at the nodes that refused them, through a part of the pipeline's own graph."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wlf.errors import WlfError
from wlf.events import Event
from wlf.graph.plan import Edge, Node, Plan
from wlf.graph.segments import segments_of
from wlf.runtime.dead_letters import DeadLetters, DeadLettersConfig, Letters
from wlf.runtime.report import RunReport
from wlf.runtime.run import run_pipeline
from wlf.runtime.store import Changes, Key, SqliteStore, read_cursors

logger = logging.getLogger("wlf")


def replay_plan(plan: Plan, letters: Letters) -> Plan:
    """The nodes that refused something and all behind them; in front of each, a collector of its dead letters.

    Raises:
        WlfError: a node is not in the plan, is a collector, or writes to the very file; names the line.
    """
    _check(plan, letters)
    kept = _reached(plan, list(letters.counts))
    _check_writers(plan, letters, kept)
    sources = [_source(node, letters) for node in letters.counts]
    nodes = (*sources, *(node for node in plan.nodes if node.id in kept))
    edges = (
        *(Edge(node.id, node.config.destination, "event", _into(plan, node.config.destination)) for node in sources),  # type: ignore[attr-defined]
        *(edge for edge in plan.edges if edge.source in kept),
    )
    options = plan.options._replace(name=f"{plan.options.name}.replay", http=None)
    return Plan(options, nodes, edges, *segments_of(nodes, edges))


def replay(
    plan: Plan,
    letters: Letters,
    state_dir: Path,
    *,
    again: bool = False,
    show: Callable[[str], None] | None = None,
) -> RunReport:
    """Run until all of them are settled, or one is refused where `on_error` is stop; stopped before: exit code 1.

    Args:
        plan: the whole pipeline's.
        letters: what is in the file.
        state_dir: where it is kept how far each file was replayed.
        again: begin anew with a file that was replayed before.
        show: takes the status line.

    Raises:
        WlfError: the plan does not fit, or the pipeline runs and has a sink that one wlf alone may write to.
    """
    part = replay_plan(plan, letters)
    with _sole_writer(plan, part, state_dir):
        if again:
            _forget(part, letters, state_dir)
        report = run_pipeline(part, state_dir, until_end=True, show=show)
    if report.exit_code == 0 and not _is_whole(part, letters, state_dir):
        left = f"{letters.file}: stopped before the end, the same command goes on"
        logger.error("%s", left)
        return report._replace(exit_code=1, problems=(*report.problems, left))
    return report


def outline(plan: Plan, letters: Letters) -> list[str]:
    """What would go where, a line for each node. Raises WlfError as `replay` does."""
    part = replay_plan(plan, letters)
    lines = []
    for segment in part.segments:
        counts = letters.counts[segment.entry]
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
        node = part.node(segment.entry)
        onward = f", on to {', '.join(segment.dispatchers)}" if node.kind != "dispatcher" else ""
        lines.append(f"{segment.entry}: {kinds} -> {node.type_name}{onward}")
    return lines


def summary(letters: Letters, report: RunReport) -> str:
    """How many were given to their nodes, were so before, and were refused again."""
    total = sum(sum(counts.values()) for counts in letters.counts.values())
    read = sum(report.counts.get(_id(node), {}).get("in", 0) for node in letters.counts)
    text = f"{letters.file}: {read:,} of {total:,} dead letters replayed"
    if report.exit_code == 0 and read < total:
        text += f", {total - read:,} were before (--again begins anew)"
    return f"{text}, {refused_again(report):,} refused again"


def refused_again(report: RunReport) -> int:
    """How many events went to the dead letters anew."""
    return sum(counts.get("refused", 0) for counts in report.counts.values())


def _id(node: str) -> str:
    return f"replay:{node}"


def _source(node: str, letters: Letters) -> Node:
    config = DeadLettersConfig(id=_id(node), destination=node, letters=letters)
    return Node(config.id, "collector", DeadLetters.type_name, DeadLetters, config)


def _into(plan: Plan, node: str) -> frozenset[type[Event]]:
    return frozenset[type[Event]]().union(*(edge.events for edge in plan.edges if edge.target == node))


def _check(plan: Plan, letters: Letters) -> None:
    kinds = {node.id: node.kind for node in plan.nodes}
    for node, line in letters.places.items():
        if kinds.get(node, "collector") == "collector":
            known = ", ".join(id for id, kind in kinds.items() if kind != "collector")
            raise WlfError(
                f"{letters.file}:{line}: expected a node of the pipeline, one of {known}, got '{node[:80]}'\n"
                "  hint: --node ID replays what one node refused"
            )


def _check_writers(plan: Plan, letters: Letters, kept: set[str]) -> None:
    """What is refused again must not go to the end of the file that is read."""
    for node in plan.nodes:
        component: Any = node.component
        if node.id in kept and node.kind == "dispatcher":
            path = component.sole_writer_of(node.config)
            if path is not None and os.path.realpath(path) == os.path.realpath(letters.file):
                raise WlfError(
                    f"{letters.file}: {node.id} writes to this file\n  hint: move it away, and replay it there"
                )


def _reached(plan: Plan, waiting: list[str]) -> set[str]:
    """The nodes that events may come to from these, as dead letters too."""
    kept: set[str] = set()
    while waiting:
        id = waiting.pop()
        if id not in kept:
            kept.add(id)
            waiting += (edge.target for edge in plan.edges if edge.source == id)
    return kept


@contextmanager
def _sole_writer(plan: Plan, part: Plan, state_dir: Path) -> Iterator[None]:
    """Keeps the pipeline from running meanwhile, where a sink bears one writer alone. Raises StateError."""
    components: list[tuple[Any, Any]] = [
        (node.component, node.config) for node in part.nodes if node.kind == "dispatcher"
    ]
    if all(component.sole_writer_of(config) is None for component, config in components):
        yield
        return
    store = SqliteStore(state_dir, plan.options.name)
    try:
        yield
    finally:
        store.close()


def _is_whole(part: Plan, letters: Letters, state_dir: Path) -> bool:
    """Has every dispatcher all of the file? After a stop in order it may not."""
    stored = read_cursors(state_dir, part.options.name)
    cursors = [
        stored.get((segment.collector, dispatcher), {}).get(letters.digest)
        for segment in part.segments
        for dispatcher in segment.dispatchers
    ]
    return all(cursor is not None and int(cursor.position or b"0") >= letters.size_bytes for cursor in cursors)


def _forget(part: Plan, letters: Letters, state_dir: Path) -> None:
    ids = {segment.collector for segment in part.segments}
    store = SqliteStore(state_dir, part.options.name)
    try:
        keys = [
            Key(*lane, partition)
            for lane, cursors in store.load().items()
            for partition in cursors
            if lane[0] in ids and partition == letters.digest
        ]
        store.save(Changes(dict.fromkeys(keys)))
    finally:
        store.close()
