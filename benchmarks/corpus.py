"""Binlog files to measure on, written by a real MySQL with a fixed seed and kept outside the repository.

A: sysbench rows in inserts of 1000. B: orders of 11 columns in inserts of 1000. C: single-row updates, each its own
transaction. J: orders with three JSON columns of 300 to 2 000 bytes, in inserts of 100. Z: A in transactions that the
server compressed. Each one with and without checksums, row metadata FULL.
"""

from __future__ import annotations

import json
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
J_ROWS = 20_000
CHECKSUMS = ("NONE", "CRC32")
NAMES = ("A", "B", "C", "J", "Z")

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
_DOCUMENTS = """CREATE TABLE documents (id bigint unsigned NOT NULL PRIMARY KEY, event json NOT NULL,
 items json NOT NULL, settings json DEFAULT NULL, changed_at datetime(3) NOT NULL)"""
_LOOP = """CREATE PROCEDURE updates(n int) BEGIN DECLARE i int DEFAULT 0;
 WHILE i < n DO UPDATE single SET k = k + 1 WHERE id = 1 + (i * 7919) % {}; SET i = i + 1; END WHILE; END"""
_WORDS = ("red", "green", "small", "large", "wooden", "iron", "glass", "fragile", "heavy", "round", "müde", "naïve")


def directory() -> Path:
    """Where the files are kept: `$WLF_CORPUS_DIR` when given."""
    return Path(os.environ.get("WLF_CORPUS_DIR") or Path.home() / ".cache" / "wlf-corpora" / f"v{VERSION}").absolute()


def corpus(name: str, checksum: str = "NONE") -> Path:
    """The path of one corpus; those that are missing are generated (a minute or two for all).

    Raises:
        NotInstalled: there is no MySQL to write it.
    """
    path = directory() / f"{name}-{checksum}.binlog"
    if not path.is_file():
        generate()
    return path


def generate() -> None:
    """Write the corpora that are missing."""
    directory().mkdir(parents=True, exist_ok=True)
    paths = {(name, checksum): directory() / f"{name}-{checksum}.binlog" for checksum in CHECKSUMS for name in NAMES}
    missing = {key: path for key, path in paths.items() if not path.is_file()}
    with tempfile.TemporaryDirectory() as scratch, MySQL(Path(scratch) / "server", options=_OPTIONS) as server:
        for (name, checksum), path in missing.items():
            server.reset()
            server.execute("CREATE DATABASE bench", f"SET GLOBAL binlog_checksum = {checksum}")
            _record(server, path, _WRITERS[name])


def _record(server: MySQL, target: Path, write: Callable[[MySQL], None]) -> None:
    server.flush_logs()
    write(server)
    complete = server.flush_logs()
    part = target.with_suffix(".part")
    shutil.copyfile(complete, part)
    part.rename(target)


def _inserts(server: MySQL, table: str, rows: Iterator[str], total: int, at_once: int = 1000) -> None:
    with server.connect(database="bench", charset="utf8mb4") as connection, connection.cursor() as cursor:
        for _ in range(total // at_once):
            cursor.execute(f"INSERT INTO {table} VALUES " + ",".join(next(rows) for _ in range(at_once)))


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


def _documents(seed: int) -> Iterator[str]:
    """A flat event, a list of like objects, and settings with all kinds of values."""
    draw = random.Random(seed)
    number, now = 0, 1_700_000_000_000
    while True:
        number += 1
        now += draw.randrange(4000)
        settings = json.dumps(_settings(draw), ensure_ascii=False) if draw.random() < 0.9 else None
        documents = [json.dumps(_event(draw, number, now)), json.dumps(_items(draw), ensure_ascii=False), settings]
        texts = (
            "NULL" if text is None else "'" + text.replace("\\", "\\\\").replace("'", "''") + "'" for text in documents
        )
        yield f"({number},{','.join(texts)},FROM_UNIXTIME({now / 1000:.3f}))"


def _event(draw: random.Random, number: int, now: int) -> dict[str, object]:
    agent = f"Browser/{draw.randrange(5, 120)}.0 (System {draw.randrange(10)}.{draw.randrange(10)}; rv:1.9)"
    return {
        "id": f"{draw.getrandbits(128):032x}",
        "type": draw.choice(("page", "click", "order", "search")),
        "user": {"id": draw.randrange(1, 10**6), "name": draw.choice(_WORDS), "admin": draw.random() < 0.05},
        "at": now,
        "url": f"/shop/{draw.choice(_WORDS)}/{draw.randrange(10**5)}?page={draw.randrange(9)}&sort=price",
        "agent": agent,
        "duration": round(draw.random() * 3, 6),
        "referrer": None,
        "tags": draw.sample(_WORDS, 3),
        "sequence": number,
    }


def _items(draw: random.Random) -> list[dict[str, object]]:
    return [
        {
            "sku": f"{draw.choice(_WORDS)}-{draw.randrange(10**6):06}",
            "title": " ".join(draw.choices(_WORDS, k=4)),
            "count": draw.randrange(1, 9),
            "price": round(draw.random() * 300, 2),
            "in_stock": draw.random() < 0.8,
            "options": {"colour": draw.choice(_WORDS), "size": draw.randrange(30, 50)},
        }
        for _ in range(draw.randrange(3, 13))
    ]


def _settings(draw: random.Random) -> dict[str, object]:
    return {
        "theme": {"name": draw.choice(_WORDS), "dark": draw.random() < 0.5, "scale": draw.choice((1.0, 1.25, 1.5))},
        "limits": {word: draw.randrange(1 << draw.choice((8, 16, 32, 40))) for word in _WORDS[:6]},
        "history": [draw.randrange(1 << 20) for _ in range(30)],
        "notes": [f'"{" ".join(draw.choices(_WORDS, k=9))}"\n' for _ in range(4)],
        "matrix": [[round(draw.random(), 4) for _ in range(4)] for _ in range(4)],
    }


def _write_j(server: MySQL) -> None:
    server.execute(_DOCUMENTS, database="bench")
    _inserts(server, "documents", _documents(SEED), J_ROWS, at_once=100)


def _write_z(server: MySQL) -> None:
    server.execute("SET GLOBAL binlog_transaction_compression = ON")
    _write_a(server)
    server.execute("SET GLOBAL binlog_transaction_compression = OFF")


_WRITERS = {"A": _write_a, "B": _write_b, "C": _write_c, "J": _write_j, "Z": _write_z}


if __name__ == "__main__":
    generate()
