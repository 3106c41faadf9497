"""How far behind the Binlog collector says it is."""

from __future__ import annotations

from wlf.components.collectors._binlog.lag import Lag

SIZES = {"b.999999": 1000, "b.1000000": 500}


def test_bytes_are_the_rest_of_this_file_and_all_later_ones() -> None:
    lag = Lag(SIZES)
    lag.reached("b.999999", 400)
    assert lag.measure(0)["bytes"] == 1100
    lag.reached("b.1000000", 400)
    assert lag.measure(0)["bytes"] == 100


def test_seconds_count_from_the_last_event() -> None:
    lag = Lag(SIZES)
    lag.reached("b.999999", 400, ts=1000)
    lag.reached("b.999999", 500)
    assert lag.measure(1007.5)["seconds"] == 7.5
    assert lag.measure(900)["seconds"] == 0


def test_seconds_are_unknown_before_the_first_event() -> None:
    assert "seconds" not in Lag(SIZES).measure(1)


def test_idle_stream_is_not_behind() -> None:
    lag = Lag(SIZES)
    lag.reached("b.999999", 400, ts=1000)
    lag.is_waiting = True
    lag.reached("b.999999", 400)
    assert lag.measure(9999) == {"seconds": 0, "bytes": 0}
    lag.reached("b.999999", 401)
    assert lag.measure(9999)["bytes"] == 1099
