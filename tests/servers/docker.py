"""Docker Engines as test servers, from the Debian suite that their edition names (bookworm has 20.10, sid 28).

An Engine starts processes that outlive it: the container runtime, a shim for each container, the containers. So it runs
in namespaces of its own for processes and mounts, and all of that ends with the first process in there. Its files are
seen as the root of a machine that is made of the unpacked packages; the data directory is at the same path inside.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.servers import debian
from tests.servers.cache import NotInstalled, Recipe
from tests.servers.commands import run
from tests.servers.container_api import ContainerApi, NoAnswer
from tests.servers.server import Server

PACKAGES = ("docker.io", "containerd", "runc", "tini", "iptables", "busybox-static", "util-linux")
PLACES = ("proc", "sys", "dev", "run", "tmp", "var/run", "etc", "root")
MERGED = ("bin", "sbin", "lib", "lib64")
CGROUPS = Path("/sys/fs/cgroup")

WORLD = """
set -e
mount --bind {root} {root}
mount -t proc proc {root}/proc
mount --rbind /sys {root}/sys
mount --rbind /dev {root}/dev
mount -t tmpfs none {root}/run
mkdir -p {root}/{top} {root}/var/tmp
mount -t tmpfs none {root}/var/tmp
mount -t tmpfs none {root}/{top}
mkdir -p {root}{data}
mount --bind {data} {root}{data}
exec /usr/sbin/chroot {root} /bin/busybox sh {data}/first
"""
"""Run in new namespaces: makes the Engine's world and goes into it."""

FIRST = """
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DOCKER_RAMDISK=yes {environment}
trap 'ending=1' TERM
cd {data}
while [ -z "$ending" ]; do
  {command} & server=$!
  echo $server > {data}/server.pid
  while [ -e /proc/$server/exe ]; do wait $server; done
  while [ -e {data}/held ] && [ -z "$ending" ]; do busybox sleep 0.05; done
done
"""
"""The first process in there: starts the server, and again when it was killed and may come back."""


def install(home: Path, suite: str) -> str:
    """Unpack the Engine, its runtimes and a static busybox; the version."""
    root = unpack(home, suite, PACKAGES)
    return run(["chroot", root, "/usr/sbin/dockerd", "--version"]).split("version ")[1].split(",")[0]


def unpack(home: Path, suite: str, packages: tuple[str, ...]) -> Path:
    """Packages as the root of a machine; it."""
    root = debian.unpack(home, suite, packages, ())
    for name in MERGED:
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for name in PLACES:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")
    return root


