"""OpenSearch as a test server: a real node of the bare distribution, without plugins and with the HTTP module only."""

from __future__ import annotations

from pathlib import Path

from tests.servers import maven
from tests.servers.cache import Recipe
from tests.servers.search import SearchServer


def install(home: Path, version: str) -> str:
    """Fetch and unpack the distribution that its own integration tests use; the version."""
    maven.fetch_zip(home, f"org.opensearch.distribution.integ-test-zip:opensearch:{version}")
    return version


class OpenSearch(SearchServer):
    """A single OpenSearch node."""

    recipe = Recipe("opensearch", "2.19.1", install)
    settings_file = "opensearch.yml"
    deletable = ("_data_stream/*", "*", "_index_template/*", "_template/*")

    def argv(self) -> list[str]:
        self.write_settings()
        root = self.home / "root"
        return [
            maven.java(),
            "-Xms256m",
            "-Xmx768m",
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            # Without its native library the server cannot tell that it runs as root, which it refuses.
            "-Djna.nounpack=true",
            "-Djna.boot.library.path=/nonexistent",
            # As its start script sets them: log4j's own hooks break the shutdown under the security manager.
            "-Dlog4j.shutdownHookEnabled=false",
            "-Dlog4j2.disable.jmx=true",
            "-Dio.netty.noUnsafe=true",
            "-Dio.netty.allocator.numDirectArenas=0",
            "-Djava.locale.providers=SPI,COMPAT",
            f"-Djava.io.tmpdir={self.datadir}",
            f"-Dopensearch.path.home={root}",
            f"-Dopensearch.path.conf={self.config}",
            "-Dopensearch.distribution.type=zip",
            "-Dopensearch.bundled_jdk=false",
            "-cp",
            f"{root / 'lib'}/*",
            "org.opensearch.bootstrap.OpenSearch",
        ]
