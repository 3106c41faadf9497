"""Every built-in component keeps the rules that a user, and the documentation made from it, rely on."""

import ast
import importlib.util
import inspect
import logging
from pathlib import Path

import pytest

import wlf.components.base as base
from tests.components.fakes import make_context
from wlf.components.registry import SUFFIXES, Registry
from wlf.testing.conformance import RULES, fields_of, plain

EVERY = list(Registry().every())


def with_each(*kinds):
    chosen = [one for one in EVERY if one[0] in kinds]
    return pytest.mark.parametrize(("kind", "name", "component"), chosen, ids=[name for _, name, _ in chosen])


WITH_COMPONENT = with_each("collector", "transformer", "dispatcher")

ROOT = Path(__file__).parents[2]
REQUIRED = {
    "FileDispatcher": {"path": "out.jsonl"},
    "FileCollector": {"include": ["*.log"]},
    "Dedupe": {"key": "ts"},
    "Filter": {"where": "true"},
    "Map": {"set": {"level": '"x"'}},
    "Sample": {"percent": 50},
    "Throttle": {"max_events": 2},
    "Separator": {"routes": [{"when": "ts > 1", "destination": "next"}], "unmatched": "drop"},
    "Encryptor": {"fields": [{"field": "/data/secret", "action": "mask"}]},
    "Parse": {"format": "json"},
    "Wasm": {"module": str(ROOT / "sdk/wat/identity.wat"), "cache_compiled": False},
    "HttpDispatcher": {"url": "http://localhost/in"},
}
"""Options that a component cannot do without, beside its edges."""

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
    "percent",
    "replication_factor",
    "max_fuel",  # as WebAssembly calls it
}
"""Numbers that count nothing, or are called so by the system behind."""
UNITS = (
    "_ms",
    "_bytes",
    "_events",
    "_keys",
    "_attempts",
    "_files",
    "_rows",
    "_groups",
    "_days",
    "_characters",
    "_batches",
)


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
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_it_keeps_the_rules_that_all_components_keep(kind, name, component, rule):
    rule(component, REQUIRED.get(component.__name__, {}))


@WITH_COMPONENT
def test_numbers_carry_their_unit(kind, name, component):
    for struct, option, kind_of_option in fields_of(component.Config):
        if plain(kind_of_option) & {int, float}:
            assert option.endswith(UNITS) or option in NUMBERS_WITHOUT_A_UNIT, f"{struct}.{option}"


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
SHARED = ("wlf.components.naming", "wlf.components.tls", "wlf.components.following", "wlf.components.containers")


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