def busybox_image(root: Path) -> bytes:
    """A root file system with busybox and nothing else, as a tar file."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for directory in ("bin", "etc", "tmp"):
            member = tarfile.TarInfo(directory)
            member.type, member.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(member)
        busybox = next(path for path in (root / "bin" / "busybox", root / "usr/bin/busybox") if path.is_file())
        tar.add(busybox, "bin/busybox")
        for applet in run([busybox, "--list"]).split():
            if applet != "busybox":
                member = tarfile.TarInfo(f"bin/{applet}")
                member.type, member.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(member)
        passwd = b"root:x:0:0::/:/bin/sh\n"
        member = tarfile.TarInfo("etc/passwd")
        member.size = len(passwd)
        tar.addfile(member, io.BytesIO(passwd))
    return target.getvalue()


@cache
def may_make_worlds() -> bool:
    """Is this root, with all that root may do?"""
    asked = ["unshare", "--mount", "--pid", "--fork", "true"]
    return os.geteuid() == 0 and subprocess.run(asked, capture_output=True, check=False).returncode == 0


class Engine(Server):
    """A server with Docker's API in a world of its own; `api` talks to it."""

    start_timeout_s = 60
    image = "localhost/wlf/bb:1"

    def __init__(self, datadir: Path | str, *, edition: str | None = None, port: int | None = None) -> None:
        super().__init__(datadir, edition=edition, port=port)
        if not may_make_worlds():
            raise NotInstalled(f"{self.recipe.name} needs root, and leave to make namespaces")
        self.root = self.home / "root"
        self.socket = self.datadir / "engine.sock"
        self.api = ContainerApi(self.socket)

    def command(self) -> list[str]:
        """What is run in there."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What it is run with."""
        return {}

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"unix://{self.socket}"

    def prepare(self) -> None:
        top = self.datadir.relative_to("/").parts[0]
        places = {"root": self.root, "data": self.datadir, "top": top}
        environment = " ".join(f"{name}={value}" for name, value in self.environment().items())
        (self.datadir / "data").mkdir()
        (self.datadir / "world").write_text(WORLD.format(**places))
        (self.datadir / "first").write_text(
            FIRST.format(command=" ".join(self.command()), environment=environment, **places)
        )

    def argv(self) -> list[str]:
        (self.datadir / "held").unlink(missing_ok=True)
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", str(self.datadir / "world")]

    def is_ready(self) -> bool:
        try:
            self.api.ping()
        except NoAnswer:
            return False
        if not any(self.image in (image["RepoTags"] or ()) for image in self.api.images()):
            self.import_image(busybox_image(self.root))
        return True

    def import_image(self, tar: bytes) -> None:
        """Make the image that containers of tests have."""
        self.api.import_image(self.image, tar)

    def reset(self) -> None:
        """Remove all containers."""
        self.api.remove_all()

    def crash(self) -> None:
        """Kill the Engine alone, and keep it from coming back. Its containers live on or not, as it was told."""
        (self.datadir / "held").touch()
        inside = (self.datadir / "server.pid").read_text().strip()
        os.kill(self._outside(inside), 9)
        self._await("die", lambda: not self._answers(), 10)

    def come_back(self) -> None:
        """Start the Engine again after a crash."""
        (self.datadir / "held").unlink()
        self._await_ready()

    def kill(self) -> None:
        super().kill()
        self._remove_cgroups()

    @property
    def group(self) -> str:
        """The control group that all containers are in."""
        return f"wlf-{self.port}"

    def _answers(self) -> bool:
        try:
            self.api.ping()
        except NoAnswer:
            return False
        return True

    def _outside(self, inside: str) -> int:
        """The process of this world that calls itself by that number."""
        for path in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):
                names = next(line for line in path.read_text().splitlines() if line.startswith("NSpid:")).split()
                if names[-1] == inside and len(names) > 2 and self._is_in_here(path.parent):
                    return int(path.parent.name)
        raise LookupError(f"no process calls itself {inside} in there")

    def _is_in_here(self, process: Path) -> bool:
        return str(self.datadir) in (process / "mountinfo").read_text()

    def _remove_cgroups(self) -> None:
        """Control groups of killed containers stay until somebody removes them."""
        for top in (path for path in (CGROUPS, *CGROUPS.glob("*")) if (path / self.group).is_dir()):
            for directory, _, _ in os.walk(top / self.group, topdown=False):
                with suppress(OSError):
                    os.rmdir(directory)


class Docker(Engine):
    """A Docker Engine; `options` are those of its command line over the defaults.

    With `proofs`, a certificate that is its own authority and its key, it listens by TLS too, at `address`, to clients
    that have the same one.
    """

    recipe = Recipe("docker", "bookworm", install)

    def __init__(
        self,
        datadir: Path | str,
        *,
        options: Mapping[str, str] | None = None,
        proofs: tuple[Path, Path] | None = None,
        edition: str | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.options = dict(options or {})
        self._proofs = proofs

    def command(self) -> list[str]:
        inside = {
            "data-root": str(self.data_root),
            "exec-root": f"{self.datadir}/exec",
            "pidfile": f"{self.datadir}/docker.pid",
            "bridge": "none",
            "iptables": "false",
            "ip6tables": "false",
            "ip-forward": "false",
            "ip-masq": "false",
            "userland-proxy": "false",
            "default-ulimit": "nofile=1024:1024",  # the default asks for more than a test machine may allow
            "shutdown-timeout": "1",
            "cgroup-parent": f"/{self.group}",
        }
        listens = [self.url]
        if self._proofs is not None:
            listens.append(f"tcp://{self.address}")
            inside |= {"tlsverify": "true", "tlscacert": "cert.pem", "tlscert": "cert.pem", "tlskey": "key.pem"}
        chosen = [f"--{name}={value}" for name, value in {**inside, **self.options}.items()]
        return ["dockerd", *(f"--host={address}" for address in listens), *chosen]

    def prepare(self) -> None:
        super().prepare()
        for name, path in zip(("cert.pem", "key.pem"), self._proofs or (), strict=False):
            shutil.copy(path, self.datadir / name)

    @property
    def data_root(self) -> Path:
        """The Engine's directory."""
        return self.datadir / "data" / "docker"

    def log_file(self, container: str) -> Path:
        """Where the json-file driver writes what a container logs."""
        return self.data_root / "containers" / container / f"{container}-json.log"

    def kill(self) -> None:
        super().kill()
        shutil.rmtree(self.datadir / "exec", ignore_errors=True)
