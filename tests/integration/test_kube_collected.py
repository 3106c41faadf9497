"""The Kubernetes collector on a real kube-apiserver and a real containerd, with the rights of the chart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import of_kind, plain
from tests.integration.wlf_run import WlfRun
from tests.servers.cri import Containerd
from tests.servers.kube_apiserver import KubeApiserver

RIGHTS = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding")


@pytest.fixture
def kubeconfig(kube_apiserver: KubeApiserver, tmp_path: Path) -> Path:
    """How an account with the rights of the manifests gets to the API server."""
    renamed = json.loads(json.dumps(plain()).replace('"wlf"', '"collecting"'))  # other tests have those
    for kind in RIGHTS:
        kube_apiserver.apply(of_kind(renamed, kind))
    user = {"token": kube_apiserver.account_token("collecting", "collecting")}
    cluster = {"server": kube_apiserver.url, "certificate-authority": str(kube_apiserver.ca)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": "wlf", "user": user}],
        "contexts": [{"name": "wlf", "context": {"cluster": "tests", "user": "wlf"}}],
        "current-context": "wlf",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def make_pod(server: KubeApiserver, namespace: str, name: str, labels: dict[str, str]) -> str:
    """Make a pod of node-1, which nobody runs; its uid."""
    server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"tier": "a"}}})
    server.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}
    )
    made = server.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"nodeName": "node-1", "containers": [{"name": "app", "image": "shop/app:1"}]},
        }
    )
    return str(made["metadata"]["uid"])


def test_lines_have_what_the_api_server_knows_and_a_later_label_too(
    kube_apiserver: KubeApiserver, containerd: Containerd, kubeconfig: Path, tmp_path: Path
) -> None:
    uid = make_pod(kube_apiserver, "known", "web-0", {"app": "shop"})
    pod = containerd.run_pod("known", "web-0", uid)
    container = containerd.run_container(pod, "app", "until [ -e /shared/end ]; do echo tick; sleep 0.05; done")
    collector = {
        "id": "pods",
        "type": "Kubernetes",
        "destination": "out",
        "directory": str(containerd.pods),
        "namespaces": {"include": ["known"]},
        "namespace_label_selector": "tier=a",
        "node": "node-1",
        "kubeconfig": str(kubeconfig),
    }
    out = {"id": "out", "type": "File", "path": str(tmp_path / "out.jsonl")}

    def told() -> list[dict[str, Any]]:
        path = tmp_path / "out.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["kubernetes"] for line in lines]

    with WlfRun(tmp_path / "run", {"collectors": [collector], "dispatchers": [out]}) as run:
        run.wait_for(lambda: bool(told()), "read a line")
        make_pod(kube_apiserver, "known", "web-0", {"app": "shop", "release": "two"})
        run.wait_for(lambda: "release" in told()[-1]["labels"], "know the label")
        (pod.shared / "end").touch()
        containerd.wait(container)
        assert run.terminate() == 0, run.text()
    first, last = told()[0], told()[-1]
    assert (first["labels"], last["labels"]) == ({"app": "shop"}, {"app": "shop", "release": "two"})
    assert (last["image"], last["node"], last["uid"]) == ("shop/app:1", "node-1", uid)
    assert "WARNING" not in run.text()
