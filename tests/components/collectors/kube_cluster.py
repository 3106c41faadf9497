"""A Cluster at work on the small API server, and waiting for what it is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import yaml

from tests.components.collectors.kube_api import KubeApi
from tests.components.fakes import Numbers, make_context
from wlf.components.base import Context
from wlf.components.collectors._kubernetes.api import configured_api
from wlf.components.collectors._kubernetes.cluster import Cluster
from wlf.components.collectors._kubernetes.facts import Facts

TIMEOUT_S = 20.0


def on_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine."""

    @wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **fixtures), 60))

    return run


def kubeconfig(folder: Path, server: KubeApi, **user: str) -> str:
    """The path of one that leads to the server."""
    path = folder / "kubeconfig"
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "wlf"}}],
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.port}"}}],
        "users": [{"name": "wlf", "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


class Watching:
    """A cluster, and what it counted."""

    def __init__(self, cluster: Cluster, context: Context) -> None:
        self.cluster = cluster
        self.context = context
        self.news: set[str] = set()
        cluster.on_news = self.news.add

    def take_news(self) -> set[str]:
        """The uids that something was told of since the last time."""
        news, self.news = self.news, set()
        self.cluster.on_news = self.news.add
        return news

    def facts(self, uid: str) -> Facts | None:
        known = self.cluster.known(uid)
        return None if known is None else known.facts

    def labels(self, uid: str) -> dict[str, str] | None:
        facts = self.facts(uid)
        return None if facts is None else facts.labels

    def errors(self, reason: str, what: str = "pods") -> float:
        metrics = self.context.metrics
        assert isinstance(metrics, Numbers)
        number = metrics.found.get(("wlf_kubernetes_api_errors_total", what, reason))
        return number.value if number else 0

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until the cluster, or the server, got so far."""
        await until(condition)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - some of what is waited for wakes nobody
            await asyncio.sleep(0.005)


@asynccontextmanager
async def watching(
    folder: Path, server: KubeApi, *, namespaces: bool = False, user: dict[str, str] | None = None, **more: Any
) -> AsyncIterator[Watching]:
    context = make_context("k8s", more.get("clock"))
    context = replace(context, logger=logging.getLogger("wlf.k8s"))
    api = configured_api(kubeconfig(folder, server, **(user or {})), None)
    cluster = Cluster(api, "n1", more.get("annotations", dict), context, wants_namespaces=namespaces)
    cluster.start(60)
    try:
        yield Watching(cluster, context)
    finally:
        await cluster.close()
