"""From a file to a plan: reads, converts, checks and orders; reports everything that is wrong at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from wlf.components.base import Component, Router
from wlf.components.config import ComponentConfig
from wlf.components.registry import Registry
from wlf.errors import ConfigError
from wlf.events import Event
from wlf.events.template import Template
from wlf.graph import config as yaml_file
from wlf.graph.carry import Carried, Carrier, check_problems, check_templates
from wlf.graph.config import Document, Item
from wlf.graph.convert import Converter
from wlf.graph.diagnostics import Diagnostic, Findings
from wlf.graph.limits import check_formats, check_limits
from wlf.graph.objects import draft_objects
from wlf.graph.outline import Draft, Drafter, Outline, OutlineEdge, outline_of
from wlf.graph.plan import Edge, Node, Plan, RuntimeOptions
from wlf.graph.segments import segments_of
from wlf.graph.settings import read_settings

Structural: TypeAlias = Callable[[Outline, Document], Sequence[Diagnostic]]
"""Something that runs the structural checks: in this process, in a child, or from memory."""


def compile_graph(document: Document, registry: Registry, structural: Structural | None = None) -> Plan:
    """The plan of a parsed file; warnings are in `Plan.warnings`.

    `structural` runs the checks of `wlf.graph.checks`; by default in this process, which imports networkx.

    Raises:
        ConfigError: with every diagnostic, warnings included, if one of them is an error.
    """
    findings = Findings(document.file)
    findings.extend(document.notes)
    converter = Converter(findings)
    options = read_settings(document, converter)
    drafts = Drafter(findings, registry, converter).drafts(document)
    return _compile(drafts, options, document, converter.templates, findings, structural or _here)


def compile_objects(
    parts: Sequence[tuple[type[Component], ComponentConfig]], options: RuntimeOptions, name: str = "wlf.Pipeline"
) -> Plan:
    """The plan of components made in Python; `name` stands in front of the diagnostics. Raises ConfigError."""
    document = Document(name, options.name, Item({}, 0, 0), "")
    drafts = draft_objects(parts)
    return _compile(drafts, options, document, {}, Findings(name), _here)


def _compile(
    drafts: Sequence[Draft],
    options: RuntimeOptions,
    document: Document,
    templates: Mapping[str, Template],
    findings: Findings,
    structural: Structural,
) -> Plan:
    outline = outline_of(drafts)
    findings.extend(structural(outline, document))
    carrier = Carrier(drafts, findings)
    carried = carrier.carried()
    check_templates(drafts, carrier, templates, findings)
    check_problems(drafts, carrier, findings)
    check_limits(drafts, options, document, findings)
    check_formats(drafts, carrier, findings)
    if findings.errors:
        raise ConfigError(findings.sorted())
    return _plan(options, drafts, carried, findings.sorted())


def load(path: str | os.PathLike[str], registry: Registry | None = None, env: Mapping[str, str] | None = None) -> Plan:
    """Read, check and compile a file. Raises ConfigError."""
    return compile_graph(read(path, env), registry or _registry_of(path))


def _registry_of(path: str | os.PathLike[str]) -> Registry:
    return Registry(beside=Path(path).parent)


def read(path: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> Document:
    """Read a file: YAML or, by its suffix, a config of Maxwell. Raises ConfigError."""
    if Path(path).suffix == ".properties":
        from wlf.graph.maxwell.conversion import convert_file

        return convert_file(path, env).document()
    return yaml_file.read(path, env)


def compile_text(
    text: str, file: str = "pipeline.yaml", registry: Registry | None = None, env: Mapping[str, str] | None = None
) -> Plan:
    """Compile a text as if it stood in `file`. Raises ConfigError."""
    return compile_graph(yaml_file.parse(text, file, env), registry or Registry())


def compile_file(
    path: str | os.PathLike[str],
    *,
    registry: Registry | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Plan:
    """As `load`, for a process that runs for long: with `cache_dir`, networkx is never imported into it.

    The structural checks then run in a child process, or not at all where `cache_dir` remembers that the same file with
    the same structure has passed them under this version of wlf. Raises ConfigError.
    """
    if cache_dir is None:
        return load(path, registry, env)
    from wlf.graph.checked import checked_elsewhere

    return compile_graph(read(path, env), registry or _registry_of(path), checked_elsewhere(Path(cache_dir)))


def _here(outline: Outline, document: Document) -> Sequence[Diagnostic]:
    from wlf.graph.checks import check_structure

    return check_structure(outline, document.file)


def _plan(options: RuntimeOptions, drafts: Sequence[Draft], carried: Carried, warnings: tuple[Diagnostic, ...]) -> Plan:
    nodes = tuple(_node(draft) for draft in drafts)
    edges = tuple(
        Edge(edge.source, edge.target, edge.kind, carried[edge] or frozenset[type[Event]](), _label(draft, edge))
        for draft in drafts
        for edge in draft.edges
    )
    return Plan(options, nodes, edges, *segments_of(nodes, edges), warnings=warnings)


def _label(draft: Draft, edge: OutlineEdge) -> str:
    if draft.component is None or not issubclass(draft.component, Router) or edge.kind == "error":
        return ""
    return draft.component.labels(draft.config).get(edge.target, "")


def _node(draft: Draft) -> Node:
    assert draft.component is not None
    assert draft.config is not None
    return Node(draft.id, draft.kind, draft.type_name, draft.component, draft.config)
