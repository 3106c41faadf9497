"""Which logs are read, wait or are skipped, and what their events tell, as the API server knows more or less."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from tests.components.collectors.kube_api import KubeApi, namespace, pod
from tests.components.collectors.kube_cluster import kubeconfig, on_loop, watching
from tests.components.fakes import Numbers, SetClock, make_context
from tests.components.rows import configured
from wlf.components.collectors._kubernetes.api import configured_api
from wlf.components.collectors._kubernetes.cluster import Cluster
from wlf.components.collectors._kubernetes.describing import Describer
from wlf.components.collectors._kubernetes.grouping import Groupings
from wlf.components.collectors._kubernetes.judging import Judge
from wlf.components.collectors._kubernetes.options import KubernetesConfig
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.selection import Selection
from wlf.components.collectors._kubernetes.tally import PodTally
from wlf.components.containers.source import Verdict
from wlf.components.following.multiline import grouping_of
from wlf.events.log import Owner, Pod

READ, LATER, SKIP = Verdict.READ, Verdict.LATER, Verdict.SKIP
WEB = LogPath("shop", "web-0", "u0", "app", 0)
OTHER = LogPath("shop", "web-1", "u1", "app", 0)


class Judging:
    """A judge with a cluster that nobody answers, unless a test tells it something."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.clock = SetClock()
        self.config: KubernetesConfig = configured(KubernetesConfig, destination="next", **options)
        self.cluster: Cluster | None = None
        if self.config.api != "none":
            api = configured_api(kubeconfig(folder, KubeApi()), None)
            self.cluster = Cluster(api, "n1", dict, make_context("k8s", self.clock), wants_namespaces=True)
        self.judge = Judge(self.config, Selection(self.config), self.cluster, self.clock.monotonic)
        self.describer = Describer(self.config.metadata, self.cluster, "n1")
        self.numbers = Numbers()
        multiline = self.config.multiline
        self.groupings = Groupings(
            None if multiline is None else grouping_of(multiline),
            self.config.annotations,
            self.cluster,
            PodTally(self.numbers),
            logging.getLogger("wlf.k8s"),
        )

    def tell(self, *objects: dict[str, Any]) -> None:
        assert self.cluster is not None
        for each in objects:
            of = self.cluster.pods if each["kind"] == "Pod" else self.cluster.namespaces
            of.applied(msgspec.Raw(json.dumps(each).encode()))

    def verdict(self, log: LogPath = WEB) -> Verdict:
        return self.judge.verdict(log)


@on_loop
async def test_without_an_api_server_nothing_waits(tmp_path: Path) -> None:
    judging = Judging(tmp_path, api="none", containers={"exclude": ["istio-proxy"]})
    assert judging.verdict() is READ
    assert judging.verdict(WEB._replace(container="istio-proxy")) is SKIP


@on_loop
async def test_a_pod_that_is_not_known_yet_is_waited_for_and_holds_up_no_other(tmp_path: Path) -> None:
    judging = Judging(tmp_path, metadata_timeout_ms=5000)
    judging.tell(pod("web-1", "u1"))
    assert judging.verdict() is LATER
    assert judging.verdict(OTHER) is READ
    assert judging.judge.due_at() == judging.clock.now + 5
    judging.tell(pod("web-0", "u0"))
    assert judging.verdict() is READ


@on_loop
async def test_the_wait_ends_and_the_lines_go_out_with_what_the_path_tells(tmp_path: Path) -> None:
    judging = Judging(tmp_path, metadata_timeout_ms=5000)
    assert judging.verdict() is LATER
    judging.clock.now += 5
    assert judging.verdict() is READ
    assert judging.describer.describe(WEB) == (Pod("shop", "web-0", "u0", "app", 0, "n1"), False)
    judging.tell(pod("web-0", "u0", labels={"app": "web"}))
    described, is_known = judging.describer.describe(WEB)
    assert is_known
    assert described.labels == {"app": "web"}


@on_loop
async def test_a_pod_that_was_waited_for_once_is_not_waited_for_again(tmp_path: Path) -> None:
    judging = Judging(tmp_path, metadata_timeout_ms=5000)
    judging.verdict()
    judging.clock.now += 5
    for number in range(4000):
        judging.verdict(OTHER._replace(uid=str(number)))
        if number % 100 == 0:
            assert judging.verdict() is READ


@on_loop
async def test_what_a_selector_must_decide_is_held_for_as_long_as_it_takes(tmp_path: Path) -> None:
    judging = Judging(tmp_path, label_selector="app=web", metadata_timeout_ms=5000)
    for _ in range(100):
        assert judging.verdict() is LATER
        judging.clock.now += 60
    judging.tell(pod("web-0", "u0", labels={"app": "web"}), pod("web-1", "u1", labels={"app": "db"}))
    assert judging.verdict() is READ
    assert judging.verdict(OTHER) is SKIP


@pytest.mark.parametrize(("option", "verdict"), [("deliver", READ), ("skip", SKIP)])
@on_loop
async def test_a_pod_that_the_api_server_does_not_know_is_as_the_option_says(
    tmp_path: Path, option: str, verdict: Verdict
) -> None:
    clock = SetClock()
    config = configured(KubernetesConfig, destination="next", label_selector="app=web", unknown_pods=option)
    async with KubeApi() as server, watching(tmp_path, server) as seen:
        server.put(pod("web-0", "another uid", labels={"app": "web"}))
        judge = Judge(config, Selection(config), seen.cluster, clock.monotonic)
        assert judge.verdict(WEB) is LATER
        clock.now += 5
        assert judge.verdict(WEB) is LATER, "until the server has been asked"
        await seen.until(lambda: judge.verdict(WEB) is not LATER)
        assert judge.verdict(WEB) is verdict
        assert len(server.asked("pods", fieldSelector=fields_of(WEB))) == 1


