"""The status line: what each node does, how far it is behind, and what it is at."""

from __future__ import annotations

import pytest

from wlf.runtime.report import Status, size_text


def line(**status: object) -> str:
    parts: dict[str, object] = {"rates": {"binlog": 1234.4}, "lag": {}, "in_flight": {}, "troubles": {}, **status}
    return str(Status(**parts))  # type: ignore[arg-type]


def test_rate_and_lag_in_seconds_and_bytes() -> None:
    assert line() == "binlog 1,234/s"
    assert line(lag={"binlog": {"seconds": 3.21, "bytes": 1_500_000}}) == "binlog 1,234/s lag 3.2 s 1.5 MB behind"
    assert line(lag={"binlog": {"seconds": 0.0, "bytes": 0.0}}) == "binlog 1,234/s lag 0.0 s"
    assert line(lag={"binlog": {"bytes": 2}}) == "binlog 1,234/s 2 B behind"


def test_collector_that_connects_or_seeks_says_so_in_place_of_not_ready() -> None:
    assert line(troubles={"binlog": "lost"}) == "binlog 1,234/s not ready"
    doing = {"binlog": "connecting to db:3306"}
    assert line(troubles={"binlog": "lost"}, doing=doing) == "binlog 1,234/s connecting to db:3306"
    assert line(doing={"binlog": "seeking on db:3306"}) == "binlog 1,234/s seeking on db:3306"
    assert line(doing={"binlog": ""}) == "binlog 1,234/s"


def test_nodes_stand_side_by_side_with_what_is_in_flight() -> None:
    rates = {"binlog": 10.0, "kafka": 9.0}
    assert line(rates=rates, in_flight={"kafka": 1200}) == "binlog 10/s | kafka 9/s (1,200 in flight)"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (2_340_000, "2.3 MB"), (5e9, "5.0 GB"), (7e15, "7000.0 TB")],
)
def test_sizes_are_short(size: float, text: str) -> None:
    assert size_text(size) == text
