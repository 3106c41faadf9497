"""The Kubernetes collector's own numbers, beside those of the files."""

from __future__ import annotations

from wlf.components.base import Metrics


class Tally:
    """Counters and gauges of a Kubernetes collector."""

    def __init__(self, metrics: Metrics) -> None:
        self.bare_lines = metrics.counter(
            "wlf_kubernetes_bare_lines_total", "Lines delivered with no more than what the path of their file tells."
        )
        self.bad_annotations = metrics.counter(
            "wlf_kubernetes_bad_annotations_total", "Annotations of pods that cannot be obeyed."
        )
        self.excluded_bytes = metrics.counter(
            "wlf_kubernetes_excluded_bytes_total", "Bytes of logs that a selector or an annotation leaves out."
        )
        self.pods = metrics.gauge("wlf_kubernetes_known_pods", "Pods that the API server told of.")
        self.held = metrics.gauge("wlf_kubernetes_held_pods", "Pods whose lines wait for the API server.")
