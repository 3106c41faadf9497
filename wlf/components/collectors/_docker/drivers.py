"""Containers whose log is in no file that can be read: with `source: files` they are told, for nothing else would."""

from __future__ import annotations

import asyncio
import logging
import os

import msgspec

from wlf.components.collectors._docker.choice import Choice
from wlf.components.collectors._docker.notes import container_at
from wlf.components.collectors._docker.tally import Tally

READ = ("json-file", "local")
_NOTES = "hostconfig.json"


class Drivers:
    """Looks at the log driver of each container once.

    Args:
        directory: the Engine's directory of containers.
    """

    def __init__(self, directory: str, choice: Choice, tally: Tally, logger: logging.Logger) -> None:
        self._directory = directory
        self._choice = choice
        self._tally = tally
        self._logger = logger
        self._seen: set[str] = set()

    async def watch(self, seconds: float) -> None:
        """Now, and again and again."""
        while True:
            self.look()
            await asyncio.sleep(seconds)

    def look(self) -> None:
        """Tell of those that are new."""
        try:
            names = set(os.listdir(self._directory))
        except OSError as error:
            self._logger.warning("%s: cannot be looked through: %s", self._directory, error.strerror)
            return
        self._seen &= names
        for name in names - self._seen:
            try:
                driver = _driver_at(os.path.join(self._directory, name))
                container = container_at(os.path.join(self._directory, name))
            except (OSError, ValueError, KeyError, TypeError):  # just being made, or gone
                continue
            self._seen.add(name)
            if driver not in READ and self._choice.means(container):
                self._tally.unreadable.add()
                self._logger.warning(
                    "%s: cannot read its log: expected the log driver %s, got %s",
                    container.name,
                    " or ".join(READ),
                    driver,
                )


def _driver_at(directory: str) -> str:
    with open(os.path.join(directory, _NOTES), "rb") as file:
        driver: str = msgspec.json.decode(file.read())["LogConfig"]["Type"]
    return driver
