"""Options of the Kubernetes collector that say which logs are read and what their events tell."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from wlf.components.collectors._kubernetes.annotations import Honored
from wlf.components.collectors._kubernetes.selectors import FIELDS, FieldSelector, Selector
from wlf.components.following.options import FollowConfig

Names = list[Annotated[str, Meta(min_length=1)]]


class NamesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which names are meant."""

    include: Annotated[Names, Meta(description="globs of the names that are meant; default: all", min_length=1)] = (
        msgspec.field(default_factory=lambda: ["*"])
    )
    exclude: Annotated[Names, Meta(description="globs of names that are not meant though `include` does")] = (
        msgspec.field(default_factory=list)
    )


Choice = bool | list[str]
SELECTORS: Mapping[str, type[Selector]] = {
    "label_selector": Selector,
    "field_selector": FieldSelector,
    "namespace_label_selector": Selector,
}


class MetadataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of the API server's knowledge goes into events; what the path tells is always there."""

    labels: Annotated[Choice, Meta(description="the labels of the pod: all, none, or those that match a glob")] = True
    annotations: Annotated[Choice, Meta(description="the pod's annotations, likewise; some are very long")] = False
    namespace_labels: Annotated[
        Choice, Meta(description="the labels of its namespace, likewise; wlf must be allowed to list namespaces")
    ] = False
    owner: Annotated[bool, Meta(description="who keeps the pod running, such as a Deployment")] = True
    image: Annotated[bool, Meta(description="the container's image, as the pod names it")] = True
    container_id: Annotated[bool, Meta(description="the id of that run of the container")] = True
    ip: Annotated[bool, Meta(description="the pod's address")] = True
    node: Annotated[bool, Meta(description="the name of this node")] = True


class KubernetesConfig(FollowConfig, frozen=True, kw_only=True):
    """Options of Kubernetes."""

    directory: Annotated[str, Meta(description="where the kubelet keeps the logs of the pods", min_length=1)] = (
        "/var/log/pods"
    )
    namespaces: Annotated[NamesConfig, Meta(description="which namespaces are read")] = NamesConfig()
    pods: Annotated[NamesConfig, Meta(description="which pods are read, by name")] = NamesConfig()
    containers: Annotated[NamesConfig, Meta(description="which containers are read, by name")] = NamesConfig()
    label_selector: Annotated[
        str | None,
        Meta(description="only pods with these labels are read, such as `app=shop,tier in (web, api),!debug`"),
    ] = None
    field_selector: Annotated[
        str | None,
        Meta(description=f"only pods with these fields are read, by `=` and `!=`; of {', '.join(FIELDS)}"),
    ] = None
    namespace_label_selector: Annotated[
        str | None, Meta(description="only pods in namespaces with these labels are read")
    ] = None
    unknown_pods: Annotated[
        Literal["deliver", "skip"],
        Meta(
            description="with a selector above, what becomes of the lines of a pod that was deleted before "
            "the API server could be asked for its labels"
        ),
    ] = "deliver"
    annotations: Annotated[
        Honored,
        Meta(
            description="which annotations of pods are obeyed: `all`; `presets`: `wlf.dev/multiline` without "
            "regular expressions of the pods' owners; `none`"
        ),
    ] = "all"
    metadata: Annotated[MetadataConfig, Meta(description="what of the API server's knowledge goes into events")] = (
        MetadataConfig()
    )
    metadata_timeout_ms: Annotated[
        int,
        Meta(
            description="how long the lines of a new pod wait for the API server to tell of it; then they are "
            "delivered with what the path tells, unless a selector must decide",
            ge=0,
        ),
    ] = 5_000
    api: Annotated[
        Literal["auto", "none"],
        Meta(
            description="`auto`: the API server of the pod that wlf runs in, else the one of a kubeconfig; "
            "`none`: events have what the path tells"
        ),
    ] = "auto"
    kubeconfig: Annotated[
        str | None,
        Meta(description="file that tells how to reach the API server; default: as in a pod, else $KUBECONFIG"),
    ] = None
    context: Annotated[str | None, Meta(description="which context of the kubeconfig; default: its current one")] = None
    node: Annotated[
        str | None, Meta(description="the name of this node; default: the environment variable NODE_NAME")
    ] = None

    offset: Annotated[bool, Meta(description="let each event carry where its line begins, in bytes")] = False

    def __post_init__(self) -> None:
        for name, kind in SELECTORS.items():
            text = getattr(self, name)
            try:
                if text is not None:
                    kind(text)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        if self.api != "none":
            return
        for name in (*SELECTORS, "kubeconfig"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} needs the API server, got `api: none`")
        for name in ("annotations", "namespace_labels"):
            if getattr(self.metadata, name):
                raise ValueError(f"metadata.{name} needs the API server, got `api: none`")


def chosen(choice: Choice, names: Mapping[str, str]) -> dict[str, str]:
    """The labels or annotations that a choice keeps."""
    if isinstance(choice, bool):
        return dict(names) if choice else {}
    return {name: value for name, value in names.items() if any(fnmatchcase(name, glob) for glob in choice)}
