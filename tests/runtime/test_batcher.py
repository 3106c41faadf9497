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
