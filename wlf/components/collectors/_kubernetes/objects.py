"""Pods and namespaces as the API server sends them, as far as anything here is used; the rest is never decoded."""

from __future__ import annotations

from msgspec import Raw, Struct, field
from msgspec.json import Decoder


class OwnerReference(Struct, gc=False):
    """Who made an object; one of them keeps it running."""

    kind: str
    name: str
    controller: bool = False


class Metadata(Struct, rename="camel"):
    """What every object has. The version is compared with nothing, only sent back."""

    name: str
    uid: str = ""
    namespace: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None


class ContainerSpec(Struct, gc=False):
    """A container as it is asked for."""

    name: str
    image: str | None = None


class PodSpec(Struct, rename="camel"):
    """How a pod is to run."""

    containers: list[ContainerSpec] | None = None
    init_containers: list[ContainerSpec] | None = None
    ephemeral_containers: list[ContainerSpec] | None = None
    host_network: bool = False
    restart_policy: str = ""
    scheduler_name: str = ""
    service_account_name: str = ""


class Ended(Struct, gc=False):
    """A run of a container that is over."""

    containerID: str | None = None


class LastState(Struct):
    """What became of the run before the present one."""

    terminated: Ended | None = None


class ContainerStatus(Struct, rename="camel"):
    """A container as it is."""

    name: str
    containerID: str | None = field(default=None, name="containerID")
    restart_count: int = 0
    last_state: LastState | None = None


class PodStatus(Struct, rename="camel"):
    """How a pod runs."""

    pod_ip: str | None = field(default=None, name="podIP")
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None


class PodObject(Struct):
    """A pod."""

    metadata: Metadata
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)


class NamespaceObject(Struct):
    """A namespace."""

    metadata: Metadata


class ListMetadata(Struct, rename="camel"):
    """Of a page of a list."""

    resource_version: str = ""
    continue_: str = field(default="", name="continue")


class Page(Struct):
    """A part of a list; each item is decoded by its own type."""

    metadata: ListMetadata
    items: list[Raw] | None = None


class WatchEvent(Struct):
    """A line of a watch."""

    type: str
    object: Raw


class Status(Struct, gc=False):
    """What the API server answers where it refuses."""

    code: int = 0
    reason: str = ""
    message: str = ""


class Bookmark(Struct):
    """Of any object, only its version."""

    metadata: BookmarkMetadata


class BookmarkMetadata(Struct, rename="camel", gc=False):
    """See Bookmark."""

    resource_version: str = ""


decode_pod = Decoder(PodObject).decode
decode_namespace = Decoder(NamespaceObject).decode
decode_page = Decoder(Page).decode
decode_event = Decoder(WatchEvent).decode
decode_status = Decoder(Status).decode
decode_bookmark = Decoder(Bookmark).decode
