"""The collector's own numbers; none has a label for each container."""

from __future__ import annotations

from wlf.components.base import Metrics


class Tally:
    """Counters and gauges of a Docker collector."""

    def __init__(self, metrics: Metrics) -> None:
        self.read_bytes = metrics.counter("wlf_docker_read_bytes_total", "Bytes of log records that the Engine sent.")
        self.truncated = metrics.counter("wlf_docker_truncated_lines_total", "Lines cut at max_line_bytes.")
        self.cut_bytes = metrics.counter("wlf_docker_cut_bytes_total", "Bytes left out of lines that were cut.")
        self.replaced = metrics.counter("wlf_docker_replaced_lines_total", "Lines with bytes that are no UTF-8.")
        self.gaps = metrics.counter(
            "wlf_docker_gaps_total",
            "Times the last line that was read was not in the log any more: the Engine may have rotated others away.",
        )
        self.missed = metrics.counter(
            "wlf_docker_missed_containers_total", "Containers that were removed before their log could be read."
        )
        self.unreadable = metrics.counter(
            "wlf_docker_unreadable_containers_total", "Containers whose log the Engine does not let anybody read."
        )
        self.broken = metrics.counter(
            "wlf_docker_broken_streams_total", "Log streams that broke off and were opened again."
        )
        self.followed = metrics.gauge("wlf_docker_followed_containers", "Containers that are known and meant.")
        self.opened = metrics.gauge("wlf_docker_open_streams", "Log streams that are open.")
