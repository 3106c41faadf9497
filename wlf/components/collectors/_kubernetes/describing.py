"""The `kubernetes` of events: one object for all lines of a container while nothing changes."""

from __future__ import annotations

from collections import OrderedDict

from msgspec import UNSET

from wlf.components.collectors._kubernetes.cluster import Cluster
from wlf.components.collectors._kubernetes.options import MetadataConfig, chosen
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.pods import Known
from wlf.events.log import Pod

REMEMBERED = 2048
"""Containers of which nothing but the path is known."""


class Describer:
    """What is known goes with what is known: the objects are dropped when the pod changes or is forgotten.

    Args:
        cluster: None where there is no API server to ask.
        node: this node's name, if it is known.
    """

    def __init__(self, choice: MetadataConfig, cluster: Cluster | None, node: str | None) -> None:
        self._choice = choice
        self._cluster = cluster
        self._node = (node if choice.node else None) or UNSET
        self._bare: OrderedDict[LogPath, Pod] = OrderedDict()

    def describe(self, log: LogPath) -> tuple[Pod, bool]:
        """Whose line it is, and whether more is known than the path tells."""
        known = self._cluster.known(log.uid) if self._cluster is not None else None
        if known is None:
            return self._by_path(log), False
        key = (log.container, log.restart)
        pod = known.described.get(key)
        if pod is None:
            pod = known.described[key] = self._by(known, log)
        return pod, True

    def _by_path(self, log: LogPath) -> Pod:
        pod = self._bare.get(log)
        if pod is None:
            pod = self._bare[log] = Pod(log.namespace, log.pod, log.uid, log.container, log.restart, self._node)
            if len(self._bare) > REMEMBERED:
                self._bare.popitem(last=False)
        return pod

    def _by(self, known: Known, log: LogPath) -> Pod:
        choice, facts = self._choice, known.facts
        assert self._cluster is not None
        namespace_labels = chosen(choice.namespace_labels, self._cluster.namespace_labels(log.namespace) or {})
        return Pod(
            log.namespace, log.pod, log.uid, log.container, log.restart, self._node,
            image=(facts.images.get(log.container) if choice.image else None) or UNSET,
            container_id=(
                facts.container_ids.get((log.container, log.restart)) if choice.container_id else None
            ) or UNSET,
            ip=(facts.ip if choice.ip else None) or UNSET,
            labels=chosen(choice.labels, facts.labels) or UNSET,
            annotations=facts.annotations or UNSET,
            namespace_labels=namespace_labels or UNSET,
            owner=(facts.owner if choice.owner else None) or UNSET,
        )  # fmt: skip
