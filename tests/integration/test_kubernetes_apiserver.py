"""The Kubernetes collector with a real kube-apiserver, with no more rights than to list and to watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.components.collectors.kube_cluster import Watching, on_loop, until
from tests.components.collectors.kube_reading import PodReading, pod_of
from tests.components.fakes import make_context
from tests.servers.kube_apiserver import KubeApiserver
from wlf.components.collectors._kubernetes import watching as loops
from wlf.components.collectors._kubernetes.api import configured_api
from wlf.components.collectors._kubernetes.cluster import Cluster
from wlf.components.collectors._kubernetes.paths import LogPath

Json = dict[str, Any]


class Shop:
    """A namespace of one test, with pods on nodes of their own, and an account that may do little."""

    def __init__(self, server: KubeApiserver, folder: Path, name: str) -> None:
        self.server = server
        self.name = name
        self.node = f"node-of-{name}"
        self.token = folder / "token"
        self.kubeconfig = folder / "kubeconfig.yaml"
        server.apply({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": {"env": "prod"}}})
        for account in ("default", "wlf"):
            metadata = {"name": account, "namespace": name}
            server.apply({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata})
        self.token.write_text(server.account_token(name, "wlf"))
        self.kubeconfig.write_text(yaml.safe_dump(self._config()))

    def _config(self) -> Json:
        where = {"server": self.server.url, "certificate-authority": str(self.server.ca)}
        return {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "wlf"}}],
            "clusters": [{"name": "here", "cluster": where}],
            "users": [{"name": "wlf", "user": {"tokenFile": str(self.token)}}],
        }

    def allow(self) -> None:
        """What the manifests in `deploy` ask for at least."""
        group, kind = "rbac.authorization.k8s.io", "ClusterRole"
        rules = [{"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list", "watch"]}]
        named = {"name": f"wlf-{self.name}"}
        self.server.apply({"kind": kind, "apiVersion": f"{group}/v1", "metadata": named, "rules": rules})
        self.server.apply(
            {
                "kind": "ClusterRoleBinding",
                "apiVersion": f"{group}/v1",
                "metadata": named,
                "roleRef": {"apiGroup": group, "kind": kind, "name": named["name"]},
                "subjects": [{"kind": "ServiceAccount", "name": "wlf", "namespace": self.name}],
            }
        )

    def put(self, pod: str, *, node: str | None = None, **metadata: Any) -> str:
        """Make or change a pod; its uid."""
        made = self.server.apply(
            {
                "kind": "Pod",
                "apiVersion": "v1",
                "metadata": {"name": pod, "namespace": self.name, **metadata},
                "spec": {
                    "nodeName": node or self.node,
                    "automountServiceAccountToken": False,
                    "containers": [{"name": "app", "image": "example/app:1"}],
                },
            }
        )
        return str(made["metadata"]["uid"])

    def delete(self, pod: str) -> None:
        answer = self.server.request(
            "DELETE", f"/api/v1/namespaces/{self.name}/pods/{pod}", {"gracePeriodSeconds": 0, "kind": "DeleteOptions"}
        )
        assert answer.status == 200, answer.body

    @asynccontextmanager
    async def watching(self, *, namespaces: bool = False) -> AsyncIterator[Watching]:
        context = make_context("k8s")
        api = configured_api(str(self.kubeconfig), None)
        cluster = Cluster(api, self.node, dict, context, wants_namespaces=namespaces)
        seen = Watching(cluster, context)
        cluster.start(60)
        try:
            yield seen
        finally:
            await cluster.close()


@pytest.fixture
def shop(kube_apiserver: KubeApiserver, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    name = f"shop-{abs(hash(request.node.name)) % 10**8}"
    return Shop(kube_apiserver, tmp_path, name)


@on_loop
async def test_pods_are_listed_in_pages_watched_and_kept_when_they_are_gone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "PAGE_OBJECTS", 2)
    shop.allow()
    uids = [shop.put(f"web-{number}", labels={"number": str(number)}) for number in range(5)]
    elsewhere = shop.put("elsewhere", node="another")
    async with shop.watching(namespaces=True) as seen:
        await until(lambda: len(seen.cluster.pods) == 5)
        assert [seen.labels(uid) for uid in uids] == [{"number": str(number)} for number in range(5)]
        assert seen.facts(elsewhere) is None
        await until(lambda: (seen.cluster.namespace_labels(shop.name) or {}).get("env") == "prod")
        shop.put("web-0", labels={"number": "new"})
        await until(lambda: seen.labels(uids[0]) == {"number": "new"})
        shop.delete("web-0")
        again = shop.put("web-0", labels={"number": "again"})
        await until(lambda: seen.labels(again) == {"number": "again"})
        assert again != uids[0]
        assert seen.labels(uids[0]) == {"number": "new"}
        facts = seen.facts(again)
        assert facts is not None
        assert facts.images == {"app": "example/app:1"}
        assert facts.fields["spec.serviceAccountName"] == "default"


@on_loop
async def test_a_server_that_crashes_is_found_again_and_what_it_forgot_is_listed_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "LAST_DELAY", 0.1)
    shop.allow()
    uid = shop.put("web-0")
    async with shop.watching() as seen:
        await until(lambda: seen.facts(uid) is not None)
        await asyncio.to_thread(shop.server.kill)
        await until(lambda: seen.errors("unreachable") >= 1)
        assert seen.facts(uid) is not None
        seen.cluster._watches[0]._version = "1"  # as after a long outage
        await asyncio.to_thread(shop.server.start)
        await until(lambda: seen.errors("gone") >= 1)
        later = shop.put("web-1")
        await until(lambda: seen.facts(later) is not None)


@on_loop
async def test_without_rights_it_is_told_and_with_the_least_it_works(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loops, "LAST_DELAY", 0.1)
    uid = shop.put("web-0")
    async with shop.watching() as seen:
        await until(lambda: seen.errors("forbidden") >= 1)
        warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert len(warned) == 1
        assert 'cannot list resource "pods"' in warned[0]
        shop.allow()
        await until(lambda: seen.facts(uid) is not None)


@on_loop
async def test_a_token_that_is_refused_is_read_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "LAST_DELAY", 0.1)
    shop.allow()
    uid = shop.put("web-0")
    good = shop.token.read_text()
    shop.token.write_text("no token of this server")
    async with shop.watching() as seen:
        await until(lambda: seen.errors("unauthorized") >= 1)
        shop.token.write_text(good)
        await until(lambda: seen.facts(uid) is not None)


@on_loop
async def test_a_pod_that_is_asked_for_by_name_needs_no_right_but_to_list(shop: Shop) -> None:
    shop.allow()
    async with shop.watching() as seen:
        log = LogPath(shop.name, "web-0", "no-such-uid", "app", 0)
        shop.put("web-0")
        await until(lambda: seen.cluster.is_missing(log))


@on_loop
async def test_lines_have_what_the_server_tells(shop: Shop, tmp_path: Path) -> None:
    shop.allow()
    uid = shop.put("web-0", labels={"app": "web"})
    options = {"api": "auto", "node": shop.node, "kubeconfig": str(shop.kubeconfig), "label_selector": "app=web"}
    async with PodReading(tmp_path, **options) as reading:
        reading.log("web-0", uid, namespace=shop.name).write("1")
        await reading.until_line("1")
    assert pod_of(reading.pod_lines[0]).labels == {"app": "web"}
    assert pod_of(reading.pod_lines[0]).image == "example/app:1"
