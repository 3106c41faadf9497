"""Build the plugins of this folder: `make plugins`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers.cache import home_of

SDK = Path(__file__).parent
BUILT = SDK / "built"
SUMS = BUILT / "SHA256SUMS"
TOOLS = home_of("wasm-tools", "bookworm")
C_FLAGS = ["--target=wasm32", "-mbulk-memory", "-O2", "-ffreestanding", "-nostdlib", "-Wall", "-Wextra", "-Werror"]
RUST_FLAGS = [
    "--target",
    "wasm32-unknown-unknown",
    "--crate-type",
    "cdylib",
    "-O",
    "-C",
    "panic=abort",
    "-C",
    "strip=symbols",
]


def sources() -> Iterator[Path]:
    """All plugins that are compiled; those written as text are taken as they are."""
    yield from sorted([*SDK.glob("c/*.c"), *SDK.glob("rust/*.rs")])


def build(source: Path, target: Path) -> None:
    """Compile one plugin. The result depends on the compiler's version and on nothing else of the machine."""
    with tempfile.TemporaryDirectory() as work:
        if source.suffix == ".c":
            unit = Path(work) / "plugin.o"
            _run("clang-19", *C_FLAGS, "-c", source.name, "-o", unit, folder=source.parent)
            _run("wasm-ld-19", "--no-entry", "--strip-all", unit, "-o", target)
        else:
            linker = ("-C", "linker-flavor=wasm-ld", "-C", f"linker={TOOLS / 'bin' / 'wasm-ld-14'}")
            sysroot = ("--sysroot", TOOLS / "root" / "usr")
            _run("rustc", *sysroot, *RUST_FLAGS, *linker, source.name, "-o", target, folder=source.parent)


def versions() -> str:
    """The compilers, as they name themselves: what the digests hold for."""
    return f"{_run('clang-19', '--version').splitlines()[0]}; {_run('rustc', '--version').strip()}"


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_sums() -> tuple[str, dict[str, str]]:
    """(compilers, digest by file name) of what is built."""
    first, *lines = SUMS.read_text(encoding="utf-8").splitlines()
    return first.removeprefix("# "), {name: found for found, name in (line.split() for line in lines)}


def _run(program: str, *arguments: str | Path, folder: Path | None = None) -> str:
    command = [str(word) for word in (TOOLS / "bin" / program, *arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr}")
    return done.stdout


def main() -> None:
    """Build all, and write their digests down."""
    BUILT.mkdir(exist_ok=True)
    lines = [f"# {versions()}"]
    for source in sources():
        target = BUILT / f"{source.stem}.wasm"
        build(source, target)
        lines.append(f"{digest(target)}  {target.name}")
        sys.stdout.write(f"{lines[-1]} {target.stat().st_size} bytes\n")
    SUMS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
