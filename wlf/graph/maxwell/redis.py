"""The Redis dispatcher of a Maxwell config."""

from __future__ import annotations

from wlf.graph.maxwell.catalogue import RENAMED
from wlf.graph.maxwell.names import template, template_of
from wlf.graph.maxwell.source import Source
from wlf.graph.maxwell.tree import Leaf, Tree

_TYPES = {"pubsub": "Pub", "xadd": "XADD", "lpush": "LPush", "rpush": "RPush"}


def redis_of(source: Source, *, ddl: bool) -> dict[str, Tree]:
    """Its options."""
    made: dict[str, Tree] = {"id": Leaf("redis"), "type": Leaf("Redis"), "format": Leaf("maxwell")}
    sentinels, master = source.take("redis_sentinels"), source.text("redis_sentinel_master_name")
    if sentinels is not None and master is not None:
        addresses = (address.strip() for address in sentinels.value.split(","))
        made["sentinels"] = [Leaf(address, sentinels.line) for address in addresses if address]
        made["sentinel_master"] = master
    elif sentinels is not None:
        source.wrong(sentinels, "expected redis_sentinel_master_name beside it")
    elif master is not None:
        named = source.take("redis_sentinel_master_name")
        assert named is not None, "it was just read"
        source.wrong(named, "expected redis_sentinels beside it")
    for key, option, found in (
        ("redis_host", "host", source.text("redis_host")),
        ("redis_port", "port", source.whole("redis_port")),
    ):
        entry = source.take(key)
        if entry is not None and "sentinels" in made:
            source.instead(entry, "the sentinels tell where the server is")
        elif found is not None:
            made[option] = found
    auth = source.text("redis_auth", secret="MAXWELL_REDIS_PASSWORD")
    if auth is not None:
        made["auth"] = auth
    database = source.whole("redis_database")
    if database is not None:
        made["database_number"] = database
    made["mode"] = _mode(source)
    if ddl and "%{/table}" in str(_name(made["mode"]).value):
        made["on_missing"] = Leaf("")  # statements about a whole database
    return made


def _name(mode: Tree) -> Leaf:
    assert isinstance(mode, dict)
    found = mode.get("channel") or mode["key"]
    assert isinstance(found, Leaf)
    return found


def _mode(source: Source) -> dict[str, Tree]:
    kind = source.choice("redis_type", _TYPES) or Leaf("Pub")
    made: dict[str, Tree] = {"type": kind, "channel" if kind.value == "Pub" else "key": _key(source)}
    field = source.take("redis_stream_json_key")
    if field is not None and kind.value == "XADD":
        made["field"] = Leaf(field.value.strip(), field.line)
    elif field is not None:
        source.instead(field, "it is used with redis_type=xadd")
    return made


def _key(source: Source) -> Leaf:
    """The channel or key; that of an old release where there is no other."""
    found = template(source, "redis_key", "maxwell")
    for key in ("redis_pub_channel", "redis_list_key", "redis_stream_key"):
        entry = source.take(key)
        if entry is None:
            continue
        if source.has("redis_key"):
            source.unknown(entry, f"Maxwell renamed it to {RENAMED[key]}, which counts")
        else:
            message = (
                f"Maxwell renamed it to {RENAMED[key]}, and no longer reads it; it is taken as {RENAMED[key]} here"
            )
            source.unknown(entry, message, f"write {RENAMED[key]}={entry.value}")
            found = template_of(source, entry)
    return found
