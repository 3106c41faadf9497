"""Components of one's own: a module beside the config, or an installed package."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from wlf.errors import ConfigError
from wlf.graph.compile import load
from wlf.testing.conformance import RULES

MODULE = '''
"""Shouting."""
from wlf.components.base import Transformer

class Shout(Transformer):
    """Makes messages loud."""
    def transform(self, events):
        return events

class Other:
    pass
'''


def config(folder: Path, type_name: str) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(
        textwrap.dedent(f"""
        collectors: [{{id: files, type: File, destination: own, include: [/x]}}]
        transformers: [{{id: own, type: "{type_name}", destination: out}}]
        dispatchers: [{{id: out, type: Stdout}}]
        """)
    )
    return path


def test_a_module_beside_the_config_is_found(tmp_path: Path) -> None:
    (tmp_path / "loud_one.py").write_text(MODULE)
    node = load(config(tmp_path, "loud_one:Shout")).node("own")
    assert (node.component.__name__, node.type_name) == ("Shout", "Shout")
    for rule in RULES:
        rule(node.component, {})


def test_modules_of_one_name_beside_two_configs_are_two(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "loud_two.py").write_text(MODULE.replace("Makes messages loud", name))
        assert load(config(tmp_path / name, "loud_two:Shout")).node("own").component.__doc__ == f"{name}."


def test_a_module_in_a_package_beside_the_config_is_found(tmp_path: Path) -> None:
    (tmp_path / "loud_package").mkdir()
    (tmp_path / "loud_package" / "__init__.py").touch()
    (tmp_path / "loud_package" / "shouting.py").write_text(MODULE)
    assert load(config(tmp_path, "loud_package.shouting:Shout")).node("own").type_name == "Shout"


@pytest.mark.parametrize(
    ("type_name", "expected"),
    [
        ("no_such_module:Shout", "cannot import no_such_module: no module named no_such_module"),
        ("loud_bad:Shout", "cannot import loud_bad: ZeroDivisionError"),
        ("loud_needy:Shout", "cannot import loud_needy: no module named not_installed_at_all"),
        ("loud_three:Whisper", "loud_three has no class Whisper"),
        ("loud_three:Other", "loud_three:Other is no component"),
    ],
)
def test_what_is_wrong_with_it_is_said_at_its_place(tmp_path: Path, type_name: str, expected: str) -> None:
    (tmp_path / "loud_three.py").write_text(MODULE)
    (tmp_path / "loud_bad.py").write_text("1 / 0")
    (tmp_path / "loud_needy.py").write_text("import not_installed_at_all")
    with pytest.raises(ConfigError) as caught:
        load(config(tmp_path, type_name))
    text = str(caught.value)
    assert expected in text
    assert "pipeline.yaml:3:" in text
    assert "hint: " in text
