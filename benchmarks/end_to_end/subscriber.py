"""`python -m benchmarks.end_to_end.subscriber HOST PORT CHANNEL FILE`: each published message becomes a line."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import hiredis

_CHUNK_BYTES = 1 << 18


def main(host: str, port: str, channel: str, path: str) -> None:
    """Say `ready` once subscribed; go on until killed."""
    reader = hiredis.Reader()
    with socket.create_connection((host, int(port))) as connection, Path(path).open("wb", buffering=0) as file:
        connection.sendall(f"SUBSCRIBE {channel}\r\n".encode())
        while chunk := connection.recv(_CHUNK_BYTES):
            reader.feed(chunk)
            lines = []
            while answer := reader.gets():
                if answer[0] == b"message":
                    lines.append(answer[2] + b"\n")
                else:
                    print("ready", flush=True)
            file.write(b"".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
