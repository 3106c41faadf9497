"""Positions of the Binlog collector: their order, and the text a person types."""

from __future__ import annotations

import pytest

from wlf.components.collectors._binlog.place import Position, decode_position, file_order, is_covered, parse_position
from wlf.errors import SetupError

A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "4e11fa47-71ca-11e1-9e33-c80aa9429562"


def test_files_sort_by_number_not_by_text() -> None:
    names = ["b.1000000", "b.999999", "b.000002"]
    assert sorted(names, key=file_order) == ["b.000002", "b.999999", "b.1000000"]


@pytest.mark.parametrize(
    ("cursor", "position", "covered"),
    [
        (("b.000002", 500), ("b.000002", 500), True),
        (("b.000002", 500), ("b.000002", 499), True),
        (("b.000002", 500), ("b.000002", 501), False),
        (("b.000002", 4), ("b.000001", 9_000), True),
        (("b.000001", 9_000), ("b.000002", 4), False),
        (("b.1000000", 4), ("b.999999", 4_294_967_299), True),
        (("b.000001", 99), ("b.000001", 100), False),
        # Files of two names: they are read by number, then by name.
        (("a.000001", 9_000), ("b.000001", 4), False),
        (("b.000001", 4), ("a.000001", 9_000), True),
    ],
)
def test_cursor_covers_what_lies_before_it_numerically(
    cursor: tuple[str, int], position: tuple[str, int], covered: bool
) -> None:
    assert is_covered(Position(*cursor, "u").encode(), Position(*position, "u").encode()) is covered


def test_cursor_of_another_server_without_gtids_covers_nothing() -> None:
    assert not is_covered(Position("b.000009", 4, "one").encode(), Position("b.000001", 4, "two").encode())


@pytest.mark.parametrize(
    ("cursor", "position", "covered"),
    [
        (f"{A}:1-9", f"{A}:1-9", True),
        (f"{A}:1-9,{B}:1-3", f"{A}:2-5", True),
        (f"{A}:1-9:t:1-4", f"{A}:1-5:t:4", True),
        (f"{A}:1-9", f"{A}:1-10", False),
        (f"{A}:1-4:6-9", f"{A}:1-5", False),
        (f"{A}:1-9", f"{A}:1-9:t:1", False),
        ("0-1-9,1-2-7", "0-1-9", True),
        ("0-1-9,1-2-7", "0-3-8,1-2-7", True),
        ("0-1-9", "0-1-9,1-2-7", False),
        ("0-1-9", "0-1-10", False),
        (f"{A}:1-9", "0-1-9", False),
        (f"{A}:1-9", None, False),
        (None, f"{A}:1-9", False),
        (f"{A}:1-9", "", False),
        ("", "", False),
    ],
)
def test_cursor_of_another_server_covers_what_its_gtids_contain(
    cursor: str | None, position: str | None, covered: bool
) -> None:
    mine, other = Position("b.000009", 4, "one", cursor), Position("b.000001", 4, "two", position)
    assert is_covered(mine.encode(), other.encode()) is covered


def test_equal_positions_cover_each_other() -> None:
    position = Position("b.000009", 4, "one", "0-1-2").encode()
    assert is_covered(position, position)


def test_position_survives_storing() -> None:
    position = Position("b.000009", 4_294_967_300, "one", "0-1-2")
    assert decode_position(position.encode()) == position


def test_unreadable_position_names_the_command_that_mends_it() -> None:
    with pytest.raises(SetupError, match="wlf position reset"):
        decode_position(b"\x00")


@pytest.mark.parametrize("position", [Position("b.000001", 4), Position("my:b.000001", 77, "3e11fa47-71ca")])
def test_described_position_can_be_typed_again(position: Position) -> None:
    assert parse_position(position.describe()) == position


@pytest.mark.parametrize("text", ["", "b.000001", "b.000001:", "b.000001:x", ":4", "b.000001:3", "b.000001:-4"])
def test_typed_position_without_file_and_offset_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match="expected FILE:OFFSET"):
        parse_position(text)
