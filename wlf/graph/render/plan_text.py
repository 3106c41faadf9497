"""The compiled plan in words: segments with their fused steps, mailboxes, dead letters, the guarantee of each path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wlf.components.config import DispatcherConfig
from wlf.graph.plan import Node, Plan, Segment
from wlf.graph.render.picture import label_of


def plan_text(plan: Plan) -> str:
    """Some lines; ends with a line end."""
    options = plan.options
    rows = [
        f"pipeline {options.name}: {_count(len(plan.nodes), 'node')}, {_count(len(plan.segments), 'segment')}",
        f"  memory limit {size_text(options.memory_limit_bytes)} for all mailboxes, "
        f"cursors stored every {options.checkpoint_interval_ms} ms, stop within {options.shutdown_timeout_ms} ms"
        + (f", http {options.http}" if options.http else ""),
    ]
    for segment in plan.segments:
        rows += ["", f"segment from {segment.collector} ({plan.node(segment.collector).type_name})"]
        rows += _segment(plan, segment)
    for segment in plan.error_segments:
        rows += ["", f"dead letters of {segment.collector}"]
        rows += _segment(plan, segment)
    for segment in plan.held_segments:
        rows += ["", f"what {segment.collector} lets go"]
        rows += _segment(plan, segment)
    rows += ["", "mailboxes"]
    rows += [f"  {line}" for node in plan.nodes if node.kind == "dispatcher" for line in _mailbox(plan, node)]
    rows += ["", "guarantees", *guarantee_lines(plan, "  ")]
    return "\n".join(rows) + "\n"


def guarantee_lines(plan: Plan, indent: str = "") -> list[str]:
    """One line for each path from a collector to a dispatcher, for the start of a run."""
    return [
        f"{indent}{segment.collector} -> {id}: {describe_guarantee(plan.node(id))}"
        for segment in plan.segments
        for id in segment.dispatchers
    ]


def describe_guarantee(node: Node) -> str:
    """What the dispatcher promises, and what becomes of events that it refuses."""
    component: Any = node.component
    promise: str = component.describe_guarantee(node.config)
    if not isinstance(node.config, DispatcherConfig):
        return promise
    refused = {
        "stop": "a refused event stops the pipeline",
        "drop": "refused events are dropped and counted",
        "dead_letter": f"refused events go to {node.config.dead_letter}",
    }[node.config.effective_on_error]
    return f"{promise}; {refused}"


def _segment(plan: Plan, segment: Segment) -> Iterator[str]:
    kinds = {(e.source, e.target): f"{e.label}: {label_of(e)}" if e.label else label_of(e) for e in plan.edges}
    yield f"  {kinds[segment.collector, segment.entry]} -> {segment.entry}"
    if segment.steps:
        yield f"  {_count(len(segment.steps), 'step')} fused into one call a batch:"
    for index, step in enumerate(segment.steps, 1):
        targets = ", ".join(f"{target} ({kinds[step.node, target]})" for target in step.targets)
        yield f"    {index}. {step.node} ({plan.node(step.node).type_name}) -> {targets}"


def _mailbox(plan: Plan, node: Node) -> Iterator[str]:
    sources = [s.collector for s in (*plan.segments, *plan.error_segments) if node.id in s.dispatchers]
    text = f"{node.id} ({node.type_name}) from {', '.join(dict.fromkeys(sources))}"
    if isinstance(node.config, DispatcherConfig):
        batch = node.config.batch
        text += (
            f": batches of at most {batch.max_events} events, {size_text(batch.max_bytes)}, {batch.max_delay_ms} ms, "
            f"as {node.config.format}"
        )
    yield text


def size_text(count: int) -> str:
    """`64 MiB`: exact multiples in the largest unit, all else in bytes."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} bytes"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
