"""wlf itself: `wlf run` with the interpreter of the suite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.contender import (
    BinlogSource,
    ContainerSource,
    Contender,
    FileSink,
    FileSource,
    Job,
    KafkaSink,
    RedisSink,
    SearchSink,
    SeveralSinks,
    Sink,
    Source,
)
from wlf import __version__

ROOT = Path(__file__).parents[2]
_MODES = {"PUBLISH": "Pub", "LPUSH": "LPush", "RPUSH": "RPush", "XADD": "XADD"}


class Wlf(Contender):
    """All defaults; only where to read and where to write is given."""

    name = "wlf"
    does = frozenset(
        (source, sink)
        for source in (BinlogSource, FileSource, ContainerSource)
        for sink in (KafkaSink, FileSink, RedisSink, SearchSink, SeveralSinks)
    )

    def install(self) -> None:
        """It runs from the sources."""

    def version(self) -> str:
        return __version__

    def start(self, job: Job) -> subprocess.Popen[bytes]:
        config = job.folder / "wlf.yaml"
        config.write_text(json.dumps(self.pipeline(job.source, job.sink), indent=1))  # JSON is YAML
        # The kernel ends it when the suite is killed.
        argv = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "wlf", "run", str(config)]
        argv += ["--state-dir", str(job.folder / "state")]
        # As an installed program has it: the sources are compiled once, not at every start.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with (job.folder / "wlf.log").open("wb") as output:
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT, env=env, process_group=0
            )

    def pipeline(self, source: Source, sink: Sink) -> dict[str, Any]:
        """The configuration of a job."""
        return pipeline(source, sink)


class WlfByApi(Wlf):
    """The same, but a container's lines are asked for of the Engine."""

    name = "wlf, Engine API"
    does = frozenset(((ContainerSource, FileSink),))

    def pipeline(self, source: Source, sink: Sink) -> dict[str, Any]:
        """The configuration of a job."""
        made = pipeline(source, sink)
        made["collectors"][0]["source"] = "api"
        return made


def pipeline(source: Source, sink: Sink) -> dict[str, Any]:
    """The configuration of a job; of a container the file that its lines lie in is read, as the peers do."""
    sinks = sink.sinks if isinstance(sink, SeveralSinks) else (sink,)
    dispatchers = [{"id": f"out{number}", **_dispatcher(each)} for number, each in enumerate(sinks, start=1)]
    ids = [each["id"] for each in dispatchers]
    collector = {"id": "in", "destination": ids[0] if len(ids) == 1 else "all", **_collector(source)}
    fan_out = [] if len(ids) == 1 else [{"id": "all", "type": "EventReplicator", "destinations": ids}]
    return {"collectors": [collector], "transformers": fan_out, "dispatchers": dispatchers}


def _collector(source: Source) -> dict[str, Any]:
    if isinstance(source, FileSource):
        return {"type": "File", "include": [str(source.path)]}
    if isinstance(source, ContainerSource):
        root = str(source.log.parents[2])
        chosen = {"names": [source.name]}
        return {"type": "Docker", "address": source.address, "include": chosen, "source": "files", "data_root": root}
    return {
        "type": "Binlog",
        "host": source.host,
        "port": source.port,
        "user": source.user,
        "password": source.password,
        "start": {"file": source.file, "position": source.position},
    }


def _dispatcher(sink: KafkaSink | FileSink | RedisSink | SearchSink) -> dict[str, Any]:
    match sink:
        case KafkaSink():
            return {"type": "Kafka", "topic": sink.topic, "bootstrap_brokers": [sink.bootstrap]}
        case FileSink():
            return {"type": "File", "path": str(sink.path)}
        case RedisSink():
            where = "channel" if sink.mode == "PUBLISH" else "key"
            mode = {"type": _MODES[sink.mode], where: sink.key}
            return {"type": "Redis", "host": sink.host, "port": sink.port, "mode": mode}
        case SearchSink():
            return {"type": "Elasticsearch", "url": sink.url, "index": sink.index, "mode": sink.mode}
