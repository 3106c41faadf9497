"""Kubernetes: lines of the pods of this node, with what the API server knows of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, ClassVar

from wlf.components.base import Collected, Collector, Context
from wlf.components.collectors._kubernetes.api import configured_api
from wlf.components.collectors._kubernetes.cluster import Cluster
from wlf.components.collectors._kubernetes.describing import Describer
from wlf.components.collectors._kubernetes.grouping import Groupings
from wlf.components.collectors._kubernetes.judging import Judge
from wlf.components.collectors._kubernetes.logs import LogGlobs, log_at
from wlf.components.collectors._kubernetes.options import KubernetesConfig, chosen
from wlf.components.collectors._kubernetes.selection import Selection
from wlf.components.collectors._kubernetes.source import PodSource
from wlf.components.collectors._kubernetes.tally import PodTally
from wlf.components.containers.reading import ContainerReading
from wlf.components.containers.records import LineRecords
from wlf.components.following.multiline import grouping_of
from wlf.components.following.position import decode_position
from wlf.components.following.session import Session
from wlf.errors import InternalError, SetupError
from wlf.events import Kinds
from wlf.events.log import PodLine

__all__ = ["KubernetesCollector", "KubernetesConfig"]


class KubernetesCollector(Collector):
    """Reads the files that the kubelet keeps, and asks the API server whose they are.

    The files are followed as those of the File collector. What is known of pods is a copy that is kept up to date
    beside the reading, and looked up by the uid in a file's path: the API server is never waited for but by files
    that cannot be read without it.
    """

    type_name: ClassVar[str] = "Kubernetes"
    Config = KubernetesConfig

    def __init__(self, config: KubernetesConfig, context: Context) -> None:
        super().__init__(config, context)
        self.config: KubernetesConfig = config
        self._tally = PodTally(context.metrics)
        self._cluster: Cluster | None = None
        self._session: Session | None = None

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        """Lines of pods."""
        return frozenset((PodLine,))

    @classmethod
    def switched_off(cls, config: Any) -> Mapping[str, str]:
        """What is left out without the option."""
        return {} if config.offset else {"offset": "offset"}

    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Find all files, and begin to ask the API server."""
        await self.close()
        node = self.config.node or os.environ.get("NODE_NAME")
        self._cluster = cluster = self._made_cluster(node)
        self._session = session = self._made_session(cluster, node)
        if cluster is not None:
            cluster.on_news = lambda uid: session.wake()
            cluster.uids_in_use = lambda: {
                log.uid for each in session.roster.files.values() if (log := log_at(each.path)) is not None
            }
            cluster.start(self.config.forget_after_ms / 1000)
        await session.begin(positions)

    async def collect(self) -> Collected | None:
        """The lines that are there, of one pod or of many; waits only while there are none."""
        if self._session is None:
            raise InternalError("collect() before open()")
        if self._cluster is not None:
            self._tally.pods.set(len(self._cluster.pods))
        return await self._session.collect()

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """Positions are of one life of one file: the larger offset is further on, in both of its streams."""
        return decode_position(cursor).covers(decode_position(position))

    def describe_position(self, position: bytes) -> str:
        """`/var/log/pods/shop_web-0_.../app/0.log: 1234`."""
        return decode_position(position).describe()

    def doing(self) -> str:
        """What is held up."""
        held = int(self._tally.held.value)
        return f"{held} log files wait for the API server" if held and self._cluster is not None else ""

    async def close(self) -> None:
        """Close all files, end all watches and requests."""
        session, self._session = self._session, None
        cluster, self._cluster = self._cluster, None
        if session is not None:
            session.close()
        if cluster is not None:
            await cluster.close()

    def _made_cluster(self, node: str | None) -> Cluster | None:
        config = self.config
        if config.api == "none":
            return None
        if find_spec("lightkube") is None:
            raise SetupError("Kubernetes needs the library lightkube", hint='pip install "wlf[kubernetes]"')
        if not node:
            raise SetupError(
                "node: expected the name of this node, got none",
                hint="set the variable NODE_NAME from spec.nodeName in the DaemonSet, or `api: none` to do without",
            )
        return Cluster(
            configured_api(config.kubeconfig, config.context),
            node,
            lambda annotations: chosen(config.metadata.annotations, annotations),
            self.context,
            wants_namespaces=bool(config.metadata.namespace_labels) or config.namespace_label_selector is not None,
        )

    def _made_session(self, cluster: Cluster | None, node: str | None) -> Session:
        config, context, tally = self.config, self.context, self._tally
        selection = Selection(config)
        multiline = None if config.multiline is None else grouping_of(config.multiline)
        source = PodSource(
            context.node,
            Judge(config, selection, cluster, context.clock.monotonic),
            Describer(config.metadata, cluster, node),
            Groupings(multiline, config.annotations, cluster, tally, context.logger),
            tally,
            asks=cluster is not None,
        )
        records = LineRecords()
        return Session(
            config,
            LogGlobs(config.directory, selection),
            lambda roster: ContainerReading(config, source, records, tally, context.clock, want_offsets=config.offset),
            context,
            tally,
        )
