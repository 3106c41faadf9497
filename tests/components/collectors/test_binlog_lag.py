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


def test_idle_stream_is_not_behind_and_its_seconds_do_not_grow() -> None:
    lag = Lag({**SIZES, "b.1000000": 500})
    lag.reached("b.1000000", 500, ts=1000)
    lag.is_waiting = True
    lag.reached("b.1000000", 500)
    assert lag.measure(1000) == lag.measure(9999) == {"seconds": 0, "bytes": 0}
    lag.reached("b.1000000", 400)
    assert lag.measure(9999) == {"seconds": 8999, "bytes": 100}


def test_slow_server_is_not_taken_for_an_idle_one() -> None:
    lag = Lag(SIZES)
    lag.reached("b.999999", 400, ts=1000)
    lag.is_waiting = True
    assert lag.measure(1060) == {"seconds": 60, "bytes": 1100}


def test_seconds_count_on_the_servers_clock_and_are_never_negative() -> None:
    ahead, behind = Lag(SIZES, skew_s=100), Lag(SIZES, skew_s=-100)
    for lag in (ahead, behind):
        lag.reached("b.999999", 400, ts=1000)
    assert ahead.measure(905)["seconds"] == 5
    assert behind.measure(1105)["seconds"] == 5
    assert behind.measure(1000)["seconds"] == 0


def test_nothing_is_known_while_the_server_seeks() -> None:
    lag = Lag(SIZES, is_seeking=True)
    lag.reached("b.999999", 400)
    assert lag.measure(1) == {}
    lag.reached("b.999999", 500, ts=1000)
    assert lag.measure(1001)["seconds"] == 1
    idle = Lag(SIZES, is_seeking=True)
    idle.heard()
    assert idle.measure(1)["bytes"] == 1500
