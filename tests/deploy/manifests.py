"""Where deploy/ keeps its files, and the objects of its manifests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm" / "wlf"
MANIFESTS = DEPLOY / "kubernetes" / "wlf.yaml"
# The oldest that the chart allows, the newest, and some between: what clusters run.
VERSIONS = ("1.25", "1.29", "1.33", "1.35", "1.37")

Object = dict[str, Any]


def plain() -> list[Object]:
    """The objects of the plain manifests."""
    return [each for each in yaml.safe_load_all(MANIFESTS.read_text()) if each]


def of_kind(objects: Iterable[Object], kind: str) -> Object:
    """The one object of a kind."""
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def pod_of(objects: Iterable[Object]) -> Object:
    """The spec of the pods of the DaemonSet."""
    spec: Object = of_kind(objects, "DaemonSet")["spec"]["template"]["spec"]
    return spec


def validate(objects: Iterable[Object], version: str) -> None:
    """Hold objects against the API of a version, no unknown field allowed."""
    for each in objects:
        assert kubernetes_validate.validate(each, version, strict=True) == version
