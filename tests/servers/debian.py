"""Unpack Debian packages of any suite into a directory and make their programs run on this host.

Nothing is installed on the host and no service starts: apt only downloads, with a state directory of its own, and
each program runs with the loader and the libraries of its own suite, so that sid's binaries run on an older Debian.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.servers.commands import InstallError, run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = re.compile(r"https?://[^\s\]]+/debian/?(?=\s|$)")
LOADER = "ld-linux-x86-64.so.2"
MULTIARCH = "x86_64-linux-gnu"
NOT_NEEDED = ("perl", "libperl", "systemd_", "udev_")  # only maintainer scripts and services use them


def mirror() -> str:
    """The Debian mirror this machine already uses, `$WLF_DEBIAN_MIRROR` when given."""
    given = os.environ.get("WLF_DEBIAN_MIRROR")
    if given:
        return given
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for path in sources:
        for line in path.read_text().splitlines() if path.is_file() else ():
            found = None if line.lstrip().startswith("#") else MIRROR.search(line)
            if found:
                return found.group()
    raise InstallError("found no Debian mirror in the apt sources; set WLF_DEBIAN_MIRROR to one")


def unpack(home: Path, suite: str, packages: Sequence[str], programs: Iterable[str]) -> Path:
    """Put packages and all they depend on under `home/root`, the programs to run into `home/bin`; the root."""
    root = home / "root"
    root.mkdir()
    with_private_apt = _private_apt(home / "apt", suite)
    run(["apt-get", "update", "-qq"], env=with_private_apt)
    run(["apt-get", "install", "-qq", "-y", "--download-only", *packages], env=with_private_apt)
    for package in sorted((home / "apt" / "archives").glob("*.deb")):
        if not package.name.startswith(NOT_NEEDED):
            run(["dpkg-deb", "-x", package, root])
    shutil.rmtree(home / "apt")
    for unread in ("doc", "man", "locale", "lintian"):
        shutil.rmtree(root / "usr" / "share" / unread, ignore_errors=True)
    write_wrappers(home, programs)
    return root


def write_wrappers(home: Path, programs: Iterable[str]) -> None:
    """Write `home/bin/<program>` for each program: a script that runs it with its own suite's loader."""
    root = home / "root"
    loader = next((path for path in sorted(root.glob(f"**/{LOADER}")) if path.is_file()), None)
    if loader is None:
        raise InstallError(f"found no {LOADER} among the unpacked packages")
    tops = [root / "usr" / "lib" / MULTIARCH, root / "lib" / MULTIARCH]
    libraries = [*tops, *(top / "systemd" for top in tops), root / "usr" / "lib" / "mysql" / "private"]
    (home / "bin").mkdir(exist_ok=True)
    for name in programs:
        program = next((path for path in sorted(root.glob(f"usr/*bin/{name}"))), None)
        if program is None:
            raise InstallError(f"found no program {name} among the unpacked packages")
        wrapper = home / "bin" / name
        library_path = ":".join(map(str, libraries))
        # Loaders before glibc 2.33 cannot give the program another name.
        name_it = f"--argv0 {program} " if b"--argv0" in loader.read_bytes() else ""
        command = f'exec {loader} --library-path {library_path} {name_it}{program} "$@"'
        wrapper.write_text(f"#!/bin/sh\n{command}\n")
        wrapper.chmod(0o755)


def _private_apt(state: Path, suite: str) -> dict[str, str]:
    """An environment in which apt sees one suite, an empty host, and keeps everything under `state`."""
    for part in ("lists/partial", "archives/partial", "empty"):
        (state / part).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    (state / "apt.conf").write_text(
        f"""
        Dir::State "{state}"; Dir::State::Lists "{state}/lists"; Dir::State::status "{state}/status";
        Dir::Cache "{state}"; Dir::Cache::archives "{state}/archives";
        Dir::Etc::sourcelist "{state}/sources.list"; Dir::Etc::sourceparts "{state}/empty";
        Dir::Etc::preferencesparts "{state}/empty";
        Acquire::Languages "none"; APT::Install-Recommends "false"; APT::Sandbox::User "root";
        APT::Update::Post-Invoke-Success ""; DPkg::Pre-Install-Pkgs "";
        """
    )
    return {**os.environ, "APT_CONFIG": str(state / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
