"""Commits single-row transactions at a given rate and notes when each one was committed: a process of its own.

`python -m benchmarks.end_to_end.writer HOST PORT USER PASSWORD COUNT RATE CONNECTIONS FILE`; a rate of 0 is as fast as
it goes. Rows have the numbers from 1 on. It says `ready`, waits for a line, and at the end has written into FILE two
rows of 64-bit whole numbers: when each statement was sent, and when its commit was answered, in nanoseconds of the
monotonic clock.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from array import array
from pathlib import Path

import pymysql

TABLE = "live"
CREATE = f"CREATE TABLE {TABLE} (id bigint NOT NULL PRIMARY KEY, note varchar(200) NOT NULL)"
_PADDING = "x" * 100
_QUERY = b"\x03"
_OK = 0


def statement(number: int) -> str:
    """One transaction."""
    return f"INSERT INTO bench.{TABLE} VALUES ({number},'seq={number} {_PADDING}')"


class Load:
    """Transactions that are sent when they are due, each on a connection that waits for nothing else."""

    def __init__(self, sockets: list[socket.socket], count: int, rate: int) -> None:
        self._idle = sockets
        self._running: dict[socket.socket, int] = {}
        self._count = count
        self._pause_ns = 1e9 / rate if rate else 0.0
        self.sent = array("q", bytes(8 * count))
        self.committed = array("q", bytes(8 * count))

    def run(self) -> None:
        """All of them."""
        begun, sent, now = time.monotonic_ns(), 0, time.monotonic_ns()
        while sent < self._count or self._running:
            while sent < self._count and self._idle and now >= begun + sent * self._pause_ns:
                self._send(sent)
                sent += 1
                now = time.monotonic_ns()
            # While a connection is free the next statement is waited for, else an answer alone.
            is_next = bool(self._idle) and sent < self._count
            due_s = max(0.0, (begun + sent * self._pause_ns - now) / 1e9) if is_next else None
            for answered in select.select(self._running, (), (), due_s)[0]:
                self._take(answered)
            now = time.monotonic_ns()

    def _send(self, number: int) -> None:
        connection = self._idle.pop()
        query = _QUERY + statement(number + 1).encode()
        self.sent[number] = time.monotonic_ns()
        connection.sendall(len(query).to_bytes(3, "little") + b"\0" + query)
        self._running[connection] = number

    def _take(self, connection: socket.socket) -> None:
        answer = connection.recv(4096)
        self.committed[self._running.pop(connection)] = time.monotonic_ns()
        if len(answer) < 5 or answer[4] != _OK:
            raise SystemExit(f"expected OK, got {answer!r}")
        self._idle.append(connection)


def main(host: str, port: str, user: str, password: str, count: str, rate: str, connections: str, path: str) -> None:
    """Connect, wait for the word, write."""
    clients = [
        pymysql.connect(host=host, port=int(port), user=user, password=password, autocommit=True, ssl_disabled=True)
        for _ in range(int(connections))
    ]
    # The library takes a tenth of a millisecond for a statement: its login is used, and then the bare socket.
    load = Load([client._sock for client in clients], int(count), int(rate))
    print("ready", flush=True)
    sys.stdin.readline()
    load.run()
    with Path(path).open("wb") as file:
        load.sent.tofile(file)
        load.committed.tofile(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
