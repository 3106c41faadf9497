"""Binlog files to measure on, written by a real MySQL with a fixed seed and kept outside the repository.

A: sysbench rows in inserts of 1000. B: orders of 11 columns in inserts of 1000. C: single-row updates, each its own
transaction. Each one with and without checksums, row metadata FULL.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.servers.mysql import MySQL

SEED = 20240229
VERSION = 1  # goes up when a corpus changes, so that old files are not used
A_ROWS, B_ROWS, C_ROWS, C_TRANSACTIONS = 300_000, 500_000, 10_000, 100_000
CHECKSUMS = ("NONE", "CRC32")
NAMES = ("A", "B", "C")

_OPTIONS = {
    "binlog-row-metadata": "FULL",
    "innodb-flush-log-at-trx-commit": 0,
    "sync-binlog": 0,
    "max-binlog-size": 1 << 30,
    "innodb-buffer-pool-size": "256M",
}
_SBTEST = """CREATE TABLE {} (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, k int NOT NULL, c char(120) NOT NULL,
 pad char(60) NOT NULL)"""
_CURRENCIES = ("EUR", "USD", "JPY")
_ORDERS = """CREATE TABLE orders (id bigint unsigned NOT NULL PRIMARY KEY, customer_id int NOT NULL,
 status enum('new','paid','shipped','returned') NOT NULL, total decimal(10,2) NOT NULL, tax decimal(8,4) DEFAULT NULL,
 currency char(3) NOT NULL, created_at datetime(3) NOT NULL, updated_at timestamp NULL, weight double DEFAULT NULL,
 note varchar(200) DEFAULT NULL, body text)"""
_LOOP = """CREATE PROCEDURE updates(n int) BEGIN DECLARE i int DEFAULT 0;
 WHILE i < n DO UPDATE single SET k = k + 1 WHERE id = 1 + (i * 7919) % {}; SET i = i + 1; END WHILE; END"""
_WORDS = ("red", "green", "small", "large", "wooden", "iron", "glass", "fragile", "heavy", "round", "müde", "naïve")


def directory() -> Path:
    """Where the files are kept: `$WLF_CORPUS_DIR` when given."""
    return Path(os.environ.get("WLF_CORPUS_DIR") or Path.home() / ".cache" / "wlf-corpora" / f"v{VERSION}").absolute()


def corpus(name: str, checksum: str = "NONE") -> Path:
    """The path of one corpus; all of them are generated when one is missing (a minute or two).

    Raises:
        NotInstalled: there is no MySQL to write it.
    """
    path = directory() / f"{name}-{checksum}.binlog"
    if not path.is_file():
        generate()
    return path


def generate() -> None:
    """Write all corpora."""
    directory().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, MySQL(Path(scratch) / "server", options=_OPTIONS) as server:
        for checksum in CHECKSUMS:
            server.reset()
            server.execute("CREATE DATABASE bench", f"SET GLOBAL binlog_checksum = {checksum}")
            for name, write in (("A", _write_a), ("B", _write_b), ("C", _write_c)):
                _record(server, directory() / f"{name}-{checksum}.binlog", write)


def _record(server: MySQL, target: Path, write: Callable[[MySQL], None]) -> None:
    server.flush_logs()
    write(server)
    complete = server.flush_logs()
    part = target.with_suffix(".part")
    shutil.copyfile(complete, part)
    part.rename(target)


def _inserts(server: MySQL, table: str, rows: Iterator[str], total: int) -> None:
    with server.connect(database="bench") as connection, connection.cursor() as cursor:
        for _ in range(total // 1000):
            cursor.execute(f"INSERT INTO {table} VALUES " + ",".join(next(rows) for _ in range(1000)))


def _sysbench(seed: int) -> Iterator[str]:
    """Rows as sysbench makes them: groups of eleven digits."""
    draw = random.Random(seed)
    number = 0
    while True:
        number += 1
        groups = [f"{draw.randrange(10**11):011}" for _ in range(15)]
        c, pad = "-".join(groups[:10]), "-".join(groups[10:])
        yield f"({number},{draw.randrange(1 << 31)},'{c}','{pad}')"


def _write_a(server: MySQL) -> None:
    server.execute(_SBTEST.format("sbtest"), database="bench")
    _inserts(server, "sbtest", _sysbench(SEED), A_ROWS)


def _orders(seed: int) -> Iterator[str]:
    draw = random.Random(seed)
    number, now = 10_000_000_000, 1_700_000_000_000
    while True:
        number += 1
        now += draw.randrange(400)
        status = draw.choice(("new", "paid", "shipped", "returned"))
        tax = "NULL" if draw.random() < 0.1 else f"{draw.random() * 900:.4f}"
        updated = "NULL" if draw.random() < 0.2 else f"FROM_UNIXTIME({now // 1000 + draw.randrange(3600)})"
        weight = "NULL" if draw.random() < 0.1 else repr(draw.random() * 50)
        note = "NULL" if draw.random() < 0.3 else "'" + " ".join(draw.choices(_WORDS, k=4)) + "'"
        body = " ".join(draw.choices(_WORDS, k=12))
        yield (
            f"({number},{draw.randrange(1, 50_000)},'{status}',{draw.randrange(1, 10**7) / 100:.2f},{tax},"
            f"'{draw.choice(_CURRENCIES)}',FROM_UNIXTIME({now / 1000:.3f}),{updated},{weight},{note},'{body}')"
        )


def _write_b(server: MySQL) -> None:
    server.execute(_ORDERS, database="bench")
    _inserts(server, "orders", _orders(SEED), B_ROWS)


def _write_c(server: MySQL) -> None:
    server.execute(_SBTEST.format("single"), _LOOP.format(C_ROWS), database="bench")
    _inserts(server, "single", _sysbench(SEED + 1), C_ROWS)
    server.flush_logs()  # only the updates count
    server.execute(f"CALL updates({C_TRANSACTIONS})", database="bench")


if __name__ == "__main__":
    generate()
