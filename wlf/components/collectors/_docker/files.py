"""The log files of a Docker Engine, read where they lie, beside what the Engine wrote down of each container."""

from __future__ import annotations

import os
import re
import socket
from collections import OrderedDict
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from wlf.components.base import Context
from wlf.components.collectors._docker.choice import Choice
from wlf.components.collectors._docker.moments import normal
from wlf.components.collectors._docker.notes import NAME, container_at
from wlf.components.collectors._docker.options import DockerConfig
from wlf.components.collectors._docker.records import DriverRecords
from wlf.components.containers.reading import ContainerReading
from wlf.components.containers.source import Entries, Verdict
from wlf.components.containers.tally import ContainerTally
from wlf.components.following.follow import Followed
from wlf.components.following.globs import Globs
from wlf.components.following.multiline import Grouping, grouping_of
from wlf.components.following.session import Session
from wlf.events import Event
from wlf.events.log import Container, ContainerLine

_NAME = re.compile(r"(?:-json|/container)\.log(?:\.(\d+))?(?:\.gz)?$")
_LOCAL = "local-logs"
MOST_KNOWN = 10_000
"""Containers of which is remembered what they are, as a removed one may still be read."""


class _Known(NamedTuple):
    """A container, and when the Engine wrote down what it is."""

    container: Container
    changed: int
    is_meant: bool


class DockerSource:
    """The Source of log files of Docker containers.

    Args:
        node: the id of the collector.
    """

    def __init__(self, node: str, config: DockerConfig) -> None:
        self._node = node
        self._choice = Choice(config.include, config.exclude, socket.gethostname())
        self._grouping = None if config.multiline is None else grouping_of(config.multiline)
        self._host: str | UnsetType = (socket.gethostname() if config.host is None else config.host) or UNSET
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def log_of(self, path: str) -> tuple[str, tuple[int, str]]:
        """See Source: a higher number is an older file."""
        found = _NAME.search(path)
        return _directory(path), (1 - int(found[1] or 0) if found else 1, "")

    def verdict(self, followed: Followed) -> Verdict:
        """See Source."""
        return Verdict.READ if self._look(followed).is_meant else Verdict.SKIP

    def due_at(self) -> float:
        """See Source."""
        return float("inf")

    def grouping(self, followed: Followed) -> Grouping | None:
        """See Source."""
        return self._grouping

    def events(self, followed: Followed, entries: Entries) -> list[Event]:
        """See Source."""
        source, host, container = self._node, self._host, self._look(followed).container
        flags = entries.flags or [()] * len(entries.texts)
        times = [time and normal(time) for time in entries.times]  # the driver leaves out zeros at the end
        return [
            ContainerLine(source, ts, text, "log", UNSET, time, stream, container, host, marks or UNSET)
            for time, ts, stream, text, marks in zip(times, *entries[1:4], flags, strict=True)
        ]

    def _look(self, followed: Followed) -> _Known:
        """What the Engine wrote down of the container; what was known last where it is removed."""
        directory = _directory(followed.path)
        known = self._known.get(directory)
        try:
            changed = os.stat(os.path.join(directory, NAME)).st_mtime_ns
            if known is not None and known.changed == changed:
                self._known.move_to_end(directory)
                return known
            container = container_at(directory)
        except (OSError, ValueError, KeyError, TypeError):  # gone, or just being written
            if known is not None:
                return known
            id = os.path.basename(directory)
            return _Known(Container(id, ""), 0, self._choice.means(Container(id, "")))
        known = self._known[directory] = _Known(container, changed, self._choice.means(container))
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return known


def _directory(path: str) -> str:
    """The directory of the container that a log file is of."""
    directory = os.path.dirname(path)
    return os.path.dirname(directory) if directory.endswith(f"/{_LOCAL}") else directory


def containers_of(config: DockerConfig) -> str:
    """The Engine's directory of containers."""
    return os.path.join(config.data_root, "containers")


def file_session(config: DockerConfig, context: Context, tally: ContainerTally) -> Session:
    """A session of the File collector's engine that reads these logs."""
    source = DockerSource(context.node, config)
    records = DriverRecords(tally.replaced.add)
    names = (("*-json.log*",), (_LOCAL, "container.log*"))
    globs = Globs([os.path.join(containers_of(config), "*", *name) for name in names])
    return Session(
        config,
        globs,
        lambda roster: ContainerReading(config, source, records, tally, context.clock),
        context,
        tally,
    )
