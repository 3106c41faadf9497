"""What is kept of a pod: the few things that events carry and that selections look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from wlf.components.collectors._kubernetes.annotations import PREFIX
from wlf.components.collectors._kubernetes.objects import ContainerSpec, ContainerStatus, Metadata, PodObject, PodSpec
from wlf.events.log import Owner

MIRROR = "kubernetes.io/config.mirror"
"""The kubelet names the logs of a static pod by this hash; the uid is that of the pod's image in the API server."""
TEMPLATE_HASH = "pod-template-hash"

Pick = Callable[[Mapping[str, str]], dict[str, str]]
"""Which labels or annotations are kept."""


class Facts(Struct, frozen=True):
    """A pod as the API server last told of it. Two that are equal make the same events.

    Args:
        uid: the one in the path of its logs.
        annotations: those that events carry.
        requests: the annotations that wlf itself obeys.
        labels: all of them, for selectors.
        fields: what a field selector may ask for.
        images: by container.
        container_ids: by container and restart, of the present run and the one before.
    """

    uid: str
    namespace: str
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    requests: dict[str, str]
    fields: dict[str, str]
    owner: Owner | None
    ip: str | None
    images: dict[str, str]
    container_ids: dict[tuple[str, int], str]


def facts_of(pod: PodObject, pick_annotations: Pick) -> Facts:
    """What is worth keeping."""
    metadata, spec, status = pod.metadata, pod.spec, pod.status
    annotations = metadata.annotations or {}
    return Facts(
        uid=annotations.get(MIRROR, metadata.uid),
        namespace=metadata.namespace,
        name=metadata.name,
        labels=metadata.labels or {},
        annotations=pick_annotations(annotations),
        requests={name: value for name, value in annotations.items() if name.startswith(PREFIX)},
        fields=_fields(metadata, spec),
        owner=owner_of(metadata),
        ip=status.pod_ip or None,
        images=_images((spec.containers, spec.init_containers, spec.ephemeral_containers)),
        container_ids=_container_ids(
            (status.container_statuses, status.init_container_statuses, status.ephemeral_container_statuses)
        ),
    )


def owner_of(metadata: Metadata) -> Owner | None:
    """Who keeps the pod running. A ReplicaSet of a Deployment is named by the hash that the pod has as a label."""
    for reference in metadata.owner_references or ():
        if not reference.controller:
            continue
        ending = "-" + (metadata.labels or {}).get(TEMPLATE_HASH, "")
        if reference.kind == "ReplicaSet" and len(ending) > 1 and reference.name.endswith(ending):
            return Owner("Deployment", reference.name.removesuffix(ending))
        return Owner(reference.kind, reference.name)
    return None


def _fields(metadata: Metadata, spec: PodSpec) -> dict[str, str]:
    return {
        "metadata.name": metadata.name,
        "metadata.namespace": metadata.namespace,
        "spec.hostNetwork": "true" if spec.host_network else "false",
        "spec.restartPolicy": spec.restart_policy,
        "spec.schedulerName": spec.scheduler_name,
        "spec.serviceAccountName": spec.service_account_name,
    }


def _images(kinds: Iterable[list[ContainerSpec] | None]) -> dict[str, str]:
    return {each.name: each.image for containers in kinds for each in containers or () if each.image}


def _container_ids(kinds: Iterable[list[ContainerStatus] | None]) -> dict[tuple[str, int], str]:
    """While a container waits to be begun anew, its present run and its last one are the same."""
    found: dict[tuple[str, int], str] = {}
    for status in (each for statuses in kinds for each in statuses or ()):
        last = status.last_state.terminated if status.last_state is not None else None
        if last is not None and last.containerID and last.containerID != status.containerID:
            found[status.name, status.restart_count - 1] = _bare(last.containerID)
        if status.containerID:
            found[status.name, status.restart_count] = _bare(status.containerID)
    return found


def _bare(container_id: str) -> str:
    """`containerd://6b3a...` without the runtime's name."""
    return container_id.rpartition("://")[2]
