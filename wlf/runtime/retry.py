"""How long to wait before the next try: twice as long each time, with jitter, up to a limit."""

from __future__ import annotations

from collections.abc import Callable

from wlf.components.config import RetryConfig


class Backoff:
    """Delays in seconds. `random` gives numbers in [0, 1), so that many wlf do not come back at the same moment."""

    def __init__(self, config: RetryConfig, random: Callable[[], float]) -> None:
        self._first = config.initial_delay_ms / 1000
        self._longest = config.max_delay_ms / 1000
        self._max_attempts = config.max_attempts
        self._random = random
        self.attempts = 0
        """Tries that failed since the last success."""

    @property
    def is_exhausted(self) -> bool:
        """Have there been `max_attempts`?"""
        return self._max_attempts is not None and self.attempts >= self._max_attempts

    def next_delay(self) -> float:
        """Count one failed try; between half of the doubled delay and all of it."""
        # 2 ** 40 exceeds every delay anybody would set, and keeps the float finite after years of failing.
        ceiling = min(self._longest, self._first * 2.0 ** min(self.attempts, 40))
        self.attempts += 1
        return ceiling * (0.5 + self._random() / 2)

    def reset(self) -> None:
        """It worked: the next failure begins with the shortest delay."""
        self.attempts = 0
