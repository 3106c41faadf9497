"""The rules that every component keeps, as tests for one of your own.

    import pytest
    from wlf.testing.conformance import RULES

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    def test_it_keeps_the_rules(rule):
        rule(MyTransformer, {"threshold": 3})

The second argument is the options that the component cannot do without, beside its id and its edges.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import tempfile
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from wlf.components.base import Collector, Component, Context, Dispatcher, Router, Transformer
from wlf.components.config import (
    CollectorConfig,
    ComponentConfig,
    DispatcherConfig,
    RoutingConfig,
    Secret,
    TransformerConfig,
    decode_hook,
)
from wlf.events import Event, LogLine, RowInsert, SchemaChange

Options = Mapping[str, Any]
Rule = Callable[[type[Component], Options], None]

_CONFIGS: dict[type[Component], type[ComponentConfig]] = {
    Collector: CollectorConfig,
    Transformer: TransformerConfig,
    Router: RoutingConfig,
    Dispatcher: DispatcherConfig,
}
_SECRET_WORDS = ("password", "secret", "token", "api_key")


def configured(component: type[Component], options: Options) -> Any:
    """A config with an id, edges and these options. Raises msgspec.ValidationError."""
    raw: dict[str, Any] = {"id": "node", **options}
    if issubclass(component, Router):
        if "destinations" in component.Config.__struct_fields__:
            raw.setdefault("destinations", ["next"])
    elif not issubclass(component, Dispatcher):
        raw.setdefault("destination", "next")
    return msgspec.convert(raw, component.Config, dec_hook=decode_hook)


def context(node: str = "node") -> Context:
    """What a component gets, with metrics that nobody reads."""
    return Context(node, logging.getLogger(f"wlf.{node}"), _Metrics(), _Clock())


def structs_of(config: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """The config struct and all structs inside it."""
    found: list[type[msgspec.Struct]] = []
    waiting: list[type[msgspec.Struct]] = [config]
    while waiting:
        struct = waiting.pop()
        if struct not in found:
            found.append(struct)
            for kind in typing.get_type_hints(struct).values():
                waiting.extend(_structs_in(kind))
    return found


def fields_of(config: type[msgspec.Struct]) -> Iterator[tuple[str, str, Any]]:
    """(struct, name, annotated type) of every option, inner ones too."""
    for struct in structs_of(config):
        for name, kind in typing.get_type_hints(struct, include_extras=True).items():
            if name in struct.__struct_fields__:
                yield struct.__name__, name, kind


def plain(kind: Any) -> set[Any]:
    """The alternatives of a type without their annotations."""
    if typing.get_origin(kind) is typing.Annotated:
        return plain(typing.get_args(kind)[0])
    parts = typing.get_args(kind)
    return {part for one in parts for part in plain(one)} if type(None) in parts else {kind}


def it_and_its_module_are_documented(component: type[Component], options: Options) -> None:
    """The class, its options and its file say what they are for."""
    assert component.__doc__, f"{component.__name__} has no docstring"
    assert component.Config.__doc__, f"{component.Config.__name__} has no docstring"
    module = inspect.getmodule(component)
    assert module is not None
    assert module.__doc__, f"{module.__name__} has no docstring"


def every_option_is_described(component: type[Component], options: Options) -> None:
    """By `Annotated[..., Meta(description=...)]`: the reference is made of that."""
    for struct, option, kind in fields_of(component.Config):
        assert typing.get_origin(kind) is typing.Annotated, f"{struct}.{option} has no description"
        metas = [meta for meta in kind.__metadata__ if isinstance(meta, msgspec.Meta)]
        description = next((meta.description for meta in metas if meta.description), "")
        assert len(description) > 5, f"{struct}.{option} has no description"
        assert not description.endswith("."), f"{struct}.{option}: the description ends with a full stop"


def secrets_are_secrets(component: type[Component], options: Options) -> None:
    """What sounds like a secret has the type Secret, and a config never shows it."""
    for struct, option, kind in fields_of(component.Config):
        sounds = any(word in option for word in _SECRET_WORDS) or option == "auth"
        if sounds and plain(kind) & {str, Secret}:
            assert Secret in plain(kind), f"{struct}.{option} is not of the type Secret"
    hints = typing.get_type_hints(component.Config, include_extras=True)
    for option in [option for option, kind in hints.items() if Secret in plain(kind)]:
        try:
            shown = repr(configured(component, {**options, option: "hunter2"}))
        except msgspec.ValidationError as error:  # it needs another option too
            shown = str(error)
        assert "hunter2" not in shown, f"{option} is shown"


def configs_forbid_unknown_keys_and_cannot_be_changed(component: type[Component], options: Options) -> None:
    """A typing error in a file is an error, and no node changes what another one sees."""
    base = next(config for family, config in _CONFIGS.items() if issubclass(component, family))
    assert issubclass(component.Config, base), f"{component.Config.__name__} is no {base.__name__}"
    for struct in structs_of(component.Config):
        assert struct.__struct_config__.forbid_unknown_fields, f"{struct.__name__} takes unknown keys"
        assert struct.__struct_config__.frozen, f"{struct.__name__} is not frozen"
    refusal = ""
    try:
        configured(component, {**options, "no_such_option": 1})
    except msgspec.ValidationError as error:
        refusal = str(error)
    assert "no_such_option" in refusal, f"{component.Config.__name__} takes an unknown key"


def an_id_is_all_the_name_it_needs(component: type[Component], options: Options) -> None:
    """With its edges and the given options it is complete."""
    config = configured(component, options)
    assert isinstance(config, ComponentConfig)
    assert config.dead_letter is None


def making_one_does_no_io_and_it_can_be_closed_twice(component: type[Component], options: Options) -> None:
    """`wlf check` makes components; a run closes also what was never opened."""

    async def make_and_close() -> None:
        node = component(configured(component, options), context())
        await node.close()
        await node.close()

    before = os.getcwd()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        try:
            asyncio.run(make_and_close())
            assert os.listdir(empty) == [], "making it wrote files"
        finally:
            os.chdir(before)


def what_it_accepts_and_emits_are_event_types(component: type[Component], options: Options) -> None:
    """Edges are checked by them."""
    assert component.accepts, "it accepts nothing"
    assert all(issubclass(event, Event) for event in component.accepts)
    config = configured(component, options)
    emitted: Any = ()
    if issubclass(component, Collector):
        emitted = component.emits(config)
        assert emitted, "it emits nothing"
    elif issubclass(component, Router):
        emitted = component.emits(config, component.accepts, component.destinations(config)[0])
    elif issubclass(component, Transformer):
        emitted = component.emits(config, component.accepts)
    assert all(issubclass(event, Event) for event in emitted)


def the_hot_path_is_synchronous(component: type[Component], options: Options) -> None:
    """Transformers are plain functions over a list; collectors and dispatchers are coroutines."""
    if issubclass(component, Transformer | Router):
        method = component.route if issubclass(component, Router) else component.transform
        assert not inspect.iscoroutinefunction(method), f"{method.__name__} is a coroutine"
        assert not inspect.isgeneratorfunction(method), f"{method.__name__} is a generator"
    elif issubclass(component, Collector):
        assert inspect.iscoroutinefunction(component.collect)
    elif issubclass(component, Dispatcher):
        assert inspect.iscoroutinefunction(component.dispatch)


def events_pass_in_order_and_the_list_is_left_alone(component: type[Component], options: Options) -> None:
    """Other branches see the same list."""
    if not issubclass(component, Transformer | Router):
        return
    candidates: tuple[Event, ...] = (
        RowInsert("d", "t", "insert", 1),
        SchemaChange("d", "table-drop", 2, "drop table t", table="t"),
        LogLine("files", 1.0, "m"),
    )
    events = [event for event in candidates if isinstance(event, tuple(component.accepts))]
    given = list(events)
    node = component(configured(component, options), context())
    if isinstance(node, Router):
        routed = node.route(given)
        passed = list(routed.values())
        assert set(routed) <= set(node.destinations(node.config)), "it routes to where it did not declare"
    else:
        assert isinstance(node, Transformer)
        passed = [node.transform(given)]
    assert given == events, "the list was changed"
    for sequence in passed:
        places = [next(n for n, event in enumerate(events) if event is one) for one in sequence if one in events]
        assert places == sorted(places), "events changed places"


def a_dispatcher_says_what_it_guarantees(component: type[Component], options: Options) -> None:
    """It is printed at the start of each run."""
    if not issubclass(component, Dispatcher):
        return
    config = configured(component, options)
    guarantee = component.describe_guarantee(config)
    assert guarantee, "it promises nothing"
    assert not guarantee.endswith(".")
    for option, template in component.names_of(config):
        assert option
        assert hasattr(template, "pointers")


RULES: tuple[Rule, ...] = (
    it_and_its_module_are_documented,
    every_option_is_described,
    secrets_are_secrets,
    configs_forbid_unknown_keys_and_cannot_be_changed,
    an_id_is_all_the_name_it_needs,
    making_one_does_no_io_and_it_can_be_closed_twice,
    what_it_accepts_and_emits_are_event_types,
    the_hot_path_is_synchronous,
    events_pass_in_order_and_the_list_is_left_alone,
    a_dispatcher_says_what_it_guarantees,
)


def _structs_in(kind: Any) -> list[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [struct for part in typing.get_args(kind) for struct in _structs_in(part)]


class _Number:
    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1) -> None:
        self.value += amount

    def set(self, value: float) -> None:
        self.value = value


class _Metrics:
    def counter(self, name: str, help: str, **labels: str) -> _Number:
        return _Number()

    def gauge(self, name: str, help: str, **labels: str) -> _Number:
        return _Number()


class _Clock:
    def monotonic(self) -> float:
        return 0.0

    def time(self) -> float:
        return 0.0
