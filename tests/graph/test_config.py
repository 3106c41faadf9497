"""From YAML to items: places, bounds, substitution, and the types that options get."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.graph.fakes import SinkConfig, registry
from wlf.errors import ConfigError
from wlf.graph.compile import compile_text
from wlf.graph.config import parse, read, read_scalar

ROWS = "collectors: [{id: rows, type: Rows, destination: sink%s}]\ndispatchers: [{id: sink, type: Sink%s}]\n"


def codes(error: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    return [d.code for d in error.value.diagnostics]  # type: ignore[attr-defined]


def config_of(text: str, id: str, **env: str):
    return compile_text(text, registry=registry(), env=env).node(id).config


def test_every_key_and_value_keeps_its_line_and_column() -> None:
    root = parse("a:\n  - b: 1\n    c: [x, 'y']\n").root
    below = root.at("a[0]")
    assert (below.line, below.column) == (2, 5)
    assert below.mapping is not None
    assert below.keys["c"] == (3, 5)
    last = root.at("a[0].c[1]")
    assert (last.value, last.line, last.column) == ("y", 3, 12)


def test_scalars_are_read_as_yaml_1_2() -> None:
    items = parse("[no, on, 12:30, 2024-01-01, 0o17, 0x1f, 1e3, ~, true, 1_000, .5, -.inf]").root.sequence
    assert items is not None
    assert [item.value for item in items] == [
        "no", "on", "12:30", "2024-01-01", 15, 31, 1000.0, None, True, "1_000", 0.5, float("-inf"),
    ]  # fmt: skip


def test_an_integer_that_python_refuses_stays_a_text() -> None:
    digits = "9" * 5000
    assert read_scalar(digits) == digits


def test_quoted_and_tagged_scalars_stay_texts() -> None:
    items = parse("""['5', "true", !!str 5, !!int "7"]""").root.sequence
    assert items is not None
    assert [item.value for item in items] == ["5", "true", "5", 7]


def test_aliases_and_merge_keys_are_followed() -> None:
    root = parse("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\n").root
    mine = root.at("mine").mapping
    assert mine is not None
    assert {name: item.value for name, item in mine.items()} == {"x": 1, "y": 3}


def test_a_missing_file_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: E100 no such file or directory"):
        read(tmp_path / "absent.yaml")


def test_bytes_that_are_not_utf8_are_named_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"name: x\nhttp: \xe9\n")
    with pytest.raises(ConfigError, match=r"latin.yaml:2:7: E100 expected UTF-8, got the byte 0xe9"):
        read(file)


def test_a_file_over_one_mebibyte_is_refused() -> None:
    with pytest.raises(ConfigError, match="E100 expected at most 1048576 bytes"):
        parse("#" * 1_048_577)


def test_a_control_character_is_named_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r":2:3: E101 not YAML: the character U\+0007"):
        parse("a: b\nc: \x07\n".replace("c: ", "c:"))


def test_substituted_values_take_the_type_of_their_option(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123\n")
    text = ROWS % (
        ', port: "${PORT}", ddl: "${DDL}", weight: "${W:-2.5}", limit: "${NONE:-}", host: "${PORT}"'
        ', password: "p${PORT}"',
        f', token: "${{file:{tmp_path}/token}}", topic: "t${{PORT}}.%{{/table}}", headers: {{a: "${{PORT}}"}}',
    )
    env = {"PORT": "1234", "DDL": "true"}
    rows = config_of(text, "rows", **env)
    assert (rows.port, rows.ddl, rows.weight, rows.limit, rows.host) == (1234, True, 2.5, None, "1234")
    assert rows.password.reveal() == "p1234"
    sink = config_of(text, "sink", **env)
    assert isinstance(sink, SinkConfig)
    assert sink.token is not None
    assert sink.token.reveal() == "0123"
    assert (sink.topic.text, sink.headers) == ("t1234.%{/table}", {"a": 1234})


def test_an_unquoted_secret_keeps_its_leading_zeros() -> None:
    assert config_of(ROWS % (", password: 0123", ""), "rows").password.reveal() == "0123"


def test_a_substituted_value_is_not_substituted_again() -> None:
    config = config_of(ROWS % (', host: "${A}", password: "$${A}"', ""), "rows", A="${B}")
    assert config.host == "${B}"
    assert config.password.reveal() == "${A}"


def test_a_substituted_value_never_stands_in_a_message() -> None:
    text = ROWS % (
        ', port: "${S}", ddl: "${S}"',
        ', topic: "%{${S}}", level: "${S}", on_error: "${S}", dead_letter: "${S}", mode: {type: "${S}"}',
    )
    with pytest.raises(ConfigError) as caught:
        compile_text(text, registry=registry(), env={"S": "hunter2"})
    assert codes(caught).count("E105") == 6
    assert "hunter2" not in str(caught.value)
    assert "'${S}'" in str(caught.value)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@#,?\n \t$1.~<", max_size=60))
def test_no_text_raises_anything_but_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError) as caught:  # a pipeline cannot be written in this alphabet
        compile_text(text, registry=registry(), env={})
    assert caught.value.diagnostics
