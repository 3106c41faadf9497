"""What a log's path, a pod's annotations and owner, and selectors say."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.components.collectors.kube_api import pod
from tests.components.rows import configured
from wlf.components.collectors._kubernetes.annotations import grouping_from, is_excluded, multiline_of
from wlf.components.collectors._kubernetes.facts import Facts, facts_of
from wlf.components.collectors._kubernetes.logs import LogGlobs
from wlf.components.collectors._kubernetes.objects import decode_pod
from wlf.components.collectors._kubernetes.options import KubernetesConfig, chosen
from wlf.components.collectors._kubernetes.paths import LogPath, read_path
from wlf.components.collectors._kubernetes.selection import Selection
from wlf.components.collectors._kubernetes.selectors import FieldSelector, Selector
from wlf.events.log import Owner

UID = "6b1e3c1c-4a55-4e5e-9a53-0d7e7bb2a6d1"


def facts(*args, **more) -> Facts:
    return facts_of(decode_pod(json.dumps(pod(*args, **more)).encode()), dict)


def options(**more) -> KubernetesConfig:
    return configured(KubernetesConfig, destination="next", **more)


@pytest.mark.parametrize("name", ["3.log", "3.log.20261128-174021", "3.log.20261128-174021.gz"])
def test_the_path_tells_namespace_pod_uid_container_and_restart_whatever_the_rotation(name: str) -> None:
    path = f"/var/log/pods/kube-system_web-0_{UID}/app/{name}"
    assert read_path(path) == LogPath("kube-system", "web-0", UID, "app", 3)


def test_a_static_pods_uid_is_a_hash() -> None:
    path = "/var/log/pods/kube-system_etcd-n1_0123456789abcdef0123456789abcdef/etcd/0.log"
    assert read_path(path) == LogPath("kube-system", "etcd-n1", "0123456789abcdef0123456789abcdef", "etcd", 0)


@pytest.mark.parametrize(
    "path", ["0.log.20261128-174021.tmp", "app.log", "0.log.1", "0.log.20261128-174021.gz.tmp", "x/0.log"]
)
def test_what_the_kubelet_keeps_beside_the_logs_is_no_log(path: str) -> None:
    assert read_path(f"/var/log/pods/shop_web_{UID}/app/{path}") is None


@pytest.mark.parametrize(
    ("text", "labels", "is_met"),
    [
        ("app=web", {"app": "web"}, True),
        ("app == web", {"app": "api"}, False),
        ("app!=web", {}, True),
        ("app", {"app": ""}, True),
        ("!app", {"app": ""}, False),
        ("tier in (web, api)", {"tier": "api"}, True),
        ("tier in (web, api)", {}, False),
        ("tier notin (web)", {}, True),
        ("tier notin (web)", {"tier": "web"}, False),
        ("app.kubernetes.io/name=web,tier in (a,b),!debug", {"app.kubernetes.io/name": "web", "tier": "b"}, True),
        ("app.kubernetes.io/name=web,tier in (a,b),!debug", {"app.kubernetes.io/name": "web"}, False),
        ("app=", {"app": ""}, True),
    ],
)
def test_a_selector_means_what_it_means_to_kubectl(text: str, labels: dict[str, str], is_met: bool) -> None:
    assert Selector(text).matches(labels) is is_met


@pytest.mark.parametrize("text", ["", "app=web,", "app in web", "a b", "app>3", "=web"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a selector"):
        Selector(text)


def test_fields_that_may_change_cannot_be_selected_by() -> None:
    with pytest.raises(ValueError, match=r"got 'status.phase'"):
        FieldSelector("status.phase=Running")
    with pytest.raises(ValueError, match="expected `=` or `!=`"):
        FieldSelector("spec.restartPolicy in (Always, Never)")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"label_selector": "a b"}, "label_selector: expected a selector"),
        ({"field_selector": "status.phase=Running"}, "field_selector: expected fields of"),
        ({"label_selector": "a=b", "api": "none"}, "label_selector needs the API server, got `api: none`"),
        ({"metadata": {"namespace_labels": True}, "api": "none"}, "metadata.namespace_labels needs the API server"),
    ],
)
def test_selectors_are_checked_with_the_config(option: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        options(**option)


def test_namespaces_pods_and_containers_are_chosen_by_globs() -> None:
    selection = Selection(
        options(
            namespaces={"include": ["shop*", "default"], "exclude": ["*-test"]},
            pods={"exclude": ["debug-*"]},
            containers={"exclude": ["istio-proxy", "istio-init"]},
        )
    )

    def reads(namespace: str, name: str = "web-0", container: str = "app") -> bool:
        return selection.names(LogPath(namespace, name, UID, container, 0))

    assert reads("shop")
    assert reads("shop-eu")
    assert not reads("shop-test")
    assert not reads("kube-system")
    assert not reads("shop", "debug-1")
    assert not reads("shop", container="istio-proxy")


def test_pods_are_selected_by_labels_fields_and_labels_of_their_namespace() -> None:
    selection = Selection(
        options(
            label_selector="app=web",
            field_selector="spec.serviceAccountName!=ci",
            namespace_label_selector="env in (prod)",
        )
    )
    web = {"app": "web"}
    assert selection.selects(facts("web", UID, labels=web), {"env": "prod"})
    assert not selection.selects(facts("web", UID, labels=web), {"env": "test"})
    assert not selection.selects(facts("web", UID), {"env": "prod"})
    assert not selection.selects(facts("web", UID, labels=web, spec={"serviceAccountName": "ci"}), {"env": "prod"})


def test_the_annotation_excludes_all_containers_or_those_it_names() -> None:
    assert is_excluded({"wlf.dev/exclude": "true"}, "app")
    assert not is_excluded({"wlf.dev/exclude": "false"}, "app")
    assert not is_excluded({}, "app")
    assert is_excluded({"wlf.dev/exclude": "istio-proxy, debug"}, "debug")
    assert not is_excluded({"wlf.dev/exclude": "istio-proxy, debug"}, "app")


def test_the_containers_own_multiline_goes_before_that_of_the_pod() -> None:
    annotations = {"wlf.dev/multiline": "java", "wlf.dev/multiline.api": "go"}
    assert multiline_of(annotations, "api") == ("wlf.dev/multiline.api", "go")
    assert multiline_of(annotations, "web") == ("wlf.dev/multiline", "java")
    assert multiline_of({}, "web") is None


@pytest.mark.parametrize(
    ("value", "text", "events"),
    [
        ("java", "E: x\n\tat y\nnext", ["E: x\n\tat y", "next"]),
        (r"start:^\d", "1\na\n2", ["1\na", "2"]),
        ("continue:^ ", "a\n b\nc", ["a\n b", "c"]),
    ],
)
def test_multiline_is_a_preset_or_a_pattern(value: str, text: str, events: list[str]) -> None:
    grouping = grouping_from(value)
    assert grouping is not None
    assert grouping(text) == events


def test_multiline_none_takes_the_grouping_away() -> None:
    assert grouping_from("none") is None


@pytest.mark.parametrize("value", ["", "ruby", "start:", "start:(", "continue:" + "x" * 257, "end:x", "java:x"])
def test_a_multiline_that_cannot_be_obeyed_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        grouping_from(value)


def test_patterns_of_pods_can_be_refused() -> None:
    assert grouping_from("java", "presets") is not None
    with pytest.raises(ValueError, match="annotations: presets"):
        grouping_from("start:x", "presets")


def owner(kind: str, name: str, *, controller: bool = True) -> dict[str, object]:
    return {"kind": kind, "name": name, "controller": controller, "uid": "u", "apiVersion": "apps/v1"}


def test_the_owner_of_a_deployments_pod_is_the_deployment() -> None:
    told = facts(
        "web-5d4f8c7b9-x2x4p",
        UID,
        labels={"pod-template-hash": "5d4f8c7b9"},
        ownerReferences=[owner("ReplicaSet", "web-5d4f8c7b9")],
    )
    assert told.owner == Owner("Deployment", "web")


def test_other_owners_are_as_the_pod_names_them() -> None:
    assert facts("web-abcde", UID, ownerReferences=[owner("ReplicaSet", "web")]).owner == Owner("ReplicaSet", "web")
    assert facts("db-0", UID, ownerReferences=[owner("StatefulSet", "db")]).owner == Owner("StatefulSet", "db")
    assert facts("db-0", UID, ownerReferences=[owner("Other", "x", controller=False)]).owner is None
    assert facts("db-0", UID).owner is None


def test_a_static_pod_is_known_by_the_hash_that_its_logs_are_named_by() -> None:
    assert facts("etcd-n1", UID, annotations={"kubernetes.io/config.mirror": "0123abcd"}).uid == "0123abcd"


def test_the_id_of_a_container_is_that_of_its_run() -> None:
    statuses = [
        {
            "name": "app",
            "containerID": "containerd://now",
            "restartCount": 4,
            "lastState": {"terminated": {"containerID": "containerd://before"}},
        },
        {
            "name": "crashing",
            "containerID": "containerd://same",
            "restartCount": 7,
            "lastState": {"terminated": {"containerID": "containerd://same"}},
        },
    ]
    told = facts("web", UID, status={"containerStatuses": statuses})
    assert told.container_ids == {("app", 4): "now", ("app", 3): "before", ("crashing", 7): "same"}


def test_nothing_long_is_kept_that_was_not_asked_for() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "x" * 10_000, "wlf.dev/exclude": "true"}
    told = facts_of(decode_pod(json.dumps(pod("web", UID, annotations=annotations)).encode()), lambda _: {})
    assert told.annotations == {}
    assert told.requests == {"wlf.dev/exclude": "true"}


def test_labels_are_chosen_by_globs() -> None:
    labels = {"app": "web", "app.kubernetes.io/name": "web", "hash": "1"}
    assert chosen(True, labels) == labels
    assert chosen(False, labels) == {}
    assert chosen(["app*"], labels) == {"app": "web", "app.kubernetes.io/name": "web"}


def test_directories_of_what_is_not_meant_are_never_looked_into() -> None:
    selection = Selection(options(namespaces={"exclude": ["kube-*"]}, containers={"exclude": ["istio-proxy"]}))
    globs = LogGlobs("/logs/pods", selection)
    assert globs.roots == ["/logs/pods"]
    assert globs.matches(f"/logs/pods/shop_web_{UID}/app/0.log")
    assert globs.matches(f"/logs/pods/shop_web_{UID}/app/0.log.20261128-174021.gz")
    assert not globs.matches(f"/logs/pods/shop_web_{UID}/app/0.log.20261128-174021.tmp")
    assert not globs.matches(f"/logs/pods/kube-system_web_{UID}/app/0.log")
    assert not globs.matches(f"/logs/pods/shop_web_{UID}/istio-proxy/0.log")
    assert not globs.matches(f"/logs/other/shop_web_{UID}/app/0.log")
    assert globs.descends("/logs/pods")
    assert globs.descends(f"/logs/pods/shop_web_{UID}")
    assert globs.descends(f"/logs/pods/shop_web_{UID}/app")
    assert not globs.descends(f"/logs/pods/kube-system_web_{UID}")
    assert not globs.descends(f"/logs/pods/shop_web_{UID}/istio-proxy")
    assert not globs.descends("/logs/pods/lost+found")


def test_a_directory_with_wildcards_in_its_name_is_taken_as_it_is() -> None:
    globs = LogGlobs("/logs/[a]*/", Selection(options()))
    assert globs.matches(f"/logs/[a]*/shop_web_{UID}/app/0.log")
    assert not globs.matches(f"/logs/ab/shop_web_{UID}/app/0.log")
