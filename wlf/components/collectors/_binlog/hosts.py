"""Several servers of which one is read: which, and which is next when it is lost."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import structs

from wlf.components.collectors._binlog.options import BinlogConfig, parse_host
from wlf.errors import ComponentError, Retryable, SetupError

T = TypeVar("T")


class Hosts:
    """The options once for each of `hosts`, with its `host` and `port`; without `hosts`, only as they are.

    The server that works stays chosen; the one behind it is chosen when it is lost.
    """

    def __init__(self, config: BinlogConfig) -> None:
        self.each: tuple[BinlogConfig, ...] = tuple(_at(config, entry) for entry in config.hosts) or (config,)
        self._at = 0

    @property
    def current(self) -> BinlogConfig:
        """The options with the server that is in use, or is to be tried first."""
        return self.each[self._at]

    def move_on(self) -> None:
        """The server in use was lost."""
        self._at = (self._at + 1) % len(self.each)

    async def first(self, begin: Callable[[BinlogConfig], Awaitable[T]], logger: logging.Logger) -> T:
        """What `begin` gives for the first server that can be read, from the current one on, each tried once.

        Raises:
            SetupError: no server can be read, and trying again would not help with any.
            Retryable: no server can be read for now.
        """
        errors: list[ComponentError] = []
        while True:
            try:
                return await begin(self.current)
            except (SetupError, Retryable) as error:
                errors.append(error)
                self.move_on()
                if len(errors) == len(self.each):
                    raise _sum_up(errors) from error
                logger.warning("%s; trying %s", error.message, self.current.address)


def _at(config: BinlogConfig, entry: str) -> BinlogConfig:
    host, port = parse_host(entry)
    return structs.replace(config, hosts=[], host=host, port=port or config.port)


def _sum_up(errors: Sequence[ComponentError]) -> ComponentError:
    if len(errors) == 1:
        return errors[0]
    text = "none of `hosts` can be read: " + "; ".join(error.message for error in errors)
    if all(isinstance(error, SetupError) for error in errors):
        return SetupError(text, hint=errors[0].hint)
    return Retryable(text, hint=next(error.hint for error in errors if isinstance(error, Retryable)))
