"""The pod of the DaemonSet, run by containerd as kubelet would: what it may is enough, and it ends in order."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml

from tests.deploy.manifests import DEPLOY, Object, of_kind, plain, pod_of
from tests.servers.cri import Containerd, Pod
from tests.servers.ports import free_port

# No image can be pulled, so the container gets the Python of this machine.
WANTED = [Path(path) for path in ("/usr", "/lib", "/lib64", sys.base_prefix, DEPLOY.parent, sys.prefix)]
PROGRAMS = [path for path in dict.fromkeys(WANTED) if not any(other in path.parents for other in WANTED)]
WLF = [sys.executable, "-m", "wlf"]


@dataclass
class Place:
    """What the volumes of the pod are, and where wlf listens."""

    containerd: Containerd
    pod: Pod
    volumes: dict[str, Path]
    port: int

    @property
    def delivered(self) -> list[dict[str, Any]]:
        """What wlf has written so far."""
        path = self.volumes["state"] / "out.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def run(self, container: Object) -> str:
        """Start a container of the manifests; its id."""
        return self.containerd.start_container(self.pod, container["name"], self._config(container))

    def page(self, path: str) -> int:
        """The status of a page of wlf, 0 while nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except URLError as error:
            return int(getattr(error, "code", 0))

    def log(self) -> str:
        """What wlf has said."""
        return (self.pod.log_directory / "wlf" / "0.log").read_text()

    def _config(self, container: Object) -> dict[str, Any]:
        mounts = [self._mount(mount) for mount in container["volumeMounts"]]
        for path in PROGRAMS:
            inside = f"{self.containerd.machine}{path}"
            mounts.append({"container_path": str(path), "host_path": inside, "readonly": True})
        context = {**pod_of(plain())["securityContext"], **container["securityContext"]}
        return {
            "command": container.get("command") or [*WLF, *container["args"]],
            "envs": [{"key": "NODE_NAME", "value": "node-1"}, {"key": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
            "mounts": mounts,
            "linux": {"security_context": security(context)},
        }

    def _mount(self, mount: Object) -> Object:
        host = str(self.volumes[mount["name"]])
        return {"container_path": mount["mountPath"], "host_path": host, "readonly": mount.get("readOnly", False)}


def security(context: Object) -> Object:
    """A security context as kubelet hands it to the runtime."""
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    return {
        "run_as_user": {"value": context["runAsUser"]},
        "run_as_group": {"value": context["runAsGroup"]},
        "readonly_rootfs": context["readOnlyRootFilesystem"],
        "no_new_privs": not context["allowPrivilegeEscalation"],
        "capabilities": {"drop_capabilities": context["capabilities"]["drop"]},
        "seccomp": {"profile_type": "RuntimeDefault"},
    }


def until(condition: Callable[[], bool], place: Place) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, place.log()
        time.sleep(0.05)


@pytest.fixture
def place(containerd: Containerd, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The volumes as kubelet makes them, and the config of the manifests with another end."""
    pod = containerd.run_pod("wlf", "wlf-abcde")
    volumes = {name: pod.shared / name for name in ("config", "state", "tmp")}
    for path in volumes.values():
        path.mkdir(mode=0o755)
    volumes["tmp"].chmod(0o777)
    port = free_port()
    config = yaml.safe_load(of_kind(plain(), "ConfigMap")["data"]["wlf.yaml"])
    config["http"] = f":{port}"
    config["collectors"][0]["api"] = "none"  # there is no cluster
    config["dispatchers"] = [{"id": "kafka", "type": "File", "path": "/var/lib/wlf/out.jsonl"}]
    (volumes["config"] / "wlf.yaml").write_text(yaml.safe_dump(config))
    return Place(containerd, pod, {**volumes, "pod-logs": containerd.pods}, port)


def test_it_reads_the_logs_of_the_node_with_the_rights_that_it_has(place: Place) -> None:
    (opening,), (wlf,) = pod_of(plain())["initContainers"], pod_of(plain())["containers"]
    written = place.containerd.run_pod("shop", "web")
    place.containerd.wait(place.containerd.run_container(written, "app", "echo hello"))
    assert place.containerd.wait(place.run(opening)) == 0
    running = place.run(wlf)
    until(lambda: place.page("/readyz") == 200, place)
    assert place.page("/healthz") == 200
    until(lambda: any(line["message"] == "hello" for line in place.delivered), place)
    seconds = pod_of(plain())["terminationGracePeriodSeconds"]
    assert place.containerd.stop_container(running, seconds) == 0, place.log()


def test_without_the_init_container_the_state_cannot_be_written(place: Place) -> None:
    (wlf,) = pod_of(plain())["containers"]
    assert place.containerd.wait(place.run(wlf)) == 1
    assert "/var/lib/wlf" in place.log()
