"""Record the quickstart's binlog, a small shop on a real MySQL 9: `python -m examples.quickstart.make_binlog`.

The rows and their timestamps are the same on each run; the server's uuid and the table ids are not.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers.mysql import MySQL

TARGET = Path(__file__).parent / "data"
START = 1_767_258_000  # 2026-01-01 09:00:00 UTC
NAMES = ("Ada", "Grace", "Linus", "Zoë", "José", "李雷", "Мария", "Ingrid", "Kofi", "Amélie")
CITIES = ("Lisbon", "Oslo", "São Paulo", "東京", "Accra", "Zürich")
ITEMS = ("teapot", "lamp", "notebook", "kettle", "blanket", "mug", "clock")
STATUSES = ("new", "paid", "sent", "returned")

SCHEMA = (
    "CREATE DATABASE d1",
    "CREATE DATABASE shop",
    "CREATE TABLE d1.t1 (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, note VARCHAR(100), seen DATETIME(3))",
    "CREATE TABLE d1.t2 (id BIGINT PRIMARY KEY, secret VARBINARY(16), amount DECIMAL(10,2))",
    """CREATE TABLE shop.customers (
        id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, name VARCHAR(60) NOT NULL, email VARCHAR(120), city VARCHAR(40),
        born DATE, tags SET('vip','trade','news') NOT NULL DEFAULT '', settings JSON,
        created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)""",
    """CREATE TABLE shop.orders (
        id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, customer_id INT UNSIGNED NOT NULL, item VARCHAR(40) NOT NULL,
        quantity SMALLINT UNSIGNED NOT NULL, price DECIMAL(10,2) NOT NULL,
        status ENUM('new','paid','sent','returned') NOT NULL DEFAULT 'new', weight_kg FLOAT, note TEXT,
        placed DATETIME(3) NOT NULL, KEY (customer_id))""",
)


def customers(dice: random.Random) -> Iterator[str]:
    """A customer a transaction, as people sign up."""
    for number in range(1, 41):
        name, city = dice.choice(NAMES), dice.choice(CITIES)
        tags = ",".join(tag for tag in ("vip", "trade", "news") if dice.random() < 0.3)
        born = f"'19{dice.randint(50, 99)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}'"
        yield (
            "INSERT INTO shop.customers (name, email, city, born, tags, settings) VALUES "
            f"('{name}', 'c{number}@shop.example', '{city}', {born if number % 7 else 'NULL'}, '{tags}', "
            f"""'{{"theme": "dark", "page": {dice.randint(10, 50)}, "beta": {"true" if number % 2 else "false"}}}')"""
        )


def placed(dice: random.Random, day: int, count: int) -> str:
    """The orders of one evening in one statement, as an import writes them."""
    rows = ", ".join(
        f"({dice.randint(1, 40)}, '{dice.choice(ITEMS)}', {dice.randint(1, 9)}, {dice.randint(199, 99999) / 100:.2f}, "
        f"{dice.randint(1, 90) / 10}, {'NULL' if dice.random() < 0.6 else repr('wrap it, please')}, "
        f"'2026-01-{day:02} {dice.randint(8, 22):02}:{dice.randint(0, 59):02}:07.{dice.randint(0, 999):03}')"
        for _ in range(count)
    )
    return f"INSERT INTO shop.orders (customer_id, item, quantity, price, weight_kg, note, placed) VALUES {rows}"


def transactions() -> Iterator[tuple[str, ...]]:
    """Every transaction of the story, in order."""
    dice = random.Random(20260101)
    yield from ((statement,) for statement in SCHEMA)
    yield from ((statement,) for statement in customers(dice))
    for day in range(2, 22):
        yield (placed(dice, day, 25),)
        for _ in range(10):
            order, status = dice.randint(1, (day - 1) * 25), dice.choice(STATUSES[1:])
            yield (
                f"UPDATE shop.orders SET status = '{status}' WHERE id = {order}",
                f"INSERT INTO d1.t1 (note, seen) VALUES ('order {order} is {status}', '2026-01-{day:02} 23:00:00.125')",
                f"INSERT INTO d1.t2 VALUES ({day * 1000 + dice.randint(0, 999)}, "
                f"UNHEX(LEFT(SHA2('{order}', 256), 16)), {order}.50) ON DUPLICATE KEY UPDATE amount = amount + 1",
            )
        if day == 9:
            yield ("ALTER TABLE shop.customers ADD COLUMN phone VARCHAR(20) AFTER email",)
            yield ("UPDATE shop.customers SET phone = CONCAT('+351 ', id * 1111) WHERE id % 4 = 0",)
        if day == 15:
            yield ("DELETE FROM shop.orders WHERE status = 'returned'",)
    yield ("DELETE FROM d1.t1 WHERE id % 5 = 0",)
    yield ("DELETE FROM shop.customers WHERE id = 40",)
    yield ("DROP TABLE d1.t2",)


def record(server: MySQL) -> list[Path]:
    """Write all transactions, with a new binlog file half-way; the finished files."""
    server.reset()
    server.execute("SET GLOBAL time_zone = '+00:00'")
    story = list(transactions())
    with server.connect() as connection, connection.cursor() as cursor:
        for number, statements in enumerate(story):
            if number == len(story) // 2:
                cursor.execute("FLUSH BINARY LOGS")
            cursor.execute(f"SET timestamp = {START + number * 60}")
            cursor.execute("BEGIN")
            for statement in statements:
                cursor.execute(statement)
            cursor.execute("COMMIT")
    server.stop()
    return server.binlog_files()


def main() -> None:
    """Replace the files under data/."""
    with tempfile.TemporaryDirectory() as scratch:
        files = record(MySQL(Path(scratch) / "server").start())
        TARGET.mkdir(exist_ok=True)
        for old in TARGET.glob("binlog.*"):
            old.unlink()
        for file in files:
            shutil.copyfile(file, TARGET / file.name)
            print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
