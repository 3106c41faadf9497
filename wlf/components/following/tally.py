"""The collector's own numbers; none has a label for each file."""

from __future__ import annotations

from wlf.components.base import Metrics


class Tally:
    """Counters and gauges of a File collector."""

    def __init__(self, metrics: Metrics) -> None:
        self.read_bytes = metrics.counter("wlf_file_read_bytes_total", "Bytes of lines read.")
        self.truncated = metrics.counter("wlf_file_truncated_lines_total", "Lines cut at max_line_bytes.")
        self.cut_bytes = metrics.counter("wlf_file_cut_bytes_total", "Bytes left out of lines that were cut.")
        self.replaced = metrics.counter(
            "wlf_file_replaced_lines_total", "Lines with bytes that are no text in their encoding."
        )
        self.rewritten = metrics.counter("wlf_file_rewritten_total", "Times a file was truncated or written anew.")
        self.overflows = metrics.counter(
            "wlf_file_overflows_total", "Times the kernel's queue of notices was full and all was looked through."
        )
        self.damaged = metrics.counter(
            "wlf_file_damaged_total", "Compressed files that cannot be decompressed further."
        )
        self.unread_bytes = metrics.counter(
            "wlf_file_unread_bytes_total", "Bytes of files that were removed before they were read."
        )
        self.unreadable = metrics.counter("wlf_file_unreadable_total", "Times a file could not be opened or read.")
        self.followed = metrics.gauge("wlf_file_followed_files", "Files that are followed.")
        self.opened = metrics.gauge("wlf_file_open_files", "Files that are open.")
