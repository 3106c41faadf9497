"""The numbers of collectors that read log files of containers."""

from __future__ import annotations

from wlf.components.base import Metrics
from wlf.components.following.tally import Tally


class ContainerTally(Tally):
    """Those of the File collector, and those of records."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics)
        self.malformed = metrics.counter(
            "wlf_file_malformed_records_total", "Lines of container logs that are no records: delivered as they are."
        )
        self.passed_bytes = metrics.counter(
            "wlf_file_passed_over_bytes_total", "Bytes of log files that the selection leaves out."
        )
        self.held = metrics.gauge(
            "wlf_file_held_files", "Log files whose turn has not come: it is not known yet whether they are wanted."
        )
