"""The plain manifests: true to the API, with few rights, and a config that wlf takes."""

from __future__ import annotations

import copy
from pathlib import Path

import kubernetes_validate
import pytest
from click.testing import CliRunner

from tests.deploy.manifests import VERSIONS, of_kind, plain, pod_of, validate
from wlf.cli import main
from wlf.graph.compile import compile_file
from wlf.graph.plan import Plan

LOCKED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The config of the ConfigMap, as a pod sees it."""
    path = tmp_path / "wlf.yaml"
    path.write_text(of_kind(plain(), "ConfigMap")["data"]["wlf.yaml"])
    return path


def compiled(config: Path) -> Plan:
    return compile_file(config)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_what_the_api_of_a_version_takes(version: str) -> None:
    validate(plain(), version)


def test_a_field_that_the_api_does_not_have_is_found() -> None:
    wrong = copy.deepcopy(plain())
    pod_of(wrong)["securityContext"]["runAsRoot"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="runAsRoot"):
        validate(wrong, VERSIONS[-1])


def test_the_config_passes_the_check_without_a_warning(config: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(config)])
    assert (result.exit_code, result.stderr) == (0, ""), result.output


def test_the_collector_is_told_its_node() -> None:
    (environment,) = pod_of(plain())["containers"][0]["env"]
    assert environment == {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}


def test_the_probes_ask_where_the_config_listens(config: Path) -> None:
    container = pod_of(plain())["containers"][0]
    (port,) = container["ports"]
    assert compiled(config).options.http == f":{port['containerPort']}"
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["port"] for probe in asked.values()} == {port["name"]}
    assert [probe["path"] for probe in asked.values()] == ["/healthz", "/healthz", "/readyz"]


def test_a_stop_has_more_time_than_wlf_takes(config: Path) -> None:
    assert pod_of(plain())["terminationGracePeriodSeconds"] >= compiled(config).options.shutdown_timeout_ms / 1000 + 15


def test_the_command_is_one_that_wlf_has(config: Path, tmp_path: Path) -> None:
    _, *arguments = pod_of(plain())["containers"][0]["args"]
    empty = tmp_path / "empty.yaml"
    empty.write_text("{}")
    result = CliRunner().invoke(main, ["run", str(empty), *arguments[1:]])
    assert result.exit_code == 2
    assert "Usage" not in result.output, result.output
    assert arguments[0] == "/etc/wlf/wlf.yaml"


def test_wlf_is_no_root_and_has_no_capability() -> None:
    pod = pod_of(plain())
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert all(container["securityContext"] == LOCKED for container in pod["containers"])
    as_root = {"runAsNonRoot": False, "runAsUser": 0}
    assert [container["securityContext"] for container in pod["initContainers"]] == [{**LOCKED, **as_root}]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_nothing_of_the_node_can_be_written_but_the_state() -> None:
    pod = pod_of(plain())
    of_node = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
    mounts = [mount for container in pod["containers"] for mount in container["volumeMounts"]]
    written = {mount["name"] for mount in mounts if mount["name"] in of_node and not mount.get("readOnly")}
    assert written == {"state"}


def test_the_account_reads_pods_and_namespaces_and_nothing_else() -> None:
    rules = of_kind(plain(), "ClusterRole")["rules"]
    assert rules == [{"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list", "watch"]}]
