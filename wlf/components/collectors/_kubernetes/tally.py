"""The numbers of a Kubernetes collector: those of its log files, and a few of its own."""

from __future__ import annotations

from wlf.components.base import Metrics
from wlf.components.containers.tally import ContainerTally


class PodTally(ContainerTally):
    """Counters and gauges of a Kubernetes collector."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics)
        self.bare_lines = metrics.counter(
            "wlf_kubernetes_bare_lines_total", "Lines delivered with no more than what the path of their file tells."
        )
        self.bad_annotations = metrics.counter(
            "wlf_kubernetes_bad_annotations_total", "Annotations of pods that cannot be obeyed."
        )
        self.pods = metrics.gauge("wlf_kubernetes_known_pods", "Pods that the API server told of.")
