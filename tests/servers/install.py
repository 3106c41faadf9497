"""Install the servers that tests need into the cache: `python -m tests.servers.install [name[@edition]...]`."""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.servers.cache import Recipe, cache_dir, home_of, install, locked
from tests.servers.commands import InstallError
from tests.servers.cri import Containerd
from tests.servers.docker import Docker
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.etcd import Etcd
from tests.servers.helm import HELM, HELM_3
from tests.servers.kafka import Kafka
from tests.servers.kube_apiserver import KubeApiserver
from tests.servers.mariadb import MariaDB
from tests.servers.mongodb import MongoDB
from tests.servers.mysql import MySQL
from tests.servers.opensearch import OpenSearch
from tests.servers.podman import Podman
from tests.servers.redis import Redis
from tests.servers.wasm_tools import RECIPE as WASM_TOOLS

SERVERS = (MariaDB, MySQL, Redis, Kafka, OpenSearch, Elasticsearch, MongoDB, Docker, Podman, Containerd)
TOOLS = (HELM, HELM_3)
ON_DEMAND = (Etcd.recipe, KubeApiserver.recipe, WASM_TOOLS)
"""Only where they are named: they take long, or what they make lies in the repository."""
MORE_EDITIONS = ("docker@sid",)
"""Beside the one that a server has by default."""
DEFAULT = [*(server.recipe.name for server in SERVERS), *MORE_EDITIONS, *(tool.name for tool in TOOLS)]
RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (*(server.recipe for server in SERVERS), *ON_DEMAND, *TOOLS)
}


def main(arguments: list[str] | None = None) -> int:
    """Install what is named, by default all that is soon had; 1 when one of them could not be installed."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.install", description=__doc__)
    choice = f"of {', '.join(RECIPES)}; default: {', '.join(DEFAULT)}"
    parser.add_argument("servers", nargs="*", metavar="name[@edition]", help=choice)
    parser.add_argument("--best-effort", action="store_true", help="return 0 also when a server fails")
    given = parser.parse_args(arguments)
    with locked(cache_dir() / "install.lock"):
        failed = [wanted for wanted in given.servers or DEFAULT if not _install(wanted)]
    if failed:
        _say(f"failed: {', '.join(failed)}")
    return 1 if failed and not given.best_effort else 0


def _install(wanted: str) -> bool:
    """Install one server and say so in one line."""
    name, _, edition = wanted.partition("@")
    if name not in RECIPES:
        _say(f"{name}: expected one of {', '.join(RECIPES)}")
        return False
    try:
        version, seconds = install(RECIPES[name], edition or None)
    except (InstallError, OSError, subprocess.SubprocessError) as error:
        _say(f"{wanted}: FAILED: {error}")
        return False
    where = home_of(name, edition or RECIPES[name].edition)
    took = f"installed in {seconds:.1f} s" if seconds else "already installed"
    _say(f"{name} {version}: {took}, {where}")
    return True


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
