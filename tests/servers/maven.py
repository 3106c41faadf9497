"""Fetch Java servers with Maven, and run them with the machine's Java; both come by apt where they are missing."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from tests.servers.commands import InstallError, run

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
MAVEN = ("mvn", "-q", "-B", "-ntp")


def java() -> str:
    """The path of the Java program."""
    found = shutil.which("java")
    if found is None:
        raise InstallError("found no java; run: apt-get install default-jre-headless")
    return found


def fetch_jars(home: Path, artifacts: Sequence[str]) -> None:
    """Put artifacts (`group:name:version`) and all they need at run time into `home/libs`."""
    require_maven()
    dependencies = "".join(_dependency(*artifact.split(":")) for artifact in artifacts)
    (home / "pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>wlf</groupId><artifactId>servers</artifactId>"
        f"<version>1</version><packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )
    copy = f"{PLUGIN}:copy-dependencies"
    run([*MAVEN, copy, "-DincludeScope=runtime", f"-DoutputDirectory={home / 'libs'}"], cwd=home)


def fetch_zip(home: Path, artifact: str) -> None:
    """Unpack one zip artifact (`group:name:version`), whose single top directory becomes `home/root`."""
    require_maven()
    run([*MAVEN, f"{PLUGIN}:copy", f"-Dartifact={artifact}:zip", f"-DoutputDirectory={home}"], cwd=home)
    archive = next(home.glob("*.zip"))
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(home)
    archive.unlink()
    next(path for path in home.iterdir() if path.is_dir()).rename(home / "root")


def fetch_jar(home: Path, artifact: str) -> Path:
    """Put one jar (`group:name:version`) into `home`; its path."""
    require_maven()
    run([*MAVEN, f"{PLUGIN}:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={home}"], cwd=home)
    return next(home.glob("*.jar"))


def require_maven() -> None:
    """Install Java and Maven by apt when this machine has none."""
    missing = [
        package for program, package in (("java", "default-jre-headless"), ("mvn", "maven")) if not _has(program)
    ]
    if missing:
        run(["apt-get", "update", "-qq"])
        install = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "install", "-qq", "-y", "--no-install-recommends"]
        run([*install, *missing], env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def _has(program: str) -> bool:
    return shutil.which(program) is not None


def _dependency(group: str, name: str, version: str) -> str:
    parts = (("groupId", group), ("artifactId", name), ("version", version))
    return "<dependency>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in parts) + "</dependency>"
