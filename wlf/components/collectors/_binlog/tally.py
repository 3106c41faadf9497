"""The collector's own numbers: connections, the host in use, the place it has come to, and gaps."""

from __future__ import annotations

from collections.abc import Sequence

from wlf.components.base import Metrics
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.place import file_order


class Tally:
    """`hosts` are the addresses that can be in use: there is a gauge for each, and no other label."""

    def __init__(self, metrics: Metrics, hosts: Sequence[str]) -> None:
        self._reconnects = metrics.counter("wlf_binlog_reconnects_total", "Times the stream was begun anew.")
        self._gaps = metrics.counter(
            "wlf_gaps_total", "Times that changes were left out for good, by reason.", reason="purged"
        )
        self._connected = {
            host: metrics.gauge("wlf_binlog_connected", "1 for the server that is read from, else 0.", host=host)
            for host in hosts
        }
        self._file = metrics.gauge("wlf_binlog_file_number", "Number of the binlog file that is being read.")
        self._offset = metrics.gauge("wlf_binlog_offset_bytes", "Offset in that file that reading has come to.")
        self._was_connected = False

    def connected(self, host: str) -> None:
        """A stream from `host` has begun."""
        if self._was_connected:
            self._reconnects.add()
        self._was_connected = True
        for name, gauge in self._connected.items():
            gauge.set(float(name == host))

    def disconnected(self) -> None:
        """No server is read from."""
        for gauge in self._connected.values():
            gauge.set(0.0)

    def gap(self) -> None:
        """Changes are left out for good."""
        self._gaps.add()

    def place(self, lag: Lag) -> None:
        """How far reading has come."""
        self._file.set(file_order(lag.file)[0])
        self._offset.set(lag.offset)
