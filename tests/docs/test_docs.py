"""The documentation is true: generated pages are fresh, links lead somewhere, commands run, configs compile."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.docs.generate import DOCS, pages
from wlf.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *DOCS.glob("*.md"),
        *ROOT.glob("deploy/**/*.md"),
        *ROOT.glob("examples/**/*.md"),
        *ROOT.glob("tests/**/*.md"),
    ]
)
COMMANDS = re.compile(r"^    (wlf .*?)(?:\s{2,}#.*)?$", re.MULTILINE)
YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
SHOWN = [
    page for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))) if YAML.search(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("name", ["reference.md", "diagnostics.md", "transformers.md"])
def test_generated_page_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_wlf_command_that_is_shown_exists(page: Path) -> None:
    for command in COMMANDS.findall(page.read_text(encoding="utf-8")):
        words = [word for word in shlex.split(command)[1:] if not word.startswith("-")]
        names: list[str] = []
        group: Any = main
        for word in words:
            if word not in getattr(group, "commands", {}):
                break
            names.append(word)
            group = group.commands[word]
        assert names, command
        options = [word for word in shlex.split(command) if word.startswith("--")]
        shown = CliRunner().invoke(main, [*names, "--help"]).output
        assert all(option.split("=")[0] in shown for option in options), command


def test_readme_has_exactly_the_two_commands_that_ci_relies_on() -> None:
    commands = re.findall(r"^    (\S.*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [command for command in commands if command.startswith("make")] == ["make demo", "make test"]
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.name)
def test_every_config_that_is_shown_passes_the_check(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "x")
    for block in YAML.findall(page.read_text(encoding="utf-8")):
        path = tmp_path / "shown.yaml"
        path.write_text(block)
        result = CliRunner().invoke(main, ["check", str(path)])
        assert (result.exit_code, result.stderr) == (0, ""), f"{block}\n{result.output}"
