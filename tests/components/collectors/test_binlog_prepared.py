"""Transactions prepared by XA before a position: where reading begins, and when it cannot."""

from __future__ import annotations

import pytest

from wlf.components.collectors._binlog.place import Position, PreparedXa, decode_position
from wlf.components.collectors._binlog.prepared import check_prepared
from wlf.errors import SetupError

UUID = "37072cfd-e75a-11f1-b6db-02fc00000001"
ONE = PreparedXa("X'6f6e65',X'',1", "b.000009", 700, f"{UUID}:7")
TWO = PreparedXa("X'74776f',X'',1", "b.000010", 200, f"{UUID}:9")
PLACE = Position("b.000010", 900, UUID, f"{UUID}:1-10", prepared=(ONE, TWO))


def test_reading_begins_at_the_first_one() -> None:
    assert PLACE.reads_from == ("b.000009", 700)
    assert Position("b.000010", 900, prepared=(TWO,)).reads_from == ("b.000010", 200)
    assert Position("b.000010", 900).reads_from == ("b.000010", 900)


def test_a_position_keeps_them() -> None:
    assert decode_position(PLACE.encode()) == PLACE
    assert b"prepared" not in Position("b.000010", 900).encode()


def test_a_purged_file_of_one_is_an_error_that_names_it() -> None:
    check_prepared(PLACE, {"b.000009": 1, "b.000010": 1}, "db:3306")
    said = r"db:3306: the transaction X'6f6e65',X'',1 was prepared at b.000009:700"
    with pytest.raises(SetupError, match=said) as caught:
        check_prepared(PLACE, {"b.000010": 1}, "db:3306")
    assert "b.000009 is purged" in caught.value.message
    assert "position reset" in caught.value.hint
