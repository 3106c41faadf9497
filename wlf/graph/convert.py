"""Items to typed config structs, field by field, so that one run reports every problem with its place."""

from __future__ import annotations

import types
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from wlf.components.base import Problem
from wlf.components.config import Secret, decode_hook
from wlf.events.expressions import Expression, ExpressionError
from wlf.events.template import Template
from wlf.graph.config import Item, read_scalar
from wlf.graph.diagnostics import Findings, did_you_mean
from wlf.graph.problems import note_problem


class _Failed:
    """Stands where a value could not be made; what is wrong has been noted."""


FAILED = _Failed()


class Shape(NamedTuple):
    """A type taken apart: the alternatives of a union (one for all else) and the constraints around them."""

    members: tuple[Any, ...]
    metas: tuple[msgspec.Meta, ...]


def shape_of(kind: Any) -> Shape:
    """`Annotated[A | None, Meta(...)]` -> ((A, NoneType), (Meta(...),))."""
    metas: tuple[msgspec.Meta, ...] = ()
    while get_origin(kind) is Annotated:
        kind, *extra = get_args(kind)
        metas = (*(m for m in extra if isinstance(m, msgspec.Meta)), *metas)
    if get_origin(kind) in (Union, types.UnionType):
        return Shape(get_args(kind), metas)
    return Shape((kind,), metas)


