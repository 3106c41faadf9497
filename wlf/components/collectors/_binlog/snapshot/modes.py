"""The option `snapshot`, written as a mode alone or with all its parts."""

from __future__ import annotations

from wlf.components.collectors._binlog.options import BinlogConfig, SnapshotOptions


def options_of(config: BinlogConfig) -> SnapshotOptions:
    """The options of snapshots, with a mode written alone made one of them."""
    snapshot = config.snapshot
    return snapshot if isinstance(snapshot, SnapshotOptions) else SnapshotOptions(mode=snapshot)
