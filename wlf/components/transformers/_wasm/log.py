"""What a plugin logs: one line of printable text each, and no more lines than somebody could read."""

from __future__ import annotations

import logging

from wlf.components.base import Clock, Counter

_LEVELS = {0: logging.ERROR, 1: logging.WARNING, 2: logging.INFO, 3: logging.DEBUG}
_LINES_PER_SECOND = 20.0
_BURST_LINES = 100.0


class PluginLog:
    """A plugin's lines in the log of its node. Lines over the rate are counted, and told of in one line."""

    def __init__(self, logger: logging.Logger, clock: Clock, suppressed: Counter) -> None:
        self._logger = logger
        self._clock = clock
        self._suppressed = suppressed
        self._left = _BURST_LINES
        self._at = clock.monotonic()
        self._untold = 0

    def write(self, level: int, text: bytes) -> None:
        """Log a line; an unknown level is an error's."""
        now = self._clock.monotonic()
        self._left = min(_BURST_LINES, self._left + (now - self._at) * _LINES_PER_SECOND)
        self._at = now
        if self._left < 1:
            self._untold += 1
            self._suppressed.add()
            return
        self._left -= 1
        if self._untold:
            self._logger.warning("plugin: left out %d lines of its log, which came too fast", self._untold)
            self._untold = 0
        self._logger.log(_LEVELS.get(level, logging.ERROR), "plugin: %s", _printable(text))


def _printable(text: bytes) -> str:
    """No control character of a plugin gets to a terminal, and no line end into a log."""
    shown = text.decode("utf-8", "backslashreplace")
    return shown if shown.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
