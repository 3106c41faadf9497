"""Compilers for WebAssembly plugins, C and Rust, from the Debian suite that the edition names."""

from __future__ import annotations

from pathlib import Path

from tests.servers import debian
from tests.servers.cache import Recipe
from tests.servers.commands import run

PACKAGES = ("clang-19", "lld-19", "rustc", "libstd-rust-dev-wasm32", "lld-14")
PROGRAMS = ("clang-19", "wasm-ld-19", "rustc", "wasm-ld-14")
"""Debian's rustc of that suite links with the older one."""


def install(home: Path, suite: str) -> str:
    """Unpack the compilers; the version of the one for C."""
    debian.unpack(home, suite, PACKAGES, PROGRAMS)
    return run([home / "bin" / "clang-19", "--version"]).split()[3]


RECIPE = Recipe("wasm-tools", "bookworm", install)
