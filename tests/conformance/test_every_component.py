"""Every built-in component keeps the rules that a user, and the documentation made from it, rely on."""

import ast
import asyncio
import importlib.util
import inspect
import logging
import typing
from pathlib import Path

import msgspec
import pytest

import wlf.components.base as base
from tests.components.fakes import make_context
from wlf.components.base import Collector, Component, Dispatcher, Router, Transformer
from wlf.components.config import (
    CollectorConfig,
    ComponentConfig,
    DispatcherConfig,
    RouterConfig,
    Secret,
    TransformerConfig,
    decode_hook,
)
from wlf.components.registry import SUFFIXES, Registry
from wlf.events import Event, LogLine, RowInsert, SchemaChange

EVERY = list(Registry().every())


def with_each(*kinds):
    chosen = [one for one in EVERY if one[0] in kinds]
    return pytest.mark.parametrize(("kind", "name", "component"), chosen, ids=[name for _, name, _ in chosen])


WITH_COMPONENT = with_each("collector", "transformer", "dispatcher")

REQUIRED = {"FileDispatcher": {"path": "out.jsonl"}, "FileCollector": {"include": ["*.log"]}}
"""Options that a component cannot do without, beside its edges."""

CONFIG_BASES = {
    Collector: CollectorConfig,
    Transformer: TransformerConfig,
    Router: RouterConfig,
    Dispatcher: DispatcherConfig,
}
NUMBERS_WITHOUT_A_UNIT = {
    "port",  # a TCP port
    "server_id",
    "database_number",
    "maxlen",  # as Redis calls it
    "keep",  # files
    "acks",
    "position",  # a byte offset, as the binlog calls it
    "parallel_tables",
    "partitions",
    "replication_factor",
}
"""Numbers that count nothing, or are called so by the system behind."""
UNITS = ("_ms", "_bytes", "_events", "_attempts", "_files", "_rows", "_groups", "_days")


def options_of(component, **more):
    edges = {Collector: "destination", Transformer: "destination", Router: "destinations"}
    raw = {"id": "node", **REQUIRED.get(component.__name__, {}), **more}
    for base_class, edge in edges.items():
        if issubclass(component, base_class):
            raw[edge] = ["next"] if edge == "destinations" else "next"
    return raw


def configured(component, **more):
    return msgspec.convert(options_of(component, **more), component.Config, dec_hook=decode_hook)


def made(component):
    return component(configured(component), make_context("node"))


def structs_of(config):
    """The config struct and all structs inside it."""
    found, waiting = [], [config]
    while waiting:
        struct = waiting.pop()
        if struct in found:
            continue
        found.append(struct)
        for kind in typing.get_type_hints(struct).values():
            waiting.extend(structs_in(kind))
    return found


def structs_in(kind):
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [struct for part in typing.get_args(kind) for struct in structs_in(part)]


def fields_of(config):
    """(where, name, annotated type) of every option, inner ones too."""
    for struct in structs_of(config):
        for name, kind in typing.get_type_hints(struct, include_extras=True).items():
            if name in struct.__struct_fields__:
                yield struct.__name__, name, kind


def plain(kind):
    """The alternatives of a type without their annotations."""
    if typing.get_origin(kind) is typing.Annotated:
        return plain(typing.get_args(kind)[0])
    parts = typing.get_args(kind)
    return {part for one in parts for part in plain(one)} if type(None) in parts else {kind}


def test_the_registry_is_not_empty():
    assert {kind for kind, _, _ in EVERY} == {"collector", "transformer", "dispatcher"}
    assert {"Binlog", "BinlogFilter", "EventReplicator", "Kafka", "Redis", "Elasticsearch", "File", "Stdout"} <= {
        name for _, name, _ in EVERY
    }


@WITH_COMPONENT
def test_its_name_is_the_registrys_with_and_without_the_suffix(kind, name, component):
    assert component.type_name == name
    assert Registry().resolve(kind, name) is component
    assert Registry().resolve(kind, name + SUFFIXES[kind]) is component


@WITH_COMPONENT
def test_it_is_documented(kind, name, component):
    assert component.__doc__
    assert component.__doc__ != Component.__doc__
    assert inspect.getmodule(component).__doc__
    assert component.Config.__doc__


@WITH_COMPONENT
def test_every_option_is_described(kind, name, component):
    for struct, option, kind_of_option in fields_of(component.Config):
        assert typing.get_origin(kind_of_option) is typing.Annotated, f"{struct}.{option}"
        metas = [meta for meta in kind_of_option.__metadata__ if isinstance(meta, msgspec.Meta)]
        description = next((meta.description for meta in metas if meta.description), "")
        assert len(description) > 5, f"{struct}.{option}"
        assert not description.endswith("."), f"{struct}.{option}"


@WITH_COMPONENT
def test_numbers_carry_their_unit(kind, name, component):
    for struct, option, kind_of_option in fields_of(component.Config):
        if plain(kind_of_option) & {int, float}:
            assert option.endswith(UNITS) or option in NUMBERS_WITHOUT_A_UNIT, f"{struct}.{option}"


@WITH_COMPONENT
def test_what_sounds_like_a_secret_is_one_and_prints_as_stars(kind, name, component):
    for struct, option, kind_of_option in fields_of(component.Config):
        sounds = any(word in option for word in ("password", "secret", "token", "api_key")) or option == "auth"
        if sounds and plain(kind_of_option) & {str, Secret}:
            assert Secret in plain(kind_of_option), f"{struct}.{option}"
    shown = repr(Secret("hunter2")) + str(Secret("hunter2")) + f"{Secret('hunter2')}"
    assert "hunter2" not in shown


