"""rsyslog: imfile to omkafka or omfile, each line a JSON object with the file's name and a timestamp.

It does not ask a Docker Engine: of a container it reads the file of the json-file driver, each line of which
mmjsonparse takes apart, and writes what is in there with the container's name.

For throughput, after its documentation: the ruleset has a queue of its own that gives batches of 4,096 to one worker
(a second one would only contend for librdkafka's queue, and would mix up the lines), inotify instead of polling, larger
submissions. The file's name is a constant of the template, which spares the metadata that imfile else adds to a line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from benchmarks.contender import ContainerSource, FileSink, FileSource, Job, KafkaSink
from benchmarks.peers.peer import Command, Peer
from tests.servers import debian
from tests.servers.cache import Recipe
from tests.servers.commands import run

PRODUCER = {
    "enable.idempotence": "true",
    "linger.ms": "10",
    "batch.size": "1000000",
    "batch.num.messages": "10000",
    "queue.buffering.max.messages": "500000",
}
CONFIG = r"""
global(workDirectory="{folder}" maxMessageSize="256k")
module(load="imfile" mode="inotify")
{module}
template(name="line" type="list") {{
  {line}
  constant(value="\"}}{end}")
}}
ruleset(name="all" queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="4096" queue.workerThreads="1") {{
  {parse}
  {action}
}}
input(type="imfile" file="{path}" tag="bench:" ruleset="all" maxSubmitAtOnce="4096")
"""
LINE = r"""constant(value="{{\"message\":\"") property(name="msg" format="json")
  constant(value="\",\"file\":{name},\"timestamp\":\"") property(name="timereported" dateFormat="rfc3339")"""
CONTAINER_LINE = r"""constant(value="{{\"message\":\"") property(name="$!log" format="json" droplastlf="on")
  constant(value="\",\"container\":{name},\"stream\":\"") property(name="$!stream")
  constant(value="\",\"timestamp\":\"") property(name="$!time")"""


def _install(home: Path, suite: str) -> str:
    """Unpack the packages."""
    debian.unpack(home, suite, ["rsyslog", "rsyslog-kafka"], ["rsyslogd"])
    return run([home / "bin" / "rsyslogd", "-v"]).split()[1]


class Rsyslog(Peer):
    """The version of Debian's unstable suite."""

    name = "rsyslog"
    does = frozenset({(FileSource, KafkaSink), (FileSource, FileSink), (ContainerSource, FileSink)})
    recipe: ClassVar[Recipe] = Recipe("peer-rsyslog", "sid", _install)

    def command(self, job: Job) -> Command:
        source, sink = job.source, job.sink
        assert isinstance(source, FileSource | ContainerSource)
        of_container = isinstance(source, ContainerSource)
        modules = ['module(load="omkafka")'] * isinstance(sink, KafkaSink)
        modules += ['module(load="mmjsonparse")'] * of_container
        name = source.name if isinstance(source, ContainerSource) else str(source.path)
        config = job.folder / "rsyslog.conf"
        config.write_text(
            CONFIG.format(
                folder=job.folder,
                module="\n".join(modules),
                line=(CONTAINER_LINE if of_container else LINE).format(name=_quoted(json.dumps(name))),
                parse='action(type="mmjsonparse" cookie="")' if of_container else "",
                path=source.log if isinstance(source, ContainerSource) else source.path,
                action=_to_kafka(sink) if isinstance(sink, KafkaSink) else _to_file(sink),
                end="" if isinstance(sink, KafkaSink) else r"\n",
            )
        )
        folder = self.home / "root" / "usr" / "lib" / debian.MULTIARCH / "rsyslog"
        pid = job.folder / "rsyslogd.pid"
        return Command(
            [str(self.home / "bin" / "rsyslogd"), "-n", "-f", str(config), "-i", str(pid), "-M", str(folder)]
        )


def _to_kafka(sink: KafkaSink) -> str:
    options = ",".join(f'"{name}={value}"' for name, value in PRODUCER.items())
    return (
        f'action(type="omkafka" broker=["{sink.bootstrap}"] topic="{sink.topic}" template="line" partitions.auto="on"'
        f' confParam=[{options}] topicConfParam=["acks=all"])'
    )


def _to_file(sink: FileSink) -> str:
    return f'action(type="omfile" file="{sink.path}" template="line" ioBufferSize="256k")'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
