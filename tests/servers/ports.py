"""Ports for servers that keep them over a restart: below the ephemeral range, and never given out twice."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

# An outgoing connection may take any ephemeral port, also the one of a server that is down for a moment, and a client
# that retries such a port may even connect to itself. Below 32768 neither happens.
FIRST, LAST = 20_000, 32_000

_claims: list[IO[str]] = []


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on, and that no other test process gets while this one lives."""
    claims = Path(tempfile.gettempdir()) / f"wlf-ports-{os.getuid()}"
    claims.mkdir(exist_ok=True)
    while True:
        port = random.randint(FIRST, LAST)
        claim = (claims / str(port)).open("w")
        if _lock(claim) and _bindable(port):
            _claims.append(claim)
            return port
        claim.close()


def _lock(claim: IO[str]) -> bool:
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
