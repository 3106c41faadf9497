"""The Kubernetes collector on log files that a real container runtime wrote: Podman's, of the kind k8s-file."""

from __future__ import annotations

from pathlib import Path

from msgspec import UNSET

from tests.components.collectors.kube_cluster import on_loop
from tests.components.collectors.kube_reading import PodReading, pod_of
from tests.servers.podman import Podman

LONG = 'head -c 50000 /dev/zero | tr "\\0" x; echo'


@on_loop
async def test_lines_of_a_runtime_are_those_that_the_container_wrote(podman: Podman, tmp_path: Path) -> None:
    podman.reset()
    script = f"echo one; echo '  two'; {LONG}; echo three >&2; ({LONG}) >&2; echo 'ä€'; echo; printf last"
    podman.api.run_to_end("web-0", script, log={"Type": "k8s-file", "Config": {}})
    (written,) = podman.datadir.glob("data/podman/*-containers/*/userdata/ctr.log")
    async with PodReading(tmp_path) as reading:
        log = reading.log("web-0", "u0")
        log.path.symlink_to(written)
        await reading.to_end()
    lines = {stream: [e.message for e in reading.pod_lines if e.stream == stream] for stream in ("stdout", "stderr")}
    assert lines == {"stdout": ["one", "  two", "x" * 50_000, "ä€", "", "last"], "stderr": ["three", "x" * 50_000]}
    flags = {event.message: event.flags for event in reading.pod_lines if event.flags is not UNSET}
    assert flags == {"last": ("partial",)}, "its end was never written"
    assert pod_of(reading.pod_lines[0]).name == "web-0"
