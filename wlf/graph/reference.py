"""What a component's options are, generated from its Config: for `wlf components [NAME]` and the documentation."""

from __future__ import annotations

import inspect
import types
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, get_args

import msgspec

from wlf.components.base import Collector, Component
from wlf.components.config import Secret
from wlf.components.registry import Kind, Registry, UnknownType, kind_of
from wlf.errors import SetupError
from wlf.events.base import kind_names
from wlf.graph.convert import bare, is_struct, meaning_of, name_of, shape_of
from wlf.graph.diagnostics import CODES, did_you_mean
from wlf.graph.render.picture import label_of_kinds, show
from wlf.graph.settings import Settings


class Option(NamedTuple):
    """One option. `path` is dotted where it stands in a nested mapping; `mode(Pub).channel`: only with that type."""

    path: str
    type: str
    default: str
    """As it would be written; "" where the option is required."""
    required: bool
    meaning: str


def options_of(config: type[Any], prefix: str = "") -> Iterator[Option]:
    """Every option of a struct, those of nested structs behind the option that holds them."""
    for field in msgspec.structs.fields(config):
        path = f"{prefix}{field.encode_name}"
        shape = shape_of(field.type)
        members = [m for m in shape.members if m is not types.NoneType]
        structs = [s for member in members for s in _structs(member)]
        default = _default_of(field)
        text = "" if default is msgspec.NODEFAULT else "null" if default is None else _written(default)
        yield Option(path, _type_text(members, shape.metas), text, bool(field.required), meaning_of(field.type))
        for struct in structs:
            yield from _nested(struct, path, member_is_list=not any(bare(m) is struct for m in members))


def _nested(struct: type[Any], path: str, *, member_is_list: bool) -> Iterator[Option]:
    tag = struct.__struct_config__.tag
    item = "[]" if member_is_list else ""
    where = f"{path}({tag}){item}" if tag is not None else f"{path}{item}"
    if tag is not None:
        name = f"{path}{item}.{struct.__struct_config__.tag_field}"
        yield Option(name, str(tag), "", True, _first_line(struct))
    yield from options_of(struct, f"{where}.")


def _structs(member: Any) -> Iterator[type[Any]]:
    """The structs in a type, those in lists and unions included."""
    kind = bare(member)
    if is_struct(kind):
        yield kind
        return
    for argument in get_args(kind):
        yield from _structs(argument)


def _type_text(members: list[Any], metas: tuple[msgspec.Meta, ...]) -> str:
    return name_of(members, metas).replace(" of the form below", "")


def _default_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _written(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        return f"{{type: {tag}}}" if tag is not None else "see below"
    if isinstance(value, Secret) and not value:
        return '""'
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{show(value)}]"
    if isinstance(value, dict):
        return f"{{{show(value)}}}"
    return show(value) or '""'


def _first_line(documented: type) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def find(registry: Registry, name: str) -> list[type[Component]]:
    """The components of that name; more than one where kinds share it, as the File collector and dispatcher do.

    Raises:
        UnknownType: there is none.
        SetupError: it needs a library that is not installed.
    """
    kinds: tuple[Kind, ...] = get_args(Kind)
    found = []
    for kind in kinds:
        with suppress(UnknownType):
            found.append(registry.resolve(kind, name))
    if not found:
        raise UnknownType(name)
    return found


def describe(registry: Registry, name: str | None = None, *, markdown: bool = False) -> str:
    """All components in short, or all about one; with `markdown` as pages of the documentation.

    Raises:
        SetupError: there is no such component, or it needs a library that is not installed.
    """
    if name is None:
        return _page(registry) if markdown else overview(registry)
    try:
        found = find(registry, name)
    except UnknownType as error:
        kinds: tuple[Kind, ...] = get_args(Kind)
        known = [known for kind in kinds for known in registry.names(kind)]
        raise SetupError(f"no component '{name}'", hint=did_you_mean(name, known)) from error
    if markdown:
        return "\n".join(markdown_of(component, with_kind=len(found) > 1) for component in found)
    return "\n".join(text_of(component) for component in found)


def _page(registry: Registry) -> str:
    parts = ["# Configuration", "", "## The file's top level", "", settings_markdown()]
    every = list(registry.every())
    names = Counter(name for _, name, _ in every)
    parts += [markdown_of(component, with_kind=names[name] > 1) for _, name, component in every]
    return "\n".join([*parts, "## Diagnostics", "", codes_markdown()])


def overview(registry: Registry) -> str:
    """A line for each component."""
    rows = []
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        rows.append(f"{kind}s")
        for name in registry.names(kind):
            try:
                meaning = _first_line(registry.resolve(kind, name))
            except SetupError as error:
                meaning = f"({error.message}: {error.hint})"
            rows.append(f"  {name:<18}{meaning}")
    return "\n".join(rows) + "\n"


def flow_lines(component: type[Component]) -> Iterator[str]:
    """What a component takes and brings."""
    kind = kind_of(component)
    if kind != "collector":
        yield f"accepts: {label_of_kinds(component.accepts)}"
    if issubclass(component, Collector):
        yield f"emits: {_emitted(component)}"
    elif kind == "transformer" or kind == "router":
        yield "emits: what arrives, less what it filters"
    else:
        yield f"guarantee: {getattr(component, 'guarantee', '')}"


def _emitted(component: type[Collector]) -> str:
    """The event types with the defaults, and those that a switch adds."""
    values: dict[str, Any] = {f.name: "x" for f in msgspec.structs.fields(component.Config) if f.required}
    try:
        usual = component.emits(component.Config(**values))
    except (ValueError, TypeError, AttributeError):
        return "depends on its options"
    switches = [
        f.name
        for f in msgspec.structs.fields(component.Config)
        if shape_of(f.type).members == (bool,) and not f.default
    ]
    text = label_of_kinds(usual)
    for name in switches:
        more = component.emits(component.Config(**{**values, name: True})) - usual
        text += f"; with {name}: true also {kind_names(more)}" if more else ""
    return text


def text_of(component: type[Component]) -> str:
    """For a terminal: an entry for each option."""
    rows = [f"{component.type_name} ({kind_of(component)})", f"  {_first_line(component)}"]
    rows += [f"  {line}" for line in flow_lines(component)]
    rows += ["", *_text_rows(component.Config)]
    return "\n".join(rows) + "\n"


def _text_rows(config: type[Any]) -> Iterator[str]:
    for option in options_of(config):
        default = "required" if option.required else f"default {option.default}"
        yield f"  {option.path}: {option.type}, {default}"
        if option.meaning:
            yield f"      {option.meaning}"


def markdown_of(component: type[Component], *, with_kind: bool = False) -> str:
    """For the documentation: a heading, with the kind where the name alone would not tell, and a table."""
    heading = f"{component.type_name} ({kind_of(component)})" if with_kind else component.type_name
    rows = [f"## {heading}", "", _first_line(component), ""]
    rows += [f"- {line}" for line in flow_lines(component)]
    return "\n".join([*rows, "", *_table(component.Config)]) + "\n"


def settings_markdown() -> str:
    """The table of the top level's options."""
    return "\n".join(_table(Settings)) + "\n"


def codes_markdown() -> str:
    """The table of all diagnostics."""
    rows = ["| code | meaning |", "| --- | --- |", *(f"| {code} | {meaning} |" for code, meaning in CODES.items())]
    return "\n".join(rows) + "\n"


def _table(config: type[Any]) -> Iterator[str]:
    yield "| option | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for option in options_of(config):
        default = "required" if option.required else f"`{option.default}`"
        cells = (f"`{option.path}`", option.type, default, option.meaning)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
