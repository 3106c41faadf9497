"""One line of a log, from a file, a container or a pod."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from wlf.events.base import Event


class LogLine(Event, frozen=True, gc=False):
    """A log line and where it was read.

    Args:
        type: always `log`.
        ts: when the line was written as far as the source tells, else when it was read; Unix seconds with a fraction.
        source: the id of the collector.
        message: the line without its line end.
        attributes: what the source knows about it (path, container, labels ...).
    """

    source: str
    ts: float
    message: str
    type: str = "log"
    attributes: dict[str, Any] | UnsetType = UNSET


class FileLine(LogLine, frozen=True, gc=False):
    """A line of a file.

    Args:
        file: the path under which the file was found first: a rotation does not change it.
        host: the name of the machine.
        offset: where the line begins in the file, in bytes (with `offset: true`).
        flags: what is special: `truncated` (longer than allowed, the rest is left out), `partial` (its end is not
            written yet), `continued` (the rest of a partial line), `multiline` (made of several lines).
    """

    file: str = ""
    host: str | UnsetType = UNSET
    offset: int | UnsetType = UNSET
    flags: tuple[str, ...] | UnsetType = UNSET


class Container(Struct, frozen=True, gc=False):
    """What a Docker Engine tells of a container; one object for all of its lines.

    Args:
        id: 64 hexadecimal digits.
        name: without the slash that the Engine writes before it.
        image: the name that it was made from.
        labels: all of them.
        compose_project, compose_service: from the labels that Compose sets.
    """

    id: str
    name: str
    image: str | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    compose_project: str | UnsetType = UNSET
    compose_service: str | UnsetType = UNSET


class ContainerLine(LogLine, frozen=True, gc=False):
    """A line that a container of a Docker Engine wrote.

    Args:
        ts: `time` as a number, which holds about microseconds.
        time: when the Engine read the line, as it wrote it down: RFC 3339 with nanoseconds.
        stream: `stdout` or `stderr`.
        container: who wrote it.
        host: the name of the machine.
        flags: as those of FileLine.
    """

    time: str = ""
    stream: str = "stdout"
    container: Container | UnsetType = UNSET
    host: str | UnsetType = UNSET
    flags: tuple[str, ...] | UnsetType = UNSET


class Owner(Struct, frozen=True, gc=False):
    """Who keeps a pod running: the kind and the name, such as `Deployment` and `shop`."""

    kind: str
    name: str


class Pod(Struct, frozen=True, gc=False):
    """Whose line it is in a Kubernetes cluster; one object for all lines of a container while nothing changes.

    The path of the log file tells the first five, the others come from the API server and are left out where it has
    not told them.

    Args:
        uid: tells pods of the same name apart.
        container: its name within the pod.
        restart: how often the container was begun anew.
        owner: of a pod of a Deployment that, not its ReplicaSet.
    """

    namespace: str
    name: str
    uid: str
    container: str
    restart: int
    node: str | UnsetType = UNSET
    image: str | UnsetType = UNSET
    container_id: str | UnsetType = UNSET
    ip: str | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    annotations: dict[str, str] | UnsetType = UNSET
    namespace_labels: dict[str, str] | UnsetType = UNSET
    owner: Owner | UnsetType = UNSET


class PodLine(LogLine, frozen=True, gc=False):
    """A line that a container of a pod wrote.

    Args:
        ts: `time` as a number, which holds about microseconds.
        time: when the runtime read the line, as it wrote it down: RFC 3339 with nanoseconds.
        stream: `stdout` or `stderr`.
        kubernetes: who wrote it.
        file: the path under which the log file was found first.
        offset: where the line begins in the file, in bytes (with `offset: true`).
        flags: as those of FileLine.
    """

    time: str = ""
    stream: str = "stdout"
    kubernetes: Pod | UnsetType = UNSET
    file: str = ""
    offset: int | UnsetType = UNSET
    flags: tuple[str, ...] | UnsetType = UNSET
