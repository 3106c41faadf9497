"""All that is asked of the API server: begun, kept up to date, and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from wlf.components.base import Context
from wlf.components.collectors._kubernetes.api import Api
from wlf.components.collectors._kubernetes.asking import Asker
from wlf.components.collectors._kubernetes.facts import Pick
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.pods import Known, Namespaces, Pods
from wlf.components.collectors._kubernetes.watching import Watch

PODS = "/api/v1/pods"
NAMESPACES = "/api/v1/namespaces"
TIDY_SECONDS = 1.0
"""Who is gone is not looked for more often."""
RESTART_SECONDS = 10.0


class Cluster:
    """What is known of this node's pods at present. Nothing here waits for the API server, whatever it does.

    Args:
        pick_annotations: which annotations events carry.
        wants_namespaces: are labels of namespaces asked for?
    """

    def __init__(
        self, api: Api, node: str, pick_annotations: Pick, context: Context, *, wants_namespaces: bool
    ) -> None:
        self._logger = context.logger
        self._apis = [api, api.another(), api.another()]
        for_pods, for_namespaces, for_questions = self._apis
        self.pods = Pods(pick_annotations, context.clock.monotonic, self._note)
        self.namespaces = Namespaces(self.pods.namespace_changed)
        self._asker = Asker(for_questions, self.pods, node, self._note)
        on_node = {"fieldSelector": f"spec.nodeName={node}"}
        self._watches = [Watch("pods", for_pods, PODS, on_node, self.pods, context)]
        if wants_namespaces:
            self._watches.append(Watch("namespaces", for_namespaces, NAMESPACES, {}, self.namespaces, context))
        self._tasks: list[asyncio.Task[None]] = []
        self.on_news: Callable[[str], None] = lambda uid: None
        """Is told the uid of each pod of which something else is known now."""
        self.uids_in_use: Callable[[], set[str]] = set
        """Those of pods that are not forgotten though they are gone long enough: their logs are still read."""

    def start(self, remember_seconds: float) -> None:
        """Ask from now on, and forget who is gone for so long."""
        loops = [*(watch.run for watch in self._watches), self._asker.run, lambda: self._tidy(remember_seconds)]
        self._tasks = [asyncio.create_task(self._keep_up(loop)) for loop in loops]

    def known(self, uid: str) -> Known | None:
        """What is known of a pod."""
        return self.pods.get(uid)

    def namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """None where the namespace is not known."""
        return self.namespaces.labels(name)

    def is_missing(self, log: LogPath) -> bool:
        """Is it certain that there is no such pod? As long as it is not, the API server is asked."""
        self._asker.ask(log)
        return self._asker.is_missing(log.uid)

    async def close(self) -> None:
        """Ask no more."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for api in self._apis:
            await api.close()

    async def _keep_up(self, loop: Callable[[], Awaitable[None]]) -> None:
        """No error may end it for good: nobody would see that labels are stale."""
        while True:
            try:
                await loop()
            except Exception:
                self._logger.exception("asking the API server failed in a way that nobody thought of: begun anew")
                await asyncio.sleep(RESTART_SECONDS)

    async def _tidy(self, remember_seconds: float) -> None:
        """Now and then."""
        while True:
            await asyncio.sleep(max(TIDY_SECONDS, remember_seconds / 4))
            self.pods.forget(remember_seconds, self.uids_in_use())

    def _note(self, uid: str) -> None:
        self.on_news(uid)
