"""Two revisions are measured with the same work, and it is told where they do not do the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.compare import ROOT, Figure, Pass, Side, compare
from benchmarks.corpus import beginning
from tests.benchmarks.test_loads import rows_of
from wlf.events.codec import encode_json

RECORDED = ROOT / "tests" / "data" / "binlog" / "mysql97_formats.binlog"


def test_a_ratio_over_1_says_that_the_second_is_faster() -> None:
    figure = Figure("A", "json", [Pass(2.0, 7), Pass(3.0, 7)], [Pass(1.0, 7), Pass(2.0, 7)])
    assert (figure.best, figure.median) == (2.0, 1.75)
    assert "other output" not in str(figure)


def test_another_output_is_told() -> None:
    assert "other output: 7 and 8" in str(Figure("A", "json", [Pass(1.0, 7)], [Pass(1.0, 8)]))


def test_a_shortened_file_ends_with_a_transaction(tmp_path: Path) -> None:
    whole = rows_of(RECORDED)
    path = beginning(RECORDED, RECORDED.stat().st_size * 3 // 4, tmp_path)
    rows = rows_of(path)
    assert 0 < len(rows) < len(whole)
    assert rows[-1].commit is True
    assert encode_json(rows) == encode_json(whole[: len(rows)])


def test_a_revision_beside_itself_gives_the_same_output_in_every_part(tmp_path: Path) -> None:
    sides = Side(ROOT, tmp_path / "one"), Side(ROOT, tmp_path / "other")
    try:
        for part in ("walk", "decode", "events", "json", "run"):
            figure = compare(sides, "recorded", RECORDED, part, rounds=1, seconds=0)
            assert figure.first[0].amount == figure.second[0].amount
            assert figure.first[0].amount > 0 or part == "walk"
    finally:
        for side in sides:
            side.close()


def test_another_wlf_than_the_one_asked_for_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=f"expected wlf of {tmp_path}, got"):
        Side(tmp_path, tmp_path / "compiled")
