"""A real kube-apiserver with RBAC, on an etcd of its own, compiled by the machine's Go: `make kube-apiserver`.

It is a cluster without nodes: objects are checked, stored, listed, watched and refused, and no pod ever runs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.components.certificates import certificate
from tests.servers.cache import Recipe
from tests.servers.commands import InstallError, run
from tests.servers.etcd import Etcd
from tests.servers.server import Server

ADMIN_TOKEN = "the-token-of-the-admin"
COMPILED_IN_S = 3600
APPLY = "?fieldManager=tests&force=true&fieldValidation=Strict"
PLACES = {
    "Namespace": "/api/v1/namespaces",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "DaemonSet": "/apis/apps/v1/namespaces/{namespace}/daemonsets",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


def install(home: Path, version: str) -> str:
    """Compile the server; the version."""
    if shutil.which("go") is None:
        raise InstallError("found no go")
    # Module and build caches of its own, gone in the end: they take 3 GB.
    build = home / "build"
    build.mkdir()
    places = {"GOPATH": f"{build}/path", "GOCACHE": f"{build}/cache", "GOBIN": f"{home}/bin"}
    go = {**os.environ, **places, "GOFLAGS": f"-modcacherw -p={os.environ.get('WLF_GO_JOBS', '1')}"}
    (build / "go.mod").write_text(go_mod(version, published_parts(version, go, build)))
    program = "k8s.io/kubernetes/cmd/kube-apiserver"
    run(["go", "get", f"{program}@v{version}"], env=go, cwd=build, timeout_s=COMPILED_IN_S)
    flags = f"-s -w -X k8s.io/component-base/version.gitVersion=v{version}"
    compile_it = ["go", "build", "-ldflags", flags, "-o", home / "bin" / "kube-apiserver", program]
    run(["nice", "-n", "10", *compile_it], env=go, cwd=build, timeout_s=COMPILED_IN_S)
    shutil.rmtree(build)
    return version


def published_parts(version: str, go: Mapping[str, str], cwd: Path) -> list[str]:
    """The modules that lie within the source of Kubernetes and are published by themselves as well."""
    told = json.loads(run(["go", "mod", "download", "-json", f"k8s.io/kubernetes@v{version}"], env=go, cwd=cwd))
    return re.findall(r"^\t(k8s\.io/\S+) => \./staging/", Path(told["GoMod"]).read_text(), re.MULTILINE)


def go_mod(version: str, parts: list[str]) -> str:
    """A module that needs Kubernetes: 1.37.2 goes with version 0.37.2 of its parts."""
    replaced = "".join(f"\t{part} => {part} v0.{version.removeprefix('1.')}\n" for part in parts)
    return f"module tests\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v{version}\n\nreplace (\n{replaced})\n"


@dataclass(frozen=True)
class Answer:
    """What the API server answered."""

    status: int
    body: Any


class KubeApiserver(Server):
    """An API server; whoever has `ADMIN_TOKEN` may do all."""

    recipe = Recipe("kube-apiserver", "1.37.2", install)

    def __init__(self, datadir: Path | str, *, edition: str | None = None, port: int | None = None) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.etcd = Etcd(self.datadir.with_name(f"{self.datadir.name}-etcd"))
        self.admin_token = ADMIN_TOKEN

    @property
    def url(self) -> str:
        """The address as clients take it."""
        return f"https://{self.address}"

    @property
    def ca(self) -> Path:
        """The certificate to trust."""
        return self.datadir / "cert.pem"

    def prepare(self) -> None:
        certificate(self.datadir)
        run(["openssl", "genrsa", "-out", self.datadir / "accounts.pem", "2048"])
        (self.datadir / "tokens.csv").write_text(f"{ADMIN_TOKEN},admin,admin,system:masters\n")

    def argv(self) -> list[str]:
        options = {
            "etcd-servers": self.etcd.url,
            "bind-address": self.host,
            "secure-port": self.port,
            "endpoint-reconciler-type": "none",  # it would refuse to be known as 127.0.0.1
            "tls-cert-file": self.ca,
            "tls-private-key-file": self.datadir / "key.pem",
            "cert-dir": self.datadir,
            "token-auth-file": self.datadir / "tokens.csv",
            "authorization-mode": "RBAC",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-signing-key-file": self.datadir / "accounts.pem",
            "service-account-key-file": self.datadir / "accounts.pem",
            "service-cluster-ip-range": "10.0.0.0/24",
        }
        return [str(self.home / "bin" / "kube-apiserver"), *(f"--{name}={value}" for name, value in options.items())]

    def is_ready(self) -> bool:
        try:
            # The rules of the built-in roles are written a moment after the start.
            return self.request("GET", "/readyz").status == 200
        except (urllib.error.URLError, OSError):
            return False

    def start(self) -> KubeApiserver:
        self.etcd.start()
        return super().start()

    def kill(self) -> None:
        super().kill()
        self.etcd.kill()

    def apply(self, thing: Mapping[str, Any]) -> Any:
        """Make an object, or make it what is given; what the server made of it. An unknown field is an error."""
        named = thing["metadata"]
        path = PLACES[thing["kind"]].format(namespace=named.get("namespace"))
        answer = self.request("PATCH", f"{path}/{named['name']}{APPLY}", thing, kind="application/apply-patch+yaml")
        assert answer.status in (200, 201), answer.body
        return answer.body

    def request(
        self, method: str, path: str, body: Any = None, *, token: str = ADMIN_TOKEN, kind: str = "application/json"
    ) -> Answer:
        """Ask the API server for something, or for a change; a refusal is an answer too."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, method=method)
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._trust()) as answer:
                return Answer(answer.status, _parsed(answer.read()))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, _parsed(refusal.read()))

    def account_token(self, namespace: str, account: str) -> str:
        """A token of a service account, as a pod gets one."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        answer = self.request("POST", path, {"spec": {"expirationSeconds": 3600}})
        assert answer.status == 201, answer.body
        return str(answer.body["status"]["token"])

    def kubectl(self, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the admin of this cluster."""
        whom = ["--kubeconfig=/dev/null", f"--server={self.url}", f"--certificate-authority={self.ca}"]
        return self.run_tool(program, *whom, f"--token={ADMIN_TOKEN}", *arguments)

    def run_tool(self, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program that cannot know any other cluster than the one that it is told."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.datadir)}
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
