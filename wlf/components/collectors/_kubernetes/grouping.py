"""Which lines of a container are one event: as its pod's annotations say, else as the config does."""

from __future__ import annotations

import logging
from functools import lru_cache

from wlf.components.collectors._kubernetes.annotations import Honored, grouping_from, multiline_of
from wlf.components.collectors._kubernetes.cluster import Cluster
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.pods import Known
from wlf.components.collectors._kubernetes.tally import PodTally
from wlf.components.following.multiline import Grouping

_grouping_from = lru_cache(maxsize=256)(grouping_from)


class Groupings:
    """The same answer is the same object, so that a change is seen at once.

    Args:
        default: that of the config.
        honored: which annotations are obeyed.
        cluster: None where there is no API server to ask.
    """

    def __init__(
        self,
        default: Grouping | None,
        honored: Honored,
        cluster: Cluster | None,
        tally: PodTally,
        logger: logging.Logger,
    ) -> None:
        self._default = default
        self._honored = honored
        self._cluster = cluster
        self._tally = tally
        self._logger = logger

    def of(self, log: LogPath) -> Grouping | None:
        """None: each line is an event."""
        known = self._cluster.known(log.uid) if self._cluster is not None else None
        if known is None or self._honored == "none":
            return self._default
        wanted = multiline_of(known.facts.requests, log.container)
        if wanted is None:
            return self._default
        try:
            return _grouping_from(wanted[1], self._honored)
        except ValueError as error:
            self._complain(log, known, wanted, error)
            return None

    def _complain(self, log: LogPath, known: Known, wanted: tuple[str, str], error: ValueError) -> None:
        """Once for each value."""
        if wanted not in known.complained:
            known.complained.add(wanted)
            self._tally.bad_annotations.add()
            name = wanted[0]
            self._logger.warning("pod %s/%s: %s: %s: its lines are not grouped", log.namespace, log.pod, name, error)
