"""What deploy/ holds, on a real kube-apiserver: taken as it is, and it gives the rights that it says, no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.manifests import CHART, MANIFESTS, plain
from tests.servers.cache import NotInstalled, require
from tests.servers.fixtures import skip_or_fail
from tests.servers.helm import HELM
from tests.servers.kube_apiserver import ADMIN_TOKEN, KubeApiserver

READ = {
    "pods": "/api/v1/pods",
    "pods of a namespace": "/api/v1/namespaces/wlf/pods",
    "pods of a node": "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1",
    "namespaces": "/api/v1/namespaces",
}
REFUSED = {
    "one pod, which it lists": ("GET", "/api/v1/namespaces/wlf/pods/web"),
    "one namespace, likewise": ("GET", "/api/v1/namespaces/wlf"),
    "secrets": ("GET", "/api/v1/secrets"),
    "secrets of its own namespace": ("GET", "/api/v1/namespaces/wlf/secrets"),
    "config maps": ("GET", "/api/v1/namespaces/wlf/configmaps"),
    "nodes": ("GET", "/api/v1/nodes"),
    "services": ("GET", "/api/v1/services"),
    "daemon sets": ("GET", "/apis/apps/v1/daemonsets"),
    "logs by the API": ("GET", "/api/v1/namespaces/wlf/pods/web/log"),
    "a new pod": ("POST", "/api/v1/namespaces/wlf/pods"),
    "a pod's end": ("DELETE", "/api/v1/namespaces/wlf/pods/web"),
    "a namespace's end": ("DELETE", "/api/v1/namespaces/wlf"),
    "a new role": ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    "a token": ("POST", "/api/v1/namespaces/wlf/serviceaccounts/wlf/token"),
}


@pytest.fixture(scope="module")
def tools() -> Path:
    """Where helm and kubectl are."""
    try:
        return require(HELM.name, HELM.edition) / "bin"
    except NotInstalled as missing:
        skip_or_fail(str(missing))
        raise


@pytest.fixture(scope="module")
def cluster(kube_apiserver: KubeApiserver, tools: Path) -> Iterator[KubeApiserver]:
    """A cluster into which wlf was installed, by the command of deploy/README.md."""
    done = kube_apiserver.kubectl(tools / "kubectl", "apply", "-f", str(MANIFESTS))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    yield kube_apiserver
    kube_apiserver.kubectl(tools / "kubectl", "delete", "--wait=false", "-f", str(MANIFESTS))


@pytest.fixture(scope="module")
def token(cluster: KubeApiserver) -> str:
    """What the pods of the DaemonSet have."""
    return cluster.account_token("wlf", "wlf")


def test_the_manifests_are_taken_and_nothing_in_them_is_ignored(cluster: KubeApiserver) -> None:
    for each in plain():
        made = cluster.apply(each)
        assert made["kind"] == each["kind"]


@pytest.mark.parametrize("what", READ)
def test_the_account_may_read(what: str, cluster: KubeApiserver, token: str) -> None:
    assert cluster.request("GET", READ[what], token=token).status == 200


@pytest.mark.parametrize("what", ["pods", "namespaces"])
def test_the_account_may_watch(what: str, cluster: KubeApiserver, token: str) -> None:
    answer = cluster.request("GET", f"/api/v1/{what}?watch=true&timeoutSeconds=1", token=token)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("what", REFUSED)
def test_the_account_may_not_have(what: str, cluster: KubeApiserver, token: str) -> None:
    method, path = REFUSED[what]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}} if method == "POST" else None
    assert cluster.request(method, path, body, token=token).status == 403


def test_the_account_has_no_right_beyond_those_that_every_account_has(cluster: KubeApiserver, token: str) -> None:
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "any", "namespace": "wlf"}})
    everybodys = rights(cluster, cluster.account_token("wlf", "any"))
    own = [rule for rule in rights(cluster, token) if rule not in everybodys]
    assert own == [{"verbs": ["list", "watch"], "apiGroups": [""], "resources": ["pods", "namespaces"]}]


def rights(cluster: KubeApiserver, token: str) -> list[Any]:
    """What the API server says that an account may do."""
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    status = cluster.request("POST", path, {**kind, "spec": {"namespace": "wlf"}}, token=token).body["status"]
    return [*status["resourceRules"], *status["nonResourceRules"]]


def test_a_stranger_reads_nothing(cluster: KubeApiserver) -> None:
    assert cluster.request("GET", "/api/v1/pods", token="guessed").status == 401


def test_helm_installs_upgrades_and_removes_the_chart(cluster: KubeApiserver, tools: Path, tmp_path: Path) -> None:
    def helm(*arguments: str) -> str:
        whom = ["--kube-apiserver", cluster.url, "--kube-ca-file", str(cluster.ca), "--kube-token", ADMIN_TOKEN]
        done = cluster.run_tool(tools / "helm", *arguments, *whom, "--namespace", "lines")
        assert done.returncode == 0, done.stderr
        return done.stdout

    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lines"}})
    helm("install", "lines", str(CHART))
    path = "/apis/apps/v1/namespaces/lines/daemonsets/lines-wlf"
    before = cluster.request("GET", path).body
    helm("upgrade", "lines", str(CHART), "--set", "config=http: ':9090'")
    after = cluster.request("GET", path).body
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert json.dumps(after["spec"]["template"]) != json.dumps(before["spec"]["template"])
    helm("uninstall", "lines")
    assert cluster.request("GET", path).status == 404
