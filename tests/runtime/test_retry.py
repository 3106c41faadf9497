from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wlf.components.config import RetryConfig
from wlf.runtime.retry import Backoff


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(RetryConfig(initial_delay_ms=100, max_delay_ms=1000), lambda: 1.0)
    assert [backoff.next_delay() for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    backoff.reset()
    assert backoff.next_delay() == 0.1


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 5000))
def test_jitter_stays_between_half_and_whole_however_often(jitter: float, attempts: int) -> None:
    backoff = Backoff(RetryConfig(initial_delay_ms=100, max_delay_ms=1000), lambda: jitter)
    backoff.attempts = attempts
    assert 0.05 <= backoff.next_delay() <= 1.0


def test_it_is_exhausted_after_max_attempts_and_never_without() -> None:
    backoff, endless = Backoff(RetryConfig(max_attempts=2), lambda: 0.5), Backoff(RetryConfig(), lambda: 0.5)
    seen = []
    for _ in range(3):
        backoff.next_delay()
        endless.next_delay()
        seen.append((backoff.is_exhausted, endless.is_exhausted))
    assert seen == [(False, False), (True, False), (True, False)]
