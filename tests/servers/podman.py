"""Podman's service as a test server, from the Debian suite that its edition names (bookworm has 4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.servers.cache import Recipe
from tests.servers.commands import run
from tests.servers.docker import Engine, unpack

PACKAGES = ("podman", "runc", "netavark", "aardvark-dns", "iptables", "conmon", "busybox-static")

CONFIG = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
cgroups = "{cgroups}"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
"""The default asks for more open files than a test machine may allow; its crun refuses mixed control groups."""


def install(home: Path, suite: str) -> str:
    """Unpack Podman, its runtime and a static busybox; the version."""
    root = unpack(home, suite, PACKAGES)
    return run(["chroot", root, "/usr/bin/podman", "--version"]).split("version ")[1].strip()


class Podman(Engine):
    """Podman's service, which speaks Docker's API."""

    recipe = Recipe("podman", "bookworm", install)

    def command(self) -> list[str]:
        places = f"--root {self.datadir}/data/podman --runroot {self.datadir}/run"
        return ["podman", *places.split(), "system", "service", "--time=0", self.url]

    def environment(self) -> Mapping[str, str]:
        return {"CONTAINERS_CONF": f"{self.datadir}/containers.conf"}

    def prepare(self) -> None:
        super().prepare()
        (self.datadir / "containers.conf").write_text(CONFIG.format(cgroups="enabled"))

    def import_image(self, tar: bytes) -> None:
        self.api.request("POST", "/v4.0.0/libpod/images/import", tar, reference=self.image)