@WITH_COMPONENT
def test_a_config_never_shows_its_secrets(kind, name, component):
    secrets = {
        option: "hunter2"
        for option, kind_of_option in typing.get_type_hints(component.Config, include_extras=True).items()
        if Secret in plain(kind_of_option)
    }
    for option, secret in secrets.items():
        try:
            shown = repr(configured(component, **{option: secret}))
        except msgspec.ValidationError as error:  # it needs another option too
            shown = str(error)
        assert "hunter2" not in shown


@WITH_COMPONENT
def test_configs_forbid_unknown_keys_and_cannot_be_changed(kind, name, component):
    (base_config,) = [config for family, config in CONFIG_BASES.items() if issubclass(component, family)]
    assert issubclass(component.Config, base_config)
    for struct in structs_of(component.Config):
        assert struct.__struct_config__.forbid_unknown_fields, struct.__name__
        assert struct.__struct_config__.frozen, struct.__name__
    with pytest.raises(msgspec.ValidationError, match="no_such_option"):
        configured(component, no_such_option=1)


@WITH_COMPONENT
def test_an_id_is_all_the_name_it_needs(kind, name, component):
    config = configured(component)
    assert isinstance(config, ComponentConfig)
    assert config.dead_letter is None


@WITH_COMPONENT
def test_making_one_does_no_io_and_closing_twice_without_opening_is_fine(kind, name, component, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def run():
        node = made(component)
        await node.close()
        await node.close()

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


@WITH_COMPONENT
def test_what_it_accepts_and_emits_are_event_types(kind, name, component):
    assert component.accepts
    assert all(issubclass(event, Event) for event in component.accepts)
    config = configured(component)
    if issubclass(component, Collector):
        emitted = component.emits(config)
        assert emitted
    elif issubclass(component, Router):
        emitted = component.emits(config, component.accepts, component.destinations(config)[0])
    elif issubclass(component, Transformer):
        emitted = component.emits(config, component.accepts)
    else:
        return
    assert all(issubclass(event, Event) for event in emitted)


@WITH_COMPONENT
def test_the_hot_path_is_synchronous(kind, name, component):
    if issubclass(component, Transformer):
        assert not inspect.iscoroutinefunction(component.transform)
        assert not inspect.isgeneratorfunction(component.transform)
    elif issubclass(component, Router):
        assert not inspect.iscoroutinefunction(component.route)
        assert not inspect.isgeneratorfunction(component.route)
    else:
        assert inspect.iscoroutinefunction(component.collect if kind == "collector" else component.dispatch)


@with_each("transformer")
def test_events_pass_in_order_by_identity_and_the_list_is_left_alone(kind, name, component):
    events = [
        event
        for event in (
            RowInsert("d", "t", "insert", 1),
            SchemaChange("d", "table-drop", 2, "drop table t", table="t"),
            LogLine("files", 1.0, "m"),
        )
        if isinstance(event, tuple(component.accepts))
    ]
    given = list(events)
    node = made(component)
    if issubclass(component, Router):
        passed = list(node.route(given).values())
        assert set(node.route(given)) <= set(component.destinations(node.config))
    else:
        passed = [node.transform(given)]
    assert given == events
    for sequence in passed:
        places = [next(n for n, event in enumerate(events) if event is one) for one in sequence if one in events]
        assert places == sorted(places)


@with_each("dispatcher")
def test_a_dispatcher_says_what_it_guarantees(kind, name, component):
    guarantee = component.describe_guarantee(configured(component))
    assert guarantee
    assert not guarantee.endswith(".")
    for option, template in component.names_of(configured(component)):
        assert option
        assert hasattr(template, "pointers")


def modules_of(component):
    """The component's own files: its module, and the private siblings that it is made of."""
    files, waiting = [], [Path(inspect.getfile(component))]
    while waiting:
        path = waiting.pop()
        if path in files:
            continue
        files.append(path)
        for imported in imports_of(path):
            if imported.startswith(component.__module__.rpartition(".")[0] + "._"):
                found = importlib.util.find_spec(imported)
                waiting.append(Path(found.origin))
    return files


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


ALLOWED = ("wlf.components.base", "wlf.components.config", "wlf.events", "wlf.errors")
SHARED = ("wlf.components.naming", "wlf.components.tls")


@WITH_COMPONENT
def test_it_imports_no_other_component_nor_the_graph_nor_the_runtime(kind, name, component):
    own = component.__module__.rpartition(".")[0] + "._"
    allowed = (*ALLOWED, *SHARED, own, *(["wlf.binlog"] if name == "Binlog" else []))
    for path in modules_of(component):
        for imported in imports_of(path):
            if imported.split(".")[0] == "wlf":
                assert imported.startswith(allowed), f"{path.name} imports {imported}"


@WITH_COMPONENT
def test_only_its_own_private_modules_belong_to_it(kind, name, component):
    others = {
        path
        for _, other, cls in EVERY
        if other != name
        for path in modules_of(cls)
        if not path.name.startswith("__init__")
    }
    assert not set(modules_of(component)) & others


@WITH_COMPONENT
def test_it_logs_through_the_logger_it_is_given(kind, name, component):
    for path in modules_of(component):
        tree = ast.parse(path.read_text())
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not called & {"print", "logging.getLogger", "logging.basicConfig"}, path.name


def test_the_context_of_the_tests_is_the_one_components_get():
    context = make_context("node")
    assert isinstance(context, base.Context)
    assert isinstance(context.logger, logging.Logger)
