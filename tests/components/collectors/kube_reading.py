"""Reads lines of pods through a Kubernetes collector as the runtime would, in one life or several."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.components.collectors.file_reading import FileReading
from tests.components.collectors.kube_api import KubeApi
from tests.components.collectors.kube_cluster import kubeconfig
from tests.components.collectors.kube_logs import ContainerLog
from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.base import MemoryState
from wlf.components.collectors.kubernetes import KubernetesCollector, KubernetesConfig
from wlf.events.log import Pod, PodLine


class PodReading(FileReading):
    """`events` are all that came, `stored` what a runtime would have stored; see FileReading.

    Args:
        folder: has the logs in `pods`.
        server: the API server; None: there is none to ask.
    """

    def __init__(self, folder: Path, server: KubeApi | None = None, *, until_end: bool = False, **options: Any) -> None:
        self.folder = folder / "pods"
        self.folder.mkdir(exist_ok=True)
        if server is None:
            options.setdefault("api", "none")
        else:
            options["kubeconfig"] = kubeconfig(folder, server)
        options = {"directory": str(self.folder), "node": "n1", **options}
        self.pod_config: KubernetesConfig = configured(KubernetesConfig, destination="next", **options)
        self.until_end = until_end
        self.state = MemoryState()
        self.stored = {}
        self.events = []
        self.announced = []
        self.forgotten = []
        self.is_open = False
        self._make()

    def _make(self) -> None:
        self.context = replace(make_context("pods"), until_end=self.until_end, state=self.state)
        self.collector = KubernetesCollector(self.pod_config, self.context)  # type: ignore[assignment]

    def log(self, pod: str, uid: str, container: str = "app", **more: Any) -> ContainerLog:
        """A log to write to."""
        return ContainerLog(self.folder, pod, uid, container, **more)

    @property
    def pod_lines(self) -> list[PodLine]:
        return [event for event in self.events if isinstance(event, PodLine)]

    def of(self, uid: str) -> list[str]:
        """The messages of one pod."""
        return [event.message for event in self.pod_lines if pod_of(event).uid == uid]


def pod_of(event: PodLine) -> Pod:
    assert isinstance(event.kubernetes, Pod)
    return event.kubernetes
