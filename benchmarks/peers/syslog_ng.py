"""syslog-ng: a file source to kafka-c() or file(), each line a JSON object with the file's name and a timestamp.

It does not ask a Docker Engine: of a container it reads the file of the json-file driver, each line of which
json-parser() takes apart, and writes what is in there with the container's name.

For throughput, after its documentation: lines are not parsed, the source fetches 10,000 at once with a window that is
larger than what the destination sends at once, and sending is asynchronous (batch-lines() would count only with
sync-send). The log path has flow control, so that nothing is dropped when the destination is slower.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmarks.contender import ContainerSource, FileSink, FileSource, Job, KafkaSink
from benchmarks.peers.peer import Command, Peer
from tests.servers import debian
from tests.servers.cache import Recipe
from tests.servers.commands import run

PACKAGES = ("syslog-ng-core", "syslog-ng-mod-rdkafka")
PRODUCER = {
    "acks": "all",
    "enable.idempotence": "true",
    "linger.ms": "10",
    "batch.size": "1000000",
    "batch.num.messages": "10000",
    "queue.buffering.max.messages": "500000",
}
LINE = "$(format-json message=$MESSAGE file=$FILE_NAME timestamp=$ISODATE)"
CONTAINER_LINE = (
    "$(format-json message=$(strip ${{.in.log}}) container={name} stream=${{.in.stream}} time=${{.in.time}})"
)
CONFIG = """@version: {version}
options {{ threaded(yes); use-dns(no); dns-cache(no); log-fifo-size(200000); log-msg-size(262144); stats(freq(0)); }};
source lines {{
  file("{path}" flags(no-parse) follow-freq(0.1) log-fetch-limit(10000) log-iw-size(100000));
}};
destination out {{
  {destination}
}};
log {{ source(lines); {parser} destination(out); flags(flow-control); }};
"""


def _install(home: Path, suite: str) -> str:
    """Unpack the packages; its own libraries go where the wrapper looks for them."""
    root = debian.unpack(home, suite, PACKAGES, ["syslog-ng"])
    for library in (root / "usr" / "lib" / "syslog-ng").glob("lib*.so.*"):
        (root / "usr" / "lib" / debian.MULTIARCH / library.name).symlink_to(library)
    said = run([home / "bin" / "syslog-ng", "--module-path", _modules(home), "--version"])
    return said.partition("(")[2].partition(")")[0]


def _modules(home: Path) -> Path:
    return next((home / "root" / "usr" / "lib" / "syslog-ng").glob("*.*/libaffile.so")).parent


class SyslogNg(Peer):
    """The version of Debian's unstable suite."""

    name = "syslog-ng"
    does = frozenset({(FileSource, KafkaSink), (FileSource, FileSink), (ContainerSource, FileSink)})
    recipe: ClassVar[Recipe] = Recipe("peer-syslog-ng", "sid", _install)

    def command(self, job: Job) -> Command:
        source, sink = job.source, job.sink
        assert isinstance(source, FileSource | ContainerSource)
        line, parser, path = LINE, "", source.path if isinstance(source, FileSource) else source.log
        if isinstance(source, ContainerSource):
            line = CONTAINER_LINE.format(name=source.name)
            parser = 'parser { json-parser(prefix(".in.")); };'
        destination = _to_kafka(sink) if isinstance(sink, KafkaSink) else _to_file(sink, line)
        version = ".".join(self.version().split(".")[:2])
        config = job.folder / "syslog-ng.conf"
        config.write_text(CONFIG.format(version=version, path=path, parser=parser, destination=destination))
        # The control socket is relative: a path may be longer than a socket address holds.
        places = ["--persist-file", "persist", "--control", "control", "--pidfile", "pid", "--cfgfile", str(config)]
        program = [str(self.home / "bin" / "syslog-ng"), "--foreground", "--no-caps", "--module-path"]
        return Command([*program, str(_modules(self.home)), *places])


def _to_kafka(sink: KafkaSink) -> str:
    options = " ".join(f'"{name}" => "{value}"' for name, value in PRODUCER.items())
    return (
        f'kafka-c(bootstrap-servers("{sink.bootstrap}") topic("{sink.topic}") message("{LINE}")'
        f" sync-send(no) config({options}));"
    )


def _to_file(sink: FileSink, line: str) -> str:
    return f'file("{sink.path}" template("{line}\\n") flush-lines(10000));'
