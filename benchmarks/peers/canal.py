"""Canal: its MySQL parser, parallel as it is by default, in a Java program that writes each row as a line of JSON.

Its server hands the same entries on to Kafka, but only its libraries are on Maven Central. Values are text, as in its
own flat messages.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmarks.contender import BinlogSource, FileSink, Job
from benchmarks.peers.java import newest_java
from benchmarks.peers.peer import Command, Peer
from tests.servers import maven
from tests.servers.cache import Recipe
from tests.servers.commands import InstallError, run

VERSION = "1.1.7"
JAVA = 17
JVM = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC", "-XX:-UsePerfData")
PROGRAM = Path(__file__).parent / "canal" / "Reader.java"
LOGGING = """<configuration><appender name="err" class="ch.qos.logback.core.ConsoleAppender"><target>System.err</target>
<encoder><pattern>%d %p %c %m%n</pattern></encoder></appender>
<root level="WARN"><appender-ref ref="err"/></root></configuration>"""


def _install(home: Path, version: str) -> str:
    """Fetch its jars and compile the program."""
    compiler = newest_java(JAVA) / "bin" / "javac"
    if not compiler.is_file():
        raise InstallError(f"found no {compiler}; run: apt-get install default-jdk-headless")
    maven.fetch_jars(home, [f"com.alibaba.otter:canal.parse:{version}"])
    run([compiler, "-cp", f"{home / 'libs'}/*", "-d", home / "classes", PROGRAM])
    (home / "classes" / "logback.xml").write_text(LOGGING)
    return version


class Canal(Peer):
    """Binlog to file."""

    name = "Canal"
    does = frozenset({(BinlogSource, FileSink)})
    recipe: ClassVar[Recipe] = Recipe("peer-canal", VERSION, _install)

    def command(self, job: Job) -> Command:
        source, sink = job.source, job.sink
        assert isinstance(source, BinlogSource)
        assert isinstance(sink, FileSink)
        path = f"{self.home / 'classes'}:{self.home / 'libs'}/*"
        account = [source.host, str(source.port), source.user, source.password, source.database]
        where = [source.file, str(source.position), str(sink.path)]
        java = str(newest_java(JAVA) / "bin" / "java")
        return Command([java, *JVM, "-cp", path, "Reader", *account, *where])