def bare(kind: Any) -> Any:
    """A type without its Annotated."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def is_struct(kind: Any) -> bool:
    """Is it a class of options?"""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


class Converter:
    """Converts the items of one file and notes what is wrong with them."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.templates: dict[str, Template] = {}
        """Every template that was read, by its path: also those of nodes whose other options are wrong."""
        self.guesses: dict[str, Any] = {}
        """Structs with wrong options left out, by path: good enough to go on looking for mistakes elsewhere."""

    def struct(self, item: Item, kind: type[Any], path: str, given: Mapping[str, Any] | None = None) -> Any:
        """A struct of options, or FAILED. `given`: values of fields that the caller has read, and other known keys."""
        given = given or {}
        entries = item.mapping
        if entries is None:
            return self._wrong(item, path, f"expected a mapping, got {describe(item)}")
        fields = {f.encode_name: f for f in msgspec.structs.fields(kind)}
        tag = kind.__struct_config__.tag_field
        known = [*fields, *([tag] if tag else []), *given]
        values: dict[str, Any] = {}
        sound = True
        for name in entries:
            if name not in fields and name not in given and name != tag:
                hint = did_you_mean(name, (k for k in known if k not in entries)) or did_you_mean(name, known)
                self._findings.add("E103", item.keys[name], _join(path, name), "unknown key", hint)
                sound = False
        for name, option in fields.items():
            if name in given:
                values[option.name] = given[name]
            elif name in entries:
                values[option.name] = self.value(entries[name], option.type, _join(path, name))
            elif option.required:
                meaning = meaning_of(option.type)
                self._findings.add("E104", item, _join(path, name), "missing option", meaning and f"{name}: {meaning}")
                sound = False
        if not sound or any(value is FAILED for value in values.values()):
            self._guess(kind, values, path)
            return FAILED
        try:
            return kind(**values)
        except (ValueError, TypeError) as error:  # a check across options, in the struct's __post_init__
            return self._wrong(item, path, str(error))

    def _guess(self, kind: type[Any], values: Mapping[str, Any], path: str) -> None:
        """Keeps what the struct would be with its wrong options left out; a wrong switch says nothing of the rest."""
        switches = {f.name for f in msgspec.structs.fields(kind) if bool in shape_of(f.type).members}
        if any(values.get(name) is FAILED for name in switches):
            return
        with suppress(ValueError, TypeError):
            self.guesses[path] = kind(**{name: value for name, value in values.items() if value is not FAILED})

    def value(self, item: Item, kind: Any, path: str) -> Any:
        """One option's value, or FAILED."""
        shape = shape_of(kind)
        if item.value is None and types.NoneType in shape.members and not item.substituted:
            return None
        members = [m for m in shape.members if m is not types.NoneType]
        structs = [bare(m) for m in members if is_struct(bare(m))]
        if structs and (item.mapping is not None or len(structs) == len(members)):
            return self._one_of(item, structs, path)
        inner = shape_of(members[0]) if len(members) == 1 else None
        if inner is not None and len(inner.members) > 1:
            return self.value(item, members[0], path)
        if item.sequence is not None or item.mapping is not None:
            return self._container(item, members, shape, path)
        return self._leaf(item, kind, members, path)

    def _one_of(self, item: Item, structs: list[type[Any]], path: str) -> Any:
        """The struct that the tag (`type: Pub`) chooses; with one untagged struct there is no choice."""
        tag = structs[0].__struct_config__.tag_field
        if tag is None:
            return self.struct(item, structs[0], path)
        names = {str(s.__struct_config__.tag): s for s in structs}
        if item.mapping is None:
            hint = f"write {{{tag}: {item.shown}}}" if item.text in names else ""
            return self._wrong(item, path, f"expected a mapping, got {describe(item)}", hint)
        chosen = item.mapping.get(tag)
        if chosen is None:
            self._findings.add("E104", item, _join(path, tag), "missing option", f"known: {', '.join(names)}")
            return FAILED
        found = names.get(chosen.text)
        if found is None:
            message = f"expected one of {', '.join(names)}, got {describe(chosen)}"
            return self._wrong(chosen, _join(path, tag), message, did_you_mean(chosen.shown, names))
        return self.struct(item, found, path)

    def _container(self, item: Item, members: list[Any], shape: Shape, path: str) -> Any:
        for member in map(bare, members):
            origin, arguments = get_origin(member) or member, get_args(member)
            if item.sequence is not None and origin in (list, tuple, set, frozenset):
                return self._list(item, origin, arguments, shape, path)
            if item.mapping is not None and origin is dict:
                return self._dict(item, arguments, shape, path)
            if member is Any or member is object:
                return plain(item)
        return self._wrong(item, path, f"expected {name_of(members, shape.metas)}, got {describe(item)}")

    def _list(self, item: Item, origin: Any, arguments: tuple[Any, ...], shape: Shape, path: str) -> Any:
        items = item.sequence or []
        fixed = origin is tuple and arguments and arguments[-1] is not Ellipsis
        if fixed and len(arguments) != len(items):
            return self._wrong(item, path, f"expected {len(arguments)} items, got {len(items)}")
        kinds = arguments if fixed else [arguments[0] if arguments else Any] * len(items)
        made = [self.value(below, kinds[i], f"{path}[{i}]") for i, below in enumerate(items)]
        if any(value is FAILED for value in made):
            return FAILED
        return self._within(item, origin(made), shape, path)

    def _dict(self, item: Item, arguments: tuple[Any, ...], shape: Shape, path: str) -> Any:
        entries = item.mapping or {}
        kind = arguments[1] if arguments else Any
        made = {name: self.value(below, kind, _join(path, name)) for name, below in entries.items()}
        if any(value is FAILED for value in made.values()):
            return FAILED
        return self._within(item, made, shape, path)

    def _within(self, item: Item, made: Any, shape: Shape, path: str) -> Any:
        """Checks the limits that stand around a list or mapping."""
        for meta in shape.metas:
            if meta.min_length is not None and len(made) < meta.min_length:
                return self._wrong(item, path, f"expected a length of at least {meta.min_length}, got {len(made)}")
            if meta.max_length is not None and len(made) > meta.max_length:
                return self._wrong(item, path, f"expected a length of at most {meta.max_length}, got {len(made)}")
        return made

    def _leaf(self, item: Item, kind: Any, members: list[Any], path: str) -> Any:
        shape = shape_of(kind)
        for member in members:
            written = item.value is not None or (bare(member) is Expression and item.text)
            if bare(member) in (Secret, Template, Expression) and written:
                return self._own(item, bare(member), path)
        if members == [Any]:
            return read_scalar(item.text) if item.substituted else item.value
        tries = [item.value]
        if item.substituted and isinstance(item.value, str):
            tries.append(read_scalar(item.value))
        # msgspec takes `Meta(pattern=...)` around `str`, not around `str | None`.
        if len(members) == 1 and shape.metas:
            kind = Annotated[(members[0], *shape.metas)]
        for value in tries:
            if value is None and types.NoneType in shape.members:
                return None
            try:
                return msgspec.convert(value, kind, strict=True, dec_hook=decode_hook)
            except msgspec.ValidationError:
                continue  # what is wrong is said below, in the words of a config
        message = f"expected {name_of(members, shape.metas)}, got {describe(item)}"
        return self._wrong(item, path, message, self._leaf_hint(item, members, shape))

    def _own(self, item: Item, kind: type, path: str) -> Any:
        try:
            made = kind(item.text)
        except ExpressionError as error:
            note_problem(item, path, Problem.of(path, error), self._findings)
            return FAILED
        except ValueError as error:
            message = str(error)
            if item.substituted or kind is Secret:
                message = message.partition(", got ")[0]
            return self._wrong(item, path, message)
        if isinstance(made, Template):
            self.templates[path] = made
        return made

    def _leaf_hint(self, item: Item, members: list[Any], shape: Shape) -> str:
        if any(meta.pattern for meta in shape.metas):
            return next((m.description for m in reversed(shape.metas) if m.description), "")
        choices = choices_of(members)
        if choices and isinstance(item.value, str):
            return did_you_mean(item.shown, map(str, choices))
        if str in map(bare, members) and not isinstance(item.value, str) and item.value is not None:
            return f'quote it: "{item.shown}"'
        if any(get_origin(bare(m)) in (list, tuple, set, frozenset) for m in members) and item.value is not None:
            return f"a list of one: [{item.shown}]"
        if isinstance(item.value, str) and not item.substituted and {int, float, bool} & set(map(bare, members)):
            meant = read_scalar(item.text)
            if not isinstance(meant, str) and meant is not None:
                return f"remove the quotes: {item.shown}"
        if bool in members and item.text.lower() in ("yes", "on", "no", "off"):
            return "write true" if item.text.lower() in ("yes", "on") else "write false"
        return ""

    def _wrong(self, item: Item, path: str, message: str, hint: str = "") -> Any:
        self._findings.add("E105", item, path, message, hint)
        return FAILED


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def plain(item: Item) -> Any:
    """The item as ordinary lists, dicts and scalars."""
    if item.mapping is not None:
        return {name: plain(below) for name, below in item.mapping.items()}
    if item.sequence is not None:
        return [plain(below) for below in item.sequence]
    return read_scalar(item.text) if item.substituted else item.value


