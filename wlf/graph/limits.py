"""Checks of the options that the runtime reads: limits under which the pipeline would stall, rules for errors."""

from __future__ import annotations

from collections.abc import Iterable

from wlf.components.base import Dispatcher
from wlf.components.config import ComponentConfig, DispatcherConfig
from wlf.events.base import kind_names
from wlf.events.codec import has_form
from wlf.graph.carry import Carrier
from wlf.graph.config import Document
from wlf.graph.diagnostics import Findings
from wlf.graph.outline import Draft
from wlf.graph.plan import RuntimeOptions


def check_limits(drafts: Iterable[Draft], options: RuntimeOptions, document: Document, findings: Findings) -> None:
    """E130, E131, E133, W202, W203."""
    total = 0
    writers: dict[str, str] = {}
    for draft in drafts:
        config = draft.config
        if config is not None:
            _check_errors(draft, config, findings)
        if not isinstance(config, DispatcherConfig):
            continue
        total += config.batch.max_bytes
        # A default that is too large only means smaller batches; a written one is not what its author thinks it is.
        written = "max_bytes" in (draft.item.at("batch").mapping or {})
        if written and config.batch.max_bytes > options.memory_limit_bytes:
            place = draft.item.at("batch.max_bytes")
            message = (
                f"a batch of {config.batch.max_bytes} bytes never fills: all mailboxes together hold "
                f"memory_limit_bytes = {options.memory_limit_bytes}"
            )
            findings.add("E131", place, f"{draft.path}.batch.max_bytes", message, "lower it, or raise the limit")
        _check_writer(draft, writers, findings)
    if total > options.memory_limit_bytes and not findings.errors:
        place = document.root.at("memory_limit_bytes")
        message = f"the dispatchers' batch.max_bytes add up to {total}, more than {options.memory_limit_bytes}"
        findings.add("W202", place, "memory_limit_bytes", message, "batches will be cut smaller")


def _check_errors(draft: Draft, config: ComponentConfig, findings: Findings) -> None:
    on_error = getattr(config, "on_error", None)
    place, path = draft.item.at("on_error"), f"{draft.path}.on_error"
    if on_error == "dead_letter" and config.dead_letter is None:
        findings.add("E130", place, path, "expected dead_letter beside it", "dead_letter: ID of a dispatcher")
    if on_error in ("stop", "drop", "pass") and config.dead_letter is not None:
        message = f"nothing goes to '{config.dead_letter}': on_error is {on_error}"
        findings.add("W203", place, path, message, "on_error: dead_letter")


def _check_writer(draft: Draft, writers: dict[str, str], findings: Findings) -> None:
    assert draft.component is not None
    assert issubclass(draft.component, Dispatcher)
    target = draft.component.sole_writer_of(draft.config)
    if target is not None and writers.setdefault(target, draft.id) != draft.id:
        message = f"'{writers[target]}' writes to the same place"
        hint = f"send the events of both to '{writers[target]}', or choose another place"
        findings.add("E133", draft.item, draft.path, message, hint)


def check_formats(drafts: Iterable[Draft], carrier: Carrier, findings: Findings) -> None:
    """E134: event types that come to a dispatcher and that its format has no message for."""
    for draft in drafts:
        config = draft.config
        if not isinstance(config, DispatcherConfig):
            continue
        none = frozenset(kind for kind in carrier.arriving(draft.id) or () if not has_form(config.format, kind))
        if none:
            place, path = draft.item.at("format"), f"{draft.path}.format"
            message = f"{config.format} has no message for {kind_names(none)}, which come to '{draft.id}'"
            findings.add("E134", place, path, message, "format: json, or send them elsewhere")
