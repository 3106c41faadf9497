"""Whether a container's log is read, skipped, or waits until the API server has told of its pod."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from wlf.components.collectors._kubernetes.annotations import is_excluded
from wlf.components.collectors._kubernetes.cluster import Cluster
from wlf.components.collectors._kubernetes.options import KubernetesConfig
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.pods import Known
from wlf.components.collectors._kubernetes.selection import Selection
from wlf.components.containers.source import Verdict

REMEMBERED = 4096
"""Pods that are waited for, or were."""
_NONE: Mapping[str, str] = {}


class Judge:
    """Each pod is judged by itself: that one is waited for holds up no other.

    Args:
        cluster: None where there is no API server to ask.
        now: seconds that never run backwards.
    """

    def __init__(
        self, config: KubernetesConfig, selection: Selection, cluster: Cluster | None, now: Callable[[], float]
    ) -> None:
        self._selection = selection
        self._cluster = cluster
        self._now = now
        self._patience = config.metadata_timeout_ms / 1000
        self._delivers_unknown = config.unknown_pods == "deliver"
        self._obeys = config.annotations != "none"
        self._needs_namespace = selection.needs_namespace or bool(config.metadata.namespace_labels)
        self._since: OrderedDict[str, float] = OrderedDict()
        """When pods that nothing is known of were asked for first."""

    def verdict(self, log: LogPath) -> Verdict:
        """At present: it may be another one when the pod changes, or when it was waited for long enough."""
        if not self._selection.names(log):
            return Verdict.SKIP
        cluster = self._cluster
        if cluster is None:
            return Verdict.READ
        known = cluster.known(log.uid)
        labels = cluster.namespace_labels(log.namespace) if self._needs_namespace else _NONE
        if known is None or labels is None:
            return self._without(log, cluster, known)
        self._since.pop(log.uid, None)
        return self._by(known, labels, log.container)

    def due_at(self) -> float:
        """When the next pod was waited for long enough; infinity where none is waited for."""
        now = self._now()
        return min((at for since in self._since.values() if (at := since + self._patience) > now), default=float("inf"))

    def _by(self, known: Known, labels: Mapping[str, str], container: str) -> Verdict:
        if not self._selection.selects(known.facts, labels):
            return Verdict.SKIP
        if self._obeys and is_excluded(known.facts.requests, container):
            return Verdict.SKIP
        return Verdict.READ

    def _without(self, log: LogPath, cluster: Cluster, known: Known | None) -> Verdict:
        """Something is not known that should be."""
        since = self._since.setdefault(log.uid, self._now())
        self._since.move_to_end(log.uid)
        if len(self._since) > REMEMBERED:
            self._since.popitem(last=False)
        if self._now() < since + self._patience:
            return Verdict.LATER
        if known is not None and not self._selection.needs_namespace:
            return self._by(known, _NONE, log.container)
        if not self._selection.needs_api:
            return Verdict.READ
        if known is None and cluster.is_missing(log):
            return Verdict.READ if self._delivers_unknown else Verdict.SKIP
        return Verdict.LATER
