"""The Binlog collector of a Maxwell config: the server, where to start, and which fields the events have."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from wlf.graph.maxwell.properties import Entry
from wlf.graph.maxwell.source import Source
from wlf.graph.maxwell.tree import Leaf, Tree

_SSL = {
    "disabled": "disabled",
    "preferred": "preferred",
    "required": "required",
    "verify_ca": "verify_ca",
    "verify_identity": "verify_identity",
}
_SWITCHES = {
    "output_binlog_position": "position",
    "output_row_query": "query",
    "output_gtid_position": "gtid",
    "output_server_id": "server_id",
    "output_thread_id": "thread_id",
    "output_push_timestamp": "push_ts",
    "output_primary_keys": "primary_key",
    "output_primary_key_columns": "primary_key_columns",
}
_OTHERWISE = {
    "output_commit_info": (False, "`xid`, `xoffset` and `commit` are always there"),
    "output_xoffset": (False, "`xoffset` is always there, on all rows of a transaction but the last"),
}
"""Switches of Maxwell that cannot be turned off (False) or on (True) here."""

_POSITION = re.compile(r"([^:]+):([0-9]+)(?::[0-9]+)?")
_GLOB_SIGN = re.compile(r"[*?\[]")
_JDBC_NEEDLESS = {"zeroDateTimeBehavior", "allowPublicKeyRetrieval", "useSSL", "characterEncoding", "useUnicode"}


def collector_of(source: Source, destination: str, *, thread_id: bool) -> dict[str, Tree]:
    """Its options. `thread_id`: the partition is computed from it, so the events must bring it."""
    made: dict[str, Tree] = {"id": Leaf("binlog"), "type": Leaf("Binlog"), "destination": Leaf(destination)}
    role = _role(source)
    made["host"] = source.text(f"{role}host") or Leaf("localhost")
    given = {
        "port": source.whole(f"{role}port"),
        "user": source.text(f"{role}user"),
        "password": source.text(f"{role}password", secret="MAXWELL_PASSWORD"),
    }
    made |= {option: leaf for option, leaf in given.items() if leaf is not None}
    mode = source.choice(f"{role}ssl", _SSL)
    if mode is not None:
        made["tls"] = {"mode": mode}
    _read_jdbc(source, role, made)
    server_id = source.whole("replica_server_id")
    if server_id is not None:
        made["server_id"] = server_id
    made["start"] = _start(source)
    made["large"] = Leaf("spill")
    if source.truth("ignore_missing_schema"):
        made["on_schema_mismatch"] = Leaf("drop", source.line("ignore_missing_schema"))
    if source.truth("output_ddl"):
        made["ddl"] = Leaf(True, source.line("output_ddl"))
    output = _output(source, thread_id=thread_id)
    if output:
        made["output"] = output
    columns = _columns(source)
    if columns:
        made["columns"] = columns
    return made


def _role(source: Source) -> str:
    """The beginning of the keys that name the server to replicate from."""
    if source.has("replication_host"):
        for key in ("host", "port", "user", "password", "ssl", "jdbc_options"):
            entry = source.take(key)
            if entry is not None:
                source.instead(entry, "wlf keeps its cursors in files: only replication_host is read from")
        return "replication_"
    for key in ("port", "user", "password", "ssl", "jdbc_options"):
        entry = source.take(f"replication_{key}")
        if entry is not None:
            source.instead(entry, f"without replication_host it is `{key}` that counts")
    return ""


def _start(source: Source) -> Tree:
    entry = source.take("init_position")
    if entry is None:
        return Leaf("latest")
    found = _POSITION.fullmatch(entry.value.strip())
    if found is None:
        source.wrong(entry, f"expected FILE:POSITION, such as binlog.000042:1337, got {entry.value!r}")
        return Leaf("latest")
    return {"file": Leaf(found.group(1), entry.line), "position": Leaf(int(found.group(2)), entry.line)}


def _read_jdbc(source: Source, role: str, made: dict[str, Tree]) -> None:
    """The JDBC options that are more than a setting of that driver."""
    entry = source.take(f"{role}jdbc_options")
    if entry is None:
        return
    unused = []
    for name, value in parse_qsl(entry.value.strip().lstrip("?"), keep_blank_values=True):
        if name == "connectTimeout" and value.isdecimal() and int(value):
            made["connect_timeout_ms"] = Leaf(int(value), entry.line)
        elif name == "sslMode" and "tls" not in made and value.lower() in _SSL:
            made["tls"] = {"mode": Leaf(value.lower(), entry.line)}
        elif name not in _JDBC_NEEDLESS:
            unused.append(name)
    if unused:
        source.instead(entry, f"there is no JDBC here: {', '.join(unused)} does nothing")


def _output(source: Source, *, thread_id: bool) -> dict[str, Tree]:
    made: dict[str, Tree] = {
        option: Leaf(True, source.line(key)) for key, option in _SWITCHES.items() if source.truth(key)
    }
    if thread_id:
        made.setdefault("thread_id", Leaf(True))
    for key, (refused, instead) in _OTHERWISE.items():
        if source.truth(key) is refused:
            source.instead(_entry(source, key), instead)
    naming = source.take("output_naming_strategy")
    if naming is not None and naming.value.strip().lower() != "none":
        source.wrong(naming, "wlf does not rename columns: consumers would find none of them", "remove the key")
    return made


def _columns(source: Source) -> dict[str, Tree]:
    made: dict[str, Tree] = {}
    excluded = _excluded(source)
    if excluded:
        made["exclude"] = excluded
    if source.truth("output_nulls") is False:
        made["nulls"] = Leaf(False, source.line("output_nulls"))
    if source.truth("output_null_zerodates"):
        made["zero_dates"] = Leaf("null", source.line("output_null_zerodates"))
    return made


def _entry(source: Source, key: str) -> Entry:
    found = source.take(key)
    assert found is not None, "its value was just read"
    return found


def _excluded(source: Source) -> list[Tree]:
    """The columns to leave out, as globs. A regular expression has none: what it hides must not get out."""
    entry = source.take("exclude_columns")
    if entry is None:
        return []
    globs: list[Tree] = []
    for name in filter(None, (part.strip() for part in entry.value.split(","))):
        if name.startswith("/"):
            hint = "name the columns, or write globs in the YAML that `wlf convert` makes: columns: {exclude: [...]}"
            source.wrong(entry, "expected names of columns, got a regular expression", hint)
            return []
        globs.append(Leaf("*.*." + _GLOB_SIGN.sub(r"[\g<0>]", name), entry.line))
    return globs
