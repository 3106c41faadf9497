"""`python -m benchmarks.peers`: `install` what can be had; `try` a small job of every peer, or of those named."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers.every import MISSING, PEERS
from benchmarks.peers.peer import Peer
from benchmarks.peers.trial import place, run
from tests.servers.cache import NotInstalled


def main(arguments: list[str] | None = None) -> int:
    """1 where a named peer cannot be had, or something did not arrive."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("action", choices=("install", "try"))
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(PEERS)}; default: all")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in PEERS]
    if unknown:
        parser.error(f"{unknown[0]}: expected one of {', '.join(PEERS)}")
    print("| peer | version | installed in |\n|---|---|---|")
    peers = [PEERS[name] for name in given.names or PEERS]
    installed = [peer for peer in peers if _install(peer)]
    if given.action == "install":
        for name, reason in MISSING.items() if not given.names else ():
            print(f"| {name} | | missing: {reason} |")
        return int(bool(given.names) and len(installed) < len(peers))
    return int(not _try(installed))


def _install(peer: Peer) -> bool:
    """Install one and say so in one line of a table."""
    began = time.monotonic()
    try:
        peer.install()
    except NotInstalled as missing:
        print(f"| {peer.name} | | missing: {' '.join(str(missing).split())} |", flush=True)
        return False
    print(f"| {peer.name} | {peer.version()} | {time.monotonic() - began:.1f} s |", flush=True)
    return True


def _try(peers: list[Peer]) -> bool:
    """Whether everything arrived once."""
    fine = True
    with tempfile.TemporaryDirectory() as scratch, place(Path(scratch)) as here:
        for peer in peers:
            for source, sink in sorted(peer.does, key=str):
                outcome = run(peer, here.job(here.source(source), sink))
                ways = f"{source.__name__} -> {sink.__name__}"
                fine &= outcome.arrived == outcome.expected
                print(
                    f"{peer.name}: {ways}: {outcome.arrived} of {outcome.expected} in {outcome.seconds:.2f} s, "
                    f"{outcome.cpu_seconds:.2f} CPU s",
                    flush=True,
                )
                if outcome.arrived != outcome.expected:
                    print(outcome.log)
    return fine


if __name__ == "__main__":
    sys.exit(main())