def fields_of(log: LogPath) -> str:
    return f"spec.nodeName=n1,metadata.namespace={log.namespace},metadata.name={log.pod}"


@on_loop
async def test_the_namespaces_labels_are_waited_for_where_they_are_asked_for(tmp_path: Path) -> None:
    held = Judging(tmp_path, namespace_label_selector="env=prod")
    told = Judging(tmp_path, metadata={"namespace_labels": True})
    for judging in (held, told):
        judging.tell(pod("web-0", "u0"))
        assert judging.verdict() is LATER
        judging.clock.now += 5
    assert held.verdict() is LATER, "the selector cannot decide without them"
    assert told.verdict() is READ
    for judging in (held, told):
        judging.tell(namespace("shop", env="prod"))
        assert judging.verdict() is READ
    assert told.describer.describe(WEB)[0].namespace_labels == {"env": "prod"}


@on_loop
async def test_an_exclusion_counts_from_when_it_is_told_and_may_be_taken_back(tmp_path: Path) -> None:
    judging = Judging(tmp_path)
    sidecar = WEB._replace(container="istio-proxy")
    judging.tell(pod("web-0", "u0"))
    assert (judging.verdict(), judging.verdict(sidecar)) == (READ, READ)
    judging.tell(pod("web-0", "u0", annotations={"wlf.dev/exclude": "istio-proxy"}))
    assert (judging.verdict(), judging.verdict(sidecar)) == (READ, SKIP)
    judging.tell(pod("web-0", "u0", annotations={"wlf.dev/exclude": "true"}))
    assert judging.verdict() is SKIP
    judging.tell(pod("web-0", "u0"))
    assert judging.verdict() is READ


@on_loop
async def test_annotations_are_not_obeyed_where_the_config_says_so(tmp_path: Path) -> None:
    judging = Judging(tmp_path, annotations="none")
    judging.tell(pod("web-0", "u0", annotations={"wlf.dev/exclude": "true"}))
    assert judging.verdict() is READ


@on_loop
async def test_all_lines_of_a_container_share_one_object_until_something_changes(tmp_path: Path) -> None:
    judging = Judging(tmp_path)
    judging.tell(pod("web-0", "u0", labels={"app": "web"}))
    first, _ = judging.describer.describe(WEB)
    judging.tell(pod("web-0", "u0", labels={"app": "web"}, status={"phase": "Failed"}))
    assert judging.describer.describe(WEB)[0] is first
    judging.tell(pod("web-0", "u0", labels={"app": "shop"}))
    assert judging.describer.describe(WEB)[0].labels == {"app": "shop"}
    assert judging.describer.describe(OTHER)[0] is judging.describer.describe(OTHER)[0]


@on_loop
async def test_an_event_tells_what_the_config_chose(tmp_path: Path) -> None:
    everything = pod(
        "web-0",
        "u0",
        labels={"app": "web", "secret": "x"},
        annotations={"note": "long"},
        ownerReferences=[{"kind": "StatefulSet", "name": "web", "controller": True}],
    )
    full, bare = (
        Judging(tmp_path),
        Judging(
            tmp_path,
            metadata={
                "labels": ["app"],
                "owner": False,
                "image": False,
                "container_id": False,
                "ip": False,
                "node": False,
            },
        ),
    )
    for judging in (full, bare):
        judging.tell(everything)
    told = full.describer.describe(WEB)[0]
    assert told.owner == Owner("StatefulSet", "web")
    assert (told.node, told.image, told.container_id, told.ip) == ("n1", "example/app:1", "app0", "10.0.0.7")
    assert told.labels == {"app": "web", "secret": "x"}
    told = bare.describer.describe(WEB)[0]
    assert told.labels == {"app": "web"}
    assert {told.owner, told.image, told.container_id, told.ip, told.node} == {UNSET}


@on_loop
async def test_a_pod_says_which_of_its_lines_are_one_event(tmp_path: Path) -> None:
    judging = Judging(tmp_path, multiline={"start": "^\\d"})
    default = judging.groupings.of(WEB)
    assert default is not None, "that of the config while nothing is known"
    judging.tell(pod("web-0", "u0", annotations={"wlf.dev/multiline": "none", "wlf.dev/multiline.app": "java"}))
    grouping = judging.groupings.of(WEB)
    assert grouping is not None
    assert grouping("E\n\tat x\nnext") == ["E\n\tat x", "next"]
    assert judging.groupings.of(WEB._replace(container="sidecar")) is None
    assert judging.groupings.of(OTHER) is default


@on_loop
async def test_a_multiline_annotation_that_cannot_be_obeyed_is_told_once_and_its_lines_go_on_ungrouped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    judging = Judging(tmp_path, multiline={"preset": "java"})
    judging.tell(pod("web-0", "u0", annotations={"wlf.dev/multiline": "start:("}))
    for _ in range(3):
        assert judging.groupings.of(WEB) is None
        judging.tell(pod("web-0", "u0", annotations={"wlf.dev/multiline": "start:("}, labels={"a": "b"}))
    assert len(caplog.records) == 1
    assert "shop/web-0: wlf.dev/multiline: expected a regular expression, got '('" in caplog.text
    assert judging.numbers["wlf_kubernetes_bad_annotations_total",] == 1
