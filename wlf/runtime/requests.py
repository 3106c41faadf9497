"""What is asked of a pipeline's collector from outside, while it runs or before it does: `wlf snapshot`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wlf.components.base import Collector
from wlf.errors import SetupError
from wlf.graph.plan import Node, Plan
from wlf.runtime.store import is_running, leave_state


def ask_for_snapshot(
    plan: Plan, state_dir: Path, collector: str | None, tables: Sequence[str], comment: str | None
) -> str:
    """Leave the request in the pipeline's state; what to tell the user.

    Raises:
        SetupError: no such collector, or one that takes no such request.
        StateError: the state cannot be written.
    """
    node = _chosen(plan, collector)
    kind = node.component
    assert issubclass(kind, Collector)
    leave_state(state_dir, plan.options.name, node.id, kind.snapshot_request(node.config, tables, comment))
    asked = f"{node.id}: snapshot of {', '.join(tables)} asked for"
    if is_running(state_dir, plan.options.name):
        return f"{asked}; the pipeline {plan.options.name} runs and begins within seconds, see its log"
    return (
        f"{asked}; the pipeline {plan.options.name} is not running: its next run begins with it "
        f"(--state-dir {state_dir})"
    )


def _chosen(plan: Plan, collector: str | None) -> Node:
    nodes = {node.id: node for node in plan.nodes if node.kind == "collector"}
    if collector is None and len(nodes) == 1:
        return next(iter(nodes.values()))
    if collector is None or collector not in nodes:
        raise SetupError(
            f"expected one of {', '.join(nodes)}, got {collector or 'no collector'}", hint="name it with --collector ID"
        )
    return nodes[collector]
