"""How far a copy is: what covers what, what it is called, what an unreadable one says."""

from __future__ import annotations

from typing import Any

import pytest

from wlf.components.collectors._binlog.snapshot.progress import (
    Progress,
    decode_progress,
    is_copied,
    is_progress,
)
from wlf.errors import SetupError


def at(*last: str, run: str = "r", key: tuple[str, ...] = ("id",), done: bool = False, **more: Any) -> bytes:
    return Progress(run, "d", "t", key, last, rows=len(last), done=done, **more).encode()


def test_it_is_told_from_a_place_in_the_binlog() -> None:
    assert is_progress(at("1"))
    assert not is_progress(b'{"file":"binlog.000001","offset":4}')
    assert decode_progress(at("1", done=True)) == Progress("r", "d", "t", ("id",), ("1",), rows=1, done=True)


@pytest.mark.parametrize(
    ("cursor", "position", "covered"),
    [
        (at("5"), at("5"), True),
        (at("10"), at("9"), True),
        (at("9"), at("10"), False),
        (at("-1"), at("-2"), True),
        (at("5", "1"), at("4", "9"), True),
        (at("5"), at(), True),
        (at(), at("5"), False),
        (at("5", done=True), at("9"), True),
        (at("9"), at("9", done=True), False),
        # Another copy of the same table, or by another key: nothing is known.
        (at("9", run="s"), at("5"), False),
        (at("9", key=("other",)), at("5"), False),
        # In another order, or begun anew since.
        (at("9", order="int"), at("5", order="varchar(9) utf8mb4_bin"), False),
        (at("9"), at("5", lap=1), False),
        # The server alone can order texts.
        (at("_utf8mb4 x'62'"), at("_utf8mb4 x'61'"), False),
    ],
)
def test_only_what_is_certain_is_covered(cursor: bytes, position: bytes, covered: bool) -> None:
    assert is_copied(cursor, position) is covered


def test_names_with_a_dot_inside_do_not_meet() -> None:
    one, other = Progress("r", "a.b", "c"), Progress("r", "a", "b.c")
    assert one.partition == "snapshot:`a.b`.c"
    assert other.partition == "snapshot:a.`b.c`"


def test_it_is_described_in_rows() -> None:
    assert Progress("r", "d", "t", rows=1234, total=5000).describe() == "1,234 of about 5,000 rows"
    assert Progress("r", "d", "t", rows=1234, total=5, done=True).describe() == "complete, 1,234 rows"


def test_an_unreadable_one_is_an_error_with_a_hint() -> None:
    with pytest.raises(SetupError, match="the stored progress of a snapshot is unreadable"):
        decode_progress(b'{"run":1}')


def test_a_copy_that_begins_anew_is_another_lap() -> None:
    begun = Progress("r", "d", "t")
    assert begun.anew() == begun
    copied = Progress("r", "d", "t", ("id",), ("5",), ("9",), 5, order="int")
    assert copied.anew() == Progress("r", "d", "t", lap=1)
