"""The chart: what it renders is what the plain manifests say, and wrong values are refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import CHART, VERSIONS, Object, of_kind, plain, pod_of, validate
from tests.deploy.values_table import README, default_of, leaves, readme, schema, values
from tests.servers.helm import Helm, Refused

OF_HELM = ("app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart")
CONFIG = 'name: other\nhttp: "0.0.0.0:9999"\nshutdown_timeout_ms: 20000\n'
TIME = {"terminationGracePeriodSeconds": 60}
# Each value another one than its default.
SWITCHED: dict[str, Any] = {
    "image": {"repository": "registry.example:5000/wlf", "tag": "1.2.3", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "pull"}],
    "nameOverride": "lines",
    "fullnameOverride": "all-lines",
    "config": CONFIG,
    "log": {"format": "text", "level": "debug"},
    "secretName": "kafka-login",
    "env": [{"name": "KAFKA_USER", "value": "wlf"}],
    "envFrom": [{"secretRef": {"name": "more"}}],
    "serviceAccount": {"create": False, "name": "theirs", "annotations": {"a/b": "c"}},
    "rbac": {"create": False},
    "podLogsDirectory": "/data/pods",
    "linkedDirectories": ["/var/lib/docker/containers", "/data/logs"],
    "stateDirectory": "/data/wlf",
    "runAsUser": 0,
    "seLinuxOptions": {"type": "spc_t"},
    "resources": {"limits": {"memory": "1Gi"}},
    "tolerations": [{"key": "k", "operator": "Exists"}],
    "nodeSelector": {"kubernetes.io/os": "linux", "pool": "a"},
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "system-node-critical",
    "maxUnavailable": 3,
    **TIME,
    "podAnnotations": {"prometheus.io/scrape": "true"},
    "podLabels": {"team": "a"},
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
}


def in_substance(objects: list[Object]) -> dict[tuple[str, str], Object]:
    """By kind and name, without what Helm adds for itself."""
    bare = copy.deepcopy(objects)
    for each in bare:
        for label in OF_HELM:
            each["metadata"]["labels"].pop(label, None)
        if each["kind"] == "DaemonSet":
            assert list(each["spec"]["template"]["metadata"].pop("annotations", {})) in ([], ["checksum/config"])
    return {(each["kind"], each["metadata"]["name"]): each for each in bare}


def test_by_default_it_renders_the_plain_manifests(helm: Helm) -> None:
    expected = in_substance(plain())
    del expected["Namespace", "wlf"]  # Helm makes that one itself
    assert in_substance(helm.template(CHART)) == expected


def test_helm_finds_nothing_to_say(helm: Helm) -> None:
    helm.lint(CHART)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("given", [{}, SWITCHED], ids=["default", "switched"])
def test_every_object_is_what_the_api_of_a_version_takes(given: dict[str, Any], version: str, helm: Helm) -> None:
    validate(helm.template(CHART, given), version)


def test_each_value_makes_a_difference(helm: Helm) -> None:
    assert {path for path, _ in leaves(schema())} == set(_paths(SWITCHED, schema()))
    unchanged = helm.template(CHART)
    apart = ("serviceAccount", "config")
    alone: list[dict[str, Any]] = [{name: value} for name, value in SWITCHED.items() if name not in apart]
    alone += [{"serviceAccount": {"name": "theirs"}}, {"serviceAccount": {"annotations": {"a/b": "c"}}}]
    alone += [{"serviceAccount": {"name": "theirs", "create": False}}]
    for given in alone:
        assert helm.template(CHART, given) != unchanged, given
    # This config takes longer to stop.
    assert helm.template(CHART, {"config": CONFIG, **TIME}) != helm.template(CHART, TIME)


def _paths(node: dict[str, Any], of: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, value in node.items():
        child = of["properties"][name]
        found += _paths(value, child, (*path, name)) if "properties" in child else [(*path, name)]
    return found


def test_values_end_up_where_they_belong(helm: Helm) -> None:
    objects = helm.template(CHART, SWITCHED)
    assert sorted(each["kind"] for each in objects) == ["ConfigMap", "DaemonSet"]
    pod, container = pod_of(objects), pod_of(objects)["containers"][0]
    assert of_kind(objects, "ConfigMap")["data"]["wlf.yaml"] == CONFIG
    assert container["image"] == "registry.example:5000/wlf:1.2.3"
    assert container["ports"] == [{"name": "http", "containerPort": 9999}]
    assert "--log-format=text" in container["args"]
    assert "--log-level=debug" in container["args"]
    assert [each["name"] for each in container["env"]] == ["NODE_NAME", "KAFKA_USER"]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("theirs", False)
    mounted = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert {"/run/secrets/wlf", "/var/lib/docker/containers", "/data/logs", "/etc/ca"} < set(mounted)
    assert [path for path, mount in mounted.items() if not mount.get("readOnly")] == ["/var/lib/wlf", "/tmp"]
    of_node = {volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}
    assert of_node == {"/data/pods", "/data/wlf", "/var/lib/docker/containers", "/data/logs"}


def test_root_needs_nobody_to_open_the_state_for_it(helm: Helm) -> None:
    pod = pod_of(helm.template(CHART, {"runAsUser": 0}))
    assert "initContainers" not in pod
    assert pod["securityContext"]["runAsNonRoot"] is False
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_another_config_renews_the_pods_and_the_same_does_not(helm: Helm) -> None:
    def checksum(**given: Any) -> str:
        template = of_kind(helm.template(CHART, given), "DaemonSet")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum(podLabels={"a": "b"}) != checksum(config='http: ":8080"')


def test_a_file_can_be_given_as_the_config(helm: Helm, tmp_path: Path) -> None:
    config = tmp_path / "wlf.yaml"
    config.write_text('# my own\nhttp: ":8080"\nmemory_limit_bytes: 41943040\n')
    objects = helm.template(CHART, arguments=["--set-file", f"config={config}"])
    assert of_kind(objects, "ConfigMap")["data"]["wlf.yaml"] == config.read_text()


def test_two_releases_do_not_meet(helm: Helm) -> None:
    names = [{each["metadata"]["name"] for each in helm.template(CHART, release=name)} for name in ("one", "two")]
    assert names == [{"one-wlf"}, {"two-wlf"}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"imagee": {}}, "imagee"),
        ({"image": {"repository": ""}}, "repository"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"config": ""}, "config"),
        ({"config": {"name": "a mapping"}}, "config"),
        ({"log": {"format": "xml"}}, "format"),
        ({"env": {"A": "b"}}, "env"),
        ({"env": [{"value": "b"}]}, "env"),
        ({"podLogsDirectory": "var/log/pods"}, "podLogsDirectory"),
        ({"linkedDirectories": "/var/lib/docker/containers"}, "linkedDirectories"),
        ({"stateDirectory": "/"}, "stateDirectory"),
        ({"runAsUser": -1}, "runAsUser"),
        ({"runAsUser": "wlf"}, "runAsUser"),
        ({"nodeSelector": {"gpu": True}}, "nodeSelector"),
        ({"maxUnavailable": 0}, "maxUnavailable"),
        ({"maxUnavailable": "0%"}, "maxUnavailable"),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
        # What no schema can say.
        ({"config": "http: [unclosed"}, "config: "),
        ({"config": "name: no_endpoint"}, "expected http"),
        ({"config": 'http: "127.0.0.1:8080"'}, "where no probe gets to"),
        ({"config": 'http: ":8080"\nshutdown_timeout_ms: 60000'}, "shutdown_timeout_ms"),
        ({"serviceAccount": {"create": False}}, "serviceAccount.name"),
    ],
    ids=str,
)
def test_wrong_values_are_refused(given: dict[str, Any], said: str, helm: Helm) -> None:
    with pytest.raises(Refused, match=said):
        helm.template(CHART, given)


def test_every_value_has_a_default_a_meaning_and_a_place_in_the_table() -> None:
    assert [path for path, node in leaves(schema()) if not node.get("description")] == []
    assert {path: default_of(path) for path, _ in leaves(schema())}
    assert sorted(_paths(values(), schema())) == sorted(path for path, _ in leaves(schema()))
    assert readme() == README.read_text(), "run `python -m tests.deploy.values_table`"


def test_the_image_is_of_the_version_of_this_wlf() -> None:
    from wlf import __version__

    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__
    assert {each["image"] for each in pod_of(plain())["containers"]} == {f"wlf:{__version__}"}
