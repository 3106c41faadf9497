"""The image's recipe: what it copies is there, what it installs exists, and it ends without rights."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch

import pytest

from tests.deploy.manifests import DEPLOY, plain, pod_of

ROOT = DEPLOY.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, as (NAME, rest)."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def only(name: str, stage: list[tuple[str, str]]) -> str:
    (found,) = (rest for instruction, rest in stage if instruction == name)
    return found


def test_it_runs_wlf_as_the_user_of_the_manifests() -> None:
    security = pod_of(plain())["securityContext"]
    assert only("USER", stages()[-1]) == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert only("ENTRYPOINT", stages()[-1]) == '["wlf"]'
    assert "wlf" in PROJECT["scripts"]


def test_the_last_stage_installs_nothing_and_takes_over_only_what_was_installed() -> None:
    built, last = stages()
    assert not [rest for name, rest in last if name in ("RUN", "ADD")]
    assert [rest for name, rest in last if name == "COPY"] == ["--from=build /opt/wlf /opt/wlf"]
    assert only("FROM", built) == f"{only('FROM', last)} AS build"  # a venv works only with its own Python


def test_the_extras_and_the_python_that_it_names_exist() -> None:
    built = "\n".join(rest for name, rest in stages()[0] if name == "RUN")
    (extras,) = re.findall(r"/src\[([a-z,]+)\]", built)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    (version,) = re.findall(r"^python:(3\.\d+)-slim\b", only("FROM", stages()[-1]))
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


@pytest.mark.parametrize("source", [s for n, r in stages()[0] if n == "COPY" for s in r.split()[:-1]])
def test_what_it_copies_is_there_and_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    allowed = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"]
    assert any(fnmatch(source, pattern) for pattern in allowed)
