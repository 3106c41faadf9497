"""containerd as a test server that runs containers as kubelet does, so that their logs are a pods directory."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from tests.servers import debian
from tests.servers.cache import Recipe
from tests.servers.commands import run
from tests.servers.docker import Engine, busybox_image, unpack

PACKAGES = ("containerd", "runc", "busybox-static", "util-linux")
PROTO = str(Path(__file__).with_name("cri.proto").relative_to(Path(__file__).parents[2]))
NODE = 2  # of NamespaceMode: the network of the machine, for which no plugin is needed
EXITED = 2  # of ContainerState

CONFIG = """
version = 3
root = "{data}/data/containerd"
state = "{data}/state"
[grpc]
address = "{data}/engine.sock"
[plugins.'io.containerd.cri.v1.images']
snapshotter = "native"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{image}"
[plugins.'io.containerd.cri.v1.runtime']
disable_apparmor = true
restrict_oom_score_adj = true
"""


def install(home: Path, suite: str) -> str:
    """Unpack containerd, runc and a static busybox; the version."""
    root = unpack(home, suite, PACKAGES)
    for name in ("hosts", "resolv.conf"):  # which pods share with their node
        (root / "etc" / name).touch()
    debian.write_wrappers(home, ("ctr",))
    return run(["chroot", root, "/usr/bin/containerd", "--version"]).split()[2]


@dataclass(frozen=True)
class Pod:
    """A pod that runs; `log_directory` holds a directory for each of its containers.

    `shared` is what its containers see as /shared: there they and a test can wait for each other.
    """

    id: str
    log_directory: Path
    shared: Path
    config: dict[str, Any] = field(repr=False)


class Containerd(Engine):
    """containerd with the interface that kubelet speaks to."""

    recipe = Recipe("containerd", "sid", install)

    def __init__(self, datadir: Path | str, *, edition: str | None = None, port: int | None = None) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.pods = self.datadir / "pods"
        self.machine = self.datadir / "machine"
        self._messages, services = grpc.protos_and_services(PROTO)
        self._channel = grpc.insecure_channel(self.url)
        self._runtime = services.RuntimeServiceStub(self._channel)

    def command(self) -> list[str]:
        return ["containerd", "--config", f"{self.datadir}/containerd.toml"]

    def prepare(self) -> None:
        super().prepare()
        # Containers can be given programs of this machine.
        world = (self.datadir / "world").read_text()
        before, last, command = world.rpartition("exec ")
        inside = f"{self.root}{self.machine}"
        (self.datadir / "world").write_text(f"{before}mkdir -p {inside}\nmount -o bind,ro / {inside}\n{last}{command}")
        self.pods.mkdir()
        self.pods.chmod(0o750)  # as kubelet makes /var/log/pods
        (self.datadir / "containerd.toml").write_text(CONFIG.format(data=self.datadir, image=self.image))

    def is_ready(self) -> bool:
        try:
            self.call("Version", version="v1")
        except grpc.RpcError:
            return False
        if not (self.datadir / "image.tar").exists():
            (self.datadir / "image.tar").write_bytes(docker_archive(self.image, busybox_image(self.root)))
            ctr = [self.home / "bin" / "ctr", "--address", self.socket, "--namespace", "k8s.io"]
            run([*ctr, "images", "import", "--local", "--snapshotter", "native", self.datadir / "image.tar"])
        return True

    def call(self, name: str, **request: Any) -> Any:
        """Call the runtime as kubelet does."""
        kind = self._messages.DESCRIPTOR.services_by_name["RuntimeService"].methods_by_name[name].input_type.name
        return getattr(self._runtime, name)(getattr(self._messages, kind)(**request), timeout=60)

    def run_pod(self, namespace: str, name: str, uid: str | None = None) -> Pod:
        """Start a pod without containers; its logs go where kubelet has them."""
        uid = uid or str(uuid.uuid4())
        directory = self.pods / f"{namespace}_{name}_{uid}"
        directory.mkdir(mode=0o755)
        config = {
            "metadata": {"name": name, "uid": uid, "namespace": namespace},
            "log_directory": str(directory),
            "linux": {
                "cgroup_parent": f"/{self.group}",
                "security_context": {"namespace_options": {"network": NODE}},
            },
        }
        shared = self.datadir / "shared" / uid
        shared.mkdir(parents=True)
        return Pod(self.call("RunPodSandbox", config=config).pod_sandbox_id, directory, shared, config)

    def run_container(self, pod: Pod, name: str, script: str, *, restart: int = 0, tty: bool = False) -> str:
        """Start a shell script in a container of a pod; the container's id."""
        mounts = [{"container_path": "/shared", "host_path": str(pod.shared)}]
        command = ["/bin/sh", "-c", script]
        return self.start_container(pod, name, {"command": command, "mounts": mounts, "tty": tty}, restart=restart)

    def start_container(self, pod: Pod, name: str, config: Mapping[str, Any], *, restart: int = 0) -> str:
        """Start a container as `config` says (`ContainerConfig` of the interface); the container's id."""
        (pod.log_directory / name).mkdir(mode=0o755, exist_ok=True)
        whole: dict[str, Any] = {
            "metadata": {"name": name, "attempt": restart},
            "image": {"image": self.image},
            "log_path": f"{name}/{restart}.log",
            **config,
        }
        security = whole.setdefault("linux", {}).setdefault("security_context", {})
        security["namespace_options"] = {"network": NODE}
        made = self.call("CreateContainer", pod_sandbox_id=pod.id, config=whole, sandbox_config=pod.config)
        self.call("StartContainer", container_id=made.container_id)
        return str(made.container_id)

    def stop_container(self, container: str, timeout_s: int) -> int:
        """Tell a container to end, and wait; its exit code."""
        self.call("StopContainer", container_id=container, timeout=timeout_s)
        return self.wait(container)

    def wait(self, container: str) -> int:
        """Wait until a container has ended; its exit code."""
        self._await("end a container", lambda: self._status(container).state == EXITED, 60)
        return int(self._status(container).exit_code)

    def rotate(self, container: str, log: Path, suffix: str) -> Path:
        """Rotate a log as kubelet does: rename the file, then have a new one opened; the path of the old one."""
        rotated = log.rename(f"{log}.{suffix}")
        self.call("ReopenContainerLog", container_id=container)
        return rotated

    def remove(self, pod: Pod) -> None:
        """Stop a pod and forget it; its log files stay."""
        self.call("StopPodSandbox", pod_sandbox_id=pod.id)
        self.call("RemovePodSandbox", pod_sandbox_id=pod.id)

    def _status(self, container: str) -> Any:
        return self.call("ContainerStatus", container_id=container).status


def docker_archive(name: str, layer: bytes) -> bytes:
    """An image of one layer, as `docker save` would write it."""
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sleep", "infinity"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for path, content in (
            ("layer.tar", layer),
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return target.getvalue()
