"""Which of several servers is read: the one that works, then the next."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.components.rows import configured
from wlf.components.collectors._binlog.hosts import Hosts
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.errors import ComponentError, Retryable, SetupError

LOGGER = logging.getLogger("wlf.test")


def hosts(*names: str) -> Hosts:
    return Hosts(configured(BinlogConfig, destination="d", hosts=list(names), port=3307))


def tried(chosen: Hosts, **errors: ComponentError) -> list[str]:
    """Addresses in the order in which they were tried; `errors` by host."""
    asked: list[str] = []

    async def begin(config: BinlogConfig) -> None:
        asked.append(config.address)
        if (error := errors.get(config.host or "")) is not None:
            raise error

    try:
        asyncio.run(chosen.first(begin, LOGGER))
    except ComponentError as error:
        asked.append(f"{type(error).__name__}: {error.message}")
    return asked


def test_one_server_is_the_only_one() -> None:
    config = configured(BinlogConfig, destination="d", host="db")
    chosen = Hosts(config)
    chosen.move_on()
    assert chosen.current is config
    assert tried(chosen, db=SetupError("no")) == ["db:3306", "SetupError: no"]


def test_each_server_has_the_options_with_its_own_host_and_port() -> None:
    chosen = hosts("a", "b:3308", "[::1]:3309")
    assert [each.address for each in chosen.each] == ["a:3307", "b:3308", "[::1]:3309"]
    assert not any(each.hosts for each in chosen.each)


def test_server_that_works_stays_and_the_one_behind_a_lost_one_comes_first() -> None:
    chosen = hosts("a", "b", "c")
    assert tried(chosen) == ["a:3307"]
    assert tried(chosen) == ["a:3307"]
    chosen.move_on()
    assert tried(chosen) == ["b:3307"]
    assert tried(chosen, b=Retryable("gone")) == ["b:3307", "c:3307"]
    assert tried(chosen) == ["c:3307"]
    chosen.move_on()
    assert tried(chosen) == ["a:3307"]


def test_each_server_is_tried_once_before_the_run_backs_off() -> None:
    errors = {"a": Retryable("a is gone"), "b": SetupError("b has no binlog")}
    chosen = hosts("a", "b")
    message = "none of `hosts` can be read: a is gone; b has no binlog"
    assert tried(chosen, **errors) == ["a:3307", "b:3307", f"Retryable: {message}"]
    assert tried(chosen, a=errors["a"])[-1] == "b:3307"


def test_run_ends_only_where_trying_again_would_help_with_no_server() -> None:
    asked = tried(hosts("a", "b"), a=SetupError("a refuses"), b=SetupError("b refuses"))
    assert asked[-1] == "SetupError: none of `hosts` can be read: a refuses; b refuses"


def test_server_that_is_passed_over_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        tried(hosts("a", "b"), a=Retryable("a is gone"))
    assert caplog.messages == ["a is gone; trying b:3307"]
