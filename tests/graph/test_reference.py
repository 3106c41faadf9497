"""The reference is made of the Config structs: every option, also the nested ones, with type, default and meaning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.graph.fakes import Keep, Rows, Sink, registry
from wlf.components.registry import Registry, UnknownType
from wlf.errors import SetupError
from wlf.graph import reference
from wlf.graph.diagnostics import CODES

GOLDEN = Path(__file__).parent / "golden" / "reference"


@pytest.mark.parametrize(
    ("golden", "text"),
    [
        ("sink.txt", lambda: reference.text_of(Sink)),
        ("sink.md", lambda: reference.markdown_of(Sink)),
        ("rows.txt", lambda: reference.text_of(Rows)),
        ("settings.md", reference.settings_markdown),
    ],
)
def test_reference(golden: str, text) -> None:  # type: ignore[no-untyped-def]
    got = text()
    if os.environ.get("WLF_GOLDEN") == "write":
        (GOLDEN / golden).write_text(got)
    assert got == (GOLDEN / golden).read_text()


def test_options_of_a_list_of_mappings_and_of_each_type_are_listed() -> None:
    byta = [option.path for option in reference.options_of(registry().resolve("transformer", "ByTable").Config)]
    assert byta[-2:] == ["rules[].table", "rules[].to"]
    paths = [option.path for option in reference.options_of(Sink.Config)]
    assert {"mode(Push).key", "mode(Pub).channel", "batch.max_events"} <= set(paths)


def test_every_option_of_every_component_has_a_meaning_and_a_default_or_is_required() -> None:
    for name in ("BinlogFilter", "EventReplicator", "File", "Stdout"):
        for component in reference.find(Registry(), name):
            for option in reference.options_of(component.Config):
                assert option.meaning, (name, option.path)
                assert option.required == (not option.default), (name, option.path)


def test_a_component_is_found_by_either_spelling_and_whatever_its_kind() -> None:
    assert reference.find(registry(), "SinkDispatcher") == [Sink]
    assert reference.find(registry(), "Keep") == [Keep]
    with pytest.raises(UnknownType):
        reference.find(registry(), "Nope")


def test_the_overview_names_what_cannot_be_loaded_and_how_to_get_it() -> None:
    class Bare(Registry):
        def resolve(self, kind, type_name):  # type: ignore[no-untyped-def]
            if type_name == "Kafka":
                raise SetupError("Kafka needs the library aiokafka", hint='pip install "wlf[kafka]"')
            return Sink

    rows = reference.overview(Bare()).splitlines()
    assert '  Kafka             (Kafka needs the library aiokafka: pip install "wlf[kafka]")' in rows
    assert "  Redis             Takes anything." in rows


def test_every_code_is_in_the_table() -> None:
    table = reference.codes_markdown()
    assert all(f"| {code} | {meaning} |\n" in table for code, meaning in CODES.items())


def test_describe_answers_for_one_component_or_for_all() -> None:
    known = registry()
    assert reference.describe(known, "Sink") == reference.text_of(Sink)
    assert reference.describe(known, "Sink", markdown=True) == reference.markdown_of(Sink)
    with pytest.raises(SetupError, match="no component 'Snik'\n  hint: did you mean 'Sink'"):
        reference.describe(known, "Snik")


def test_kinds_that_share_a_name_are_described_together_and_told_apart_in_the_headings() -> None:
    page = reference.describe(Registry(), "File", markdown=True)
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "## File (collector)",
        "## File (dispatcher)",
    ]
    assert reference.describe(Registry(), "FileCollector").startswith("File (collector)\n")


def test_the_page_has_settings_components_and_codes() -> None:
    class Few(Registry):
        def every(self):  # type: ignore[no-untyped-def]
            yield "dispatcher", "Sink", Sink

    page = reference.describe(Few(), markdown=True)
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "# Configuration",
        "## The file's top level",
        "## Sink",
        "## Diagnostics",
    ]
