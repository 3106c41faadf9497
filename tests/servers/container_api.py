"""Docker's API as tests use it: plain blocking requests over a Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode


class NoAnswer(Exception):
    """Nobody answers at the socket."""


class Refused(Exception):
    """The Engine did not do it; the message is its own."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class ContainerApi:
    """Requests to an Engine that listens on a Unix socket."""

    def __init__(self, path: Path, timeout_s: float = 60) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def request(self, method: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """One request; the answer as JSON, text where it is none, None where it is empty."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
        connection = _Connection(self._path, self._timeout_s)
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        try:
            with suppress(BrokenPipeError):  # it has answered already
                connection.request(method, f"{path}?{query}", raw, {"Content-Type": kind})
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            raise NoAnswer(f"{method} {path}: {error}") from error
        except http.client.HTTPException as error:
            raise NoAnswer(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(f"{method} {path}: {answer.status} {content.decode(errors='replace').strip()}")
        if not content:
            return None
        try:
            return json.loads(content)
        except ValueError:
            return content.decode(errors="replace")

    def ping(self) -> None:
        """Raises NoAnswer."""
        self.request("GET", "/_ping")

    def version(self) -> str:
        """Of the Engine."""
        return str(self.request("GET", "/version")["Version"])

    def images(self) -> list[dict[str, Any]]:
        """All images."""
        found: list[dict[str, Any]] = self.request("GET", "/images/json")
        return found

    def import_image(self, name: str, tar: bytes) -> None:
        """Make an image of a file system."""
        repository, _, tag = name.rpartition(":")
        self.request("POST", "/images/create", tar, fromSrc="-", repo=repository, tag=tag)

    def create(
        self,
        name: str,
        script: str,
        *,
        image: str = "localhost/wlf/bb:1",
        labels: Mapping[str, str] | None = None,
        tty: bool = False,
        log: Mapping[str, Any] | None = None,
        restart: str = "no",
    ) -> str:
        """A container that will run a shell script; its id. `log` is the LogConfig, such as {"Type": "local"}."""
        body = {
            "Image": image,
            "Cmd": ["/bin/sh", "-c", script],
            "Labels": dict(labels or {}),
            "Tty": tty,
            "StopSignal": "SIGKILL",
            "NetworkDisabled": True,
            "HostConfig": {
                "NetworkMode": "none",
                "RestartPolicy": {"Name": restart},
                **({"LogConfig": dict(log)} if log else {}),
            },
        }
        return str(self.request("POST", "/containers/create", body, name=name)["Id"])

    def start(self, container: str) -> None:
        """Start it."""
        self.request("POST", f"/containers/{quote(container)}/start")

    def run(self, name: str, script: str, **options: Any) -> str:
        """Create and start; the id."""
        container = self.create(name, script, **options)
        self.start(container)
        return container

    def wait(self, container: str) -> int:
        """Until it ended; its exit code."""
        return int(self.request("POST", f"/containers/{quote(container)}/wait")["StatusCode"])

    def run_to_end(self, name: str, script: str, **options: Any) -> str:
        """Create, start and wait; the id."""
        container = self.run(name, script, **options)
        self.wait(container)
        return container

    def stop(self, container: str) -> None:
        """End it."""
        self.request("POST", f"/containers/{quote(container)}/stop", t=0)

    def remove(self, container: str) -> None:
        """With its log, running or not."""
        self.request("DELETE", f"/containers/{quote(container)}", force="true")

    def rename(self, container: str, name: str) -> None:
        """Give it another name."""
        self.request("POST", f"/containers/{quote(container)}/rename", name=name)

    def list(self) -> list[dict[str, Any]]:
        """All containers, also those that ended."""
        found: list[dict[str, Any]] = self.request("GET", "/containers/json", all="true")
        return found

    def remove_all(self) -> None:
        """Every container."""
        for container in self.list():
            try:
                self.remove(container["Id"])
            except Refused as refused:
                if " 404 " not in str(refused) and " 409 " not in str(refused):
                    raise
