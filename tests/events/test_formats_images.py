"""Row images that lack columns (binlog_row_image MINIMAL, NOBLOB): what was not logged is told as nothing, anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.binlog.build import Reading, captured, read, transaction
from tests.servers.mysql import MySQL
from wlf.events.codec import FORMATS

TIMES = 12  # more than the generic reader serves before functions are generated


def messages(format: str, events: list[Any]) -> list[Any]:
    return [json.loads(payload) for payload in FORMATS[format](events)]


def test_the_state_before_a_minimal_update_is_the_key_alone() -> None:
    frames = [event for event in captured("mysql97_images_temporal", "minimal 15 col 8 set") if event.kind in (19, 31)]
    events = read(*transaction(*frames * TIMES)).events()
    new = {"id": 1, **{f"c{n}": n for n in range(1, 9)}}
    assert [(found["before"], found["after"]) for found in messages("debezium", events)] == [({"id": 1}, new)] * TIMES
    assert all((found["data"], found.get("old")) == (new, None) for found in messages("maxwell", events))
    assert messages("canal", events)[0]["old"] is None


@pytest.mark.servers
@pytest.mark.parametrize(
    ("image", "whole", "text_alone", "key"),
    [
        ("MINIMAL", {"id": 1}, {"id": 1}, {"id": 1}),
        ("NOBLOB", {"id": 1, "n": 5}, {"id": 1, "n": 6}, {"id": 1, "n": 6}),
        ("FULL", {"id": 1, "n": 5, "t": "a"}, {"id": 1, "n": 6, "t": "b"}, {"id": 1, "n": 6, "t": "c"}),
    ],
)
def test_the_state_before_is_what_the_server_logged(
    mysql: MySQL, image: str, whole: dict[str, Any], text_alone: dict[str, Any], key: dict[str, Any]
) -> None:
    with mysql.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS images")
        cursor.execute("CREATE DATABASE images")
        cursor.execute("CREATE TABLE images.r (id int PRIMARY KEY, n int, t text)")
        cursor.execute("INSERT INTO images.r VALUES (1, 5, 'a')")
        cursor.execute(f"SET binlog_row_image = {image}")
        connection.commit()
        mysql.flush_logs()
        for statement in ("SET n = 6, t = 'b'", "SET t = 'c'", "SET id = 2, t = 'd'"):
            cursor.execute(f"UPDATE images.r {statement}")
        connection.commit()
    events = Reading().file(mysql.flush_logs().read_bytes()).events()
    found = messages("debezium", events)
    assert [message["before"] for message in found] == [whole, text_alone, key]
    assert [message["after"]["t"] for message in found] == ["b", "c", "d"]
