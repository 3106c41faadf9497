"""What the path of a container's log file tells: `<directory>/<namespace>_<pod>_<uid>/<container>/<restart>.log`."""

from __future__ import annotations

import re
from typing import NamedTuple

_PATH = re.compile(
    r"(?:.*/)?(?P<namespace>[^/_]+)_(?P<pod>[^/_]+)_(?P<uid>[^/_]+)"
    r"/(?P<container>[^/]+)"
    r"/(?P<restart>\d+)\.log(?:\.\d{8}-\d{6})?(?:\.gz)?"
)


class LogPath(NamedTuple):
    """Whose log it is. `uid` is the pod's; of a static pod, the hash of its manifest."""

    namespace: str
    pod: str
    uid: str
    container: str
    restart: int


def read_path(path: str) -> LogPath | None:
    """None for what the kubelet keeps beside the logs, such as `0.log.20260101-120000.tmp`."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    namespace, pod, uid, container, restart = found.groups()
    return LogPath(namespace, pod, uid, container, int(restart))
