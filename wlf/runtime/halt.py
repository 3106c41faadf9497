"""Why a run must end: the problems that nobody but the user can solve."""

from __future__ import annotations

import logging

from wlf.runtime.failures import describe
from wlf.runtime.wake import Bell


class Halt:
    """Collects the problems of a run; the first one begins its end."""

    def __init__(self, bell: Bell, logger: logging.Logger) -> None:
        self.problems: list[str] = []
        self._bell = bell
        self._logger = logger

    def fail(self, node: str, error: BaseException) -> None:
        """Note what stopped a node, in words that hold no payload."""
        self.note(describe(node, error))
        self._logger.debug("%s", node, exc_info=error)
        self._bell.ring()

    def note(self, problem: str) -> None:
        """Tell the user, now and in the report."""
        self.problems.append(problem)
        self._logger.error("%s", problem)
