"""Elasticsearch as a test server: a real node of the bare distribution, with HTTP and basic X-Pack modules only.

It has no data streams and nothing at the path `/`: both are modules that the bare distribution leaves out.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tests.servers import maven
from tests.servers.cache import Recipe
from tests.servers.search import SearchServer

# Without its native library the server cannot tell that it runs as root, which it refuses.
JVM_OPTIONS = """-XX:+UseSerialGC
-XX:-UsePerfData
-Xms256m
-Xmx768m
-Djna.nounpack=true
-Djna.boot.library.path=/nonexistent
"""


def install(home: Path, version: str) -> str:
    """Fetch and unpack the distribution that its own integration tests use; the version."""
    maven.fetch_zip(home, f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{version}")
    return version


class Elasticsearch(SearchServer):
    """A single Elasticsearch node."""

    # Versions before 8.15 do not start without the native library, 8.19 needs more modules than the archive has.
    recipe = Recipe("elasticsearch", "8.17.4", install)
    settings_file = "elasticsearch.yml"
    deletable = ("*", "_index_template/*", "_template/*")
    defaults: ClassVar[dict[str, str]] = {**SearchServer.defaults, "xpack.security.enabled": "false"}

    def prepare(self) -> None:
        super().prepare()
        (self.config / "jvm.options").write_text(JVM_OPTIONS)

    def argv(self) -> list[str]:
        self.write_settings()
        # Its launcher hands the server its arguments in a private format, so the launcher it is, with a JVM of its own.
        return [
            "env",
            f"ES_JAVA_HOME={Path(maven.java()).resolve().parents[1]}",
            f"ES_PATH_CONF={self.config}",
            f"ES_TMPDIR={self.datadir}",
            f"CLI_JAVA_OPTS=-Djava.io.tmpdir={self.datadir}",
            "bash",
            str(self.home / "root" / "bin" / "elasticsearch"),
        ]
