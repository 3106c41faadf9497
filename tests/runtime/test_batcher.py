"""When a batch is due: at once after a pause, and under load so far apart that batches can grow."""

from __future__ import annotations

import pytest

from tests.runtime.sample import CountingTicket, batch_of
from wlf.components.config import BatchConfig
from wlf.runtime.batcher import Batcher


@pytest.fixture
def batcher() -> Batcher:
    return Batcher(BatchConfig(max_events=100, max_delay_ms=10), "json")


def add(batcher: Batcher, now: float, count: int = 1) -> None:
    batcher.add(batch_of(count), CountingTicket(), now)


def taken(batcher: Batcher, now: float) -> int:
    out = batcher.take(now)
    return 0 if out is None else len(out)


def test_the_first_event_goes_out_at_once(batcher: Batcher) -> None:
    assert batcher.due_at() is None
    add(batcher, 5.0)
    assert batcher.due_at() is not None
    assert taken(batcher, 5.0) == 1


def test_an_event_soon_after_a_batch_waits_until_that_is_old_enough(batcher: Batcher) -> None:
    add(batcher, 5.0)
    assert taken(batcher, 5.0) == 1
    add(batcher, 5.004)
    assert batcher.due_at() == 5.01
    assert taken(batcher, 5.009) == 0
    add(batcher, 5.009)
    assert taken(batcher, 5.01) == 2


def test_an_event_after_a_pause_goes_out_at_once(batcher: Batcher) -> None:
    add(batcher, 5.0)
    assert taken(batcher, 5.0) == 1
    add(batcher, 5.02)
    assert taken(batcher, 5.02) == 1


def test_a_full_batch_waits_for_nothing(batcher: Batcher) -> None:
    add(batcher, 5.0)
    assert taken(batcher, 5.0) == 1
    add(batcher, 5.001, 100)
    assert taken(batcher, 5.001) == 100


def test_what_a_full_batch_left_behind_is_due_by_its_own_age(batcher: Batcher) -> None:
    add(batcher, 5.0, 101)
    assert taken(batcher, 5.004) == 100
    assert batcher.due_at() == 5.01


def test_what_comes_whole_is_not_cut_to_fill_up_a_batch_that_is_half_full(batcher: Batcher) -> None:
    for _ in range(4):
        add(batcher, 5.0, 80)
    assert [taken(batcher, 5.0) for _ in range(3)] == [80] * 3
    assert taken(batcher, 5.02) == 80


def test_a_batch_that_is_less_than_half_full_is_filled_up(batcher: Batcher) -> None:
    add(batcher, 5.0, 40)
    add(batcher, 5.0, 80)
    assert [taken(batcher, 5.0), taken(batcher, 5.02)] == [100, 20]


def test_what_is_larger_than_a_batch_is_cut(batcher: Batcher) -> None:
    add(batcher, 5.0, 60)
    add(batcher, 5.0, 150)
    assert [taken(batcher, 5.0), taken(batcher, 5.0), taken(batcher, 5.02)] == [100, 100, 10]