def describe(item: Item) -> str:
    """`'abc'`, `12`, `a list`: what stands in the file, never what `${...}` became."""
    if item.mapping is not None:
        return "a mapping"
    if item.sequence is not None:
        return "a list"
    if item.value is None:
        return "nothing"
    return f"'{item.shown}'" if isinstance(item.value, str) else item.shown


def meaning_of(kind: Any) -> str:
    """The description of an option."""
    return next((meta.description for meta in reversed(shape_of(kind).metas) if meta.description), "")


def choices_of(members: list[Any]) -> list[Any]:
    """The values of all Literals."""
    return [value for member in members if get_origin(bare(member)) is Literal for value in get_args(bare(member))]


_WORDS = {
    str: "text", int: "whole number", float: "number", bool: "true or false", Secret: "text", Template: "template",
    Expression: "expression",
    list: "list", tuple: "list", set: "list", frozenset: "list", dict: "mapping", types.NoneType: "null",
}  # fmt: skip


def name_of(members: list[Any] | tuple[Any, ...], metas: tuple[msgspec.Meta, ...] = ()) -> str:
    """How a user would call a type: `whole number >= 1`, `one of json, msgpack`, `list of text`."""
    names: list[str] = []
    for member in members:
        inner = shape_of(member)
        kind = inner.members[0]
        origin = get_origin(kind) or kind
        if len(inner.members) > 1:
            names.append(name_of(inner.members, inner.metas))
        elif origin is Literal:
            values = ", ".join(str(value) for value in get_args(kind))
            names.append(f"one of {values}" if len(get_args(kind)) > 1 else values)
        elif is_struct(kind):
            names.append("mapping")
        else:
            name = _WORDS.get(origin, getattr(origin, "__name__", "value")) + _limits(inner.metas)
            of = name_of(get_args(kind)[:1]) if origin in (list, tuple, set, frozenset) and get_args(kind) else ""
            names.append(f"{name} of {of}" if of else name)
    return " or ".join(dict.fromkeys(names)) + _limits(metas)


def _limits(metas: tuple[msgspec.Meta, ...]) -> str:
    signs = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"), ("multiple_of", "in steps of"))
    found = [f"{sign} {getattr(m, key)}" for m in metas for key, sign in signs if getattr(m, key) is not None]
    if any(m.min_length for m in metas):
        found.append("that is not empty")
    if any(m.pattern for m in metas):
        found.append("of the form below")
    return f" {' and '.join(found)}" if found else ""
