"""A whole Maxwell config to a pipeline: the nodes, their edges, and everything that is to be said about it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from wlf.errors import ConfigError
from wlf.graph.config import MAX_BYTES, Document
from wlf.graph.diagnostics import NOWHERE, Diagnostic, Findings, Place
from wlf.graph.maxwell.catalogue import PARTITIONING, RENAMED, name_the_rest
from wlf.graph.maxwell.collector import collector_of
from wlf.graph.maxwell.filters import filter_of
from wlf.graph.maxwell.kafka import KafkaSinks, kafka_of
from wlf.graph.maxwell.names import literal
from wlf.graph.maxwell.properties import Entry, PropertiesError, parse
from wlf.graph.maxwell.redis import redis_of
from wlf.graph.maxwell.source import Source
from wlf.graph.maxwell.tree import Leaf, Tree, to_item, to_yaml
from wlf.graph.settings import name_from_stem

_OURS = ("stdout", "file", "kafka", "redis")


class Converted(NamedTuple):
    """A Maxwell config as a pipeline."""

    file: str
    tree: Mapping[str, Tree]
    notes: tuple[Diagnostic, ...]
    """Warnings alone: what is not honoured, and what happens instead."""
    digest: str

    def document(self) -> Document:
        """As if a YAML file had been read."""
        return Document(self.file, Path(self.file).stem, to_item(self.tree), self.digest, self.notes)

    def yaml(self, *, with_secrets: bool = False) -> str:
        """The YAML file, with the notes on top of it."""
        lines = [f"# Made by `wlf convert` of {Path(self.file).name}. What is not honoured, and what happens instead:"]
        lines += [_comment(note) for note in self.notes]
        if not self.notes:
            lines = [f"# Made by `wlf convert` of {Path(self.file).name}."]
        return "\n".join((*lines, "", to_yaml(self.tree, with_secrets=with_secrets)))


def _comment(note: Diagnostic) -> str:
    text = f"{note.message} ({note.hint})" if note.hint else note.message
    return f"# line {note.line}: {note.path}: {' '.join(text.split())}"


def convert_file(path: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> Converted:
    """Read and convert a file.

    Raises:
        ConfigError: with everything that keeps it from being run, and all notes.
    """
    name = os.fspath(path)
    findings = Findings(name)
    if Path(path).suffix in (".yaml", ".yml"):
        hint = "`wlf check` and `wlf run` take YAML as it is"
        findings.add("E100", NOWHERE, "", "expected a config.properties of Maxwell, got YAML", hint=hint)
        raise ConfigError(findings.sorted())
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        findings.add("E100", NOWHERE, "", (error.strerror or str(error)).lower())
        raise ConfigError(findings.sorted()) from error
    return convert(raw, name, os.environ if env is None else env)


def convert(raw: bytes, file: str = "maxwell.properties", env: Mapping[str, str] | None = None) -> Converted:
    """Convert a text. Raises ConfigError, as `convert_file`."""
    findings = Findings(file)
    source = Source(_entries(raw, findings), findings)
    source.read_environment(env or {})
    tree = _pipeline(source)
    if findings.errors:
        raise ConfigError(findings.sorted())
    return Converted(file, tree, findings.sorted(), hashlib.sha256(raw).hexdigest())


def _entries(raw: bytes, findings: Findings) -> list[Entry]:
    try:
        if len(raw) > MAX_BYTES:
            raise PropertiesError(0, f"expected at most {MAX_BYTES} bytes")
        return parse(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        findings.add("E100", Place(line, 1), "", f"expected UTF-8, got the byte 0x{raw[error.start]:02x}")
    except PropertiesError as error:
        findings.add("E113", Place(error.line, 1) if error.line else NOWHERE, "", str(error))
    raise ConfigError(findings.sorted())


def _pipeline(source: Source) -> dict[str, Tree]:
    _refuse_what_would_leak(source)
    _follow_renames(source)
    producer = _producer(source)
    ddl = source.truth("output_ddl") is True
    sinks = _sinks(source, producer, ddl=ddl)
    settled = _settings(source)
    rules = filter_of(source)
    collector = collector_of(source, "filter", thread_id=sinks.by_thread)
    _read_error_rule(source, sinks)
    name_the_rest(source, producer)
    first = "split" if sinks.ddl is not None else str(_id(sinks.rows))
    transformers: list[Tree] = [
        {"id": Leaf("filter"), "type": Leaf("BinlogFilter"), "destination": Leaf(first), "filter": rules}
    ]
    if sinks.ddl is not None:
        transformers += _split(sinks)
    dispatchers: list[Tree] = [sink for sink in (sinks.rows, sinks.ddl, sinks.dead_letters) if sink is not None]
    return {**settled, "collectors": [collector], "transformers": transformers, "dispatchers": dispatchers}


def _refuse_what_would_leak(source: Source) -> None:
    """What was held back or encrypted must not go out in the open because the tool changed."""
    encrypt = source.take("encrypt")
    if encrypt is not None and encrypt.value.strip().lower() != "none":
        hint = "columns: {mask, hash, exclude} of the collector hide values; remove the key to go on without"
        source.wrong(encrypt, "wlf does not encrypt messages: they would go out in the open", hint)
    script = source.take("javascript")
    if script is not None:
        hint = "a filter, or a transformer in Python, can do the same; remove the key to go on without"
        source.wrong(
            script, "wlf runs no JavaScript: what the script holds back or changes would go out as it is", hint
        )


def _follow_renames(source: Source) -> None:
    for old, new in RENAMED.items():
        if new not in PARTITIONING:
            continue
        entry = source.take(old)
        if entry is not None:
            source.unknown(entry, f"Maxwell renamed it to {new}, and no longer reads it", f"write {new}={entry.value}")


def _producer(source: Source) -> str:
    entry = source.take("producer")
    if entry is None:
        factory = source.take("custom_producer.factory")
        if factory is not None:
            source.wrong(factory, "wlf runs no Java", "a dispatcher in Python can do the same")
        return "stdout"
    name = entry.value.strip().lower()
    if name not in _OURS:
        hint = "wlf has the dispatchers Elasticsearch, File, Kafka, Redis and Stdout"
        source.wrong(entry, f"expected {', '.join(_OURS[:-1])} or {_OURS[-1]}, got {entry.value!r}", hint)
    return name


def _sinks(source: Source, producer: str, *, ddl: bool) -> KafkaSinks:
    if producer == "kafka":
        return kafka_of(source, ddl=ddl)
    if producer == "redis":
        return KafkaSinks(redis_of(source, ddl=ddl), None, None, False)
    made: dict[str, Tree] = {"id": Leaf("stdout"), "type": Leaf("Stdout"), "format": Leaf("maxwell")}
    if producer == "file":
        made |= {"id": Leaf("file"), "type": Leaf("File")}
        entry = source.take("output_file")
        if entry is None:
            named = source.take("producer")
            assert named is not None, "it says `file`"
            source.wrong(named, "expected output_file beside producer=file")
        else:
            made["path"] = literal(source, entry)
    return KafkaSinks(made, None, None, False)


def _settings(source: Source) -> dict[str, Tree]:
    """The name, and the HTTP endpoint."""
    made: dict[str, Tree] = {}
    schema, client = source.text("schema_database"), source.text("client_id")
    names = [leaf for leaf in (schema, client) if leaf is not None and leaf.value != "maxwell"]
    if names:
        made["name"] = Leaf(name_from_stem("-".join(str(leaf.value) for leaf in names)), names[-1].line)
    kinds = source.take("metrics_type")
    wanted = {kind.strip().lower() for kind in kinds.value.split(",")} if kinds is not None else set()
    address, port = source.take("http_bind_address"), source.whole("http_port")
    if "http" in wanted and kinds is not None:
        host = address.value.strip() if address is not None else "0.0.0.0"
        shown = f"[{host}]" if ":" in host else host
        made["http"] = Leaf(f"{shown}:{port.value if port is not None else 8080}", kinds.line)
    else:
        for key in ("http_bind_address", "http_port"):
            entry = source.take(key)
            if entry is not None:
                source.instead(entry, "without metrics_type=http there is no endpoint")
    others = sorted(wanted - {"http"})
    if others and kinds is not None:
        source.instead(
            kinds, f"metrics are read from `http` as /metrics, in Prometheus' form, not by {', '.join(others)}"
        )
    return made


def _read_error_rule(source: Source, sinks: KafkaSinks) -> None:
    """What becomes of an event that the sink refuses. What fails for now is never given up."""
    ignore = source.truth("ignore_producer_error")
    if ignore and sinks.dead_letters is None:
        sinks.rows["on_error"] = Leaf("drop", source.line("ignore_producer_error"))
    timeout = source.whole("producer_ack_timeout")
    if timeout is not None and timeout.value:
        sinks.rows["timeout_ms"] = timeout


def _split(sinks: KafkaSinks) -> list[Tree]:
    """Rows one way, DDL the other."""
    assert sinks.ddl is not None
    made: list[Tree] = [
        {
            "id": Leaf("split"),
            "type": Leaf("EventReplicator"),
            "destinations": [Leaf("rows"), Leaf("ddl")],
        }
    ]
    for only, sink in (("rows", sinks.rows), ("ddl", sinks.ddl)):
        made.append(
            {"id": Leaf(only), "type": Leaf("BinlogFilter"), "destination": Leaf(_id(sink)), "only": Leaf(only)}
        )
    return made


def _id(sink: Mapping[str, Tree]) -> str:
    leaf = sink["id"]
    assert isinstance(leaf, Leaf)
    return str(leaf.value)
