"""The keys of one Maxwell config while it is converted: each is taken once, as the type it has, or named in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from wlf.graph.diagnostics import NOWHERE, Findings, Place
from wlf.graph.maxwell.properties import Entry
from wlf.graph.maxwell.tree import Leaf


class Source:
    """Hands out the values; notes what is wrong and what happens instead."""

    def __init__(self, entries: Iterable[Entry], findings: Findings) -> None:
        self._findings = findings
        self._entries: dict[str, Entry] = {}
        self._taken: set[str] = set()
        for entry in entries:
            first = self._entries.get(entry.key)
            if first is not None and first.line and entry.line:
                self.instead(entry, f"the key is already there on line {first.line}: the last one counts")
            self._entries[entry.key] = entry

    def read_environment(self, env: Mapping[str, str]) -> None:
        """Take in what `env_config` and `env_config_prefix` point to; the environment goes before the file."""
        named, prefix = self.take("env_config"), self.take("env_config_prefix")
        if named is not None:
            for key, value in _json_of(named, env, self).items():
                self._entries[key] = Entry(key, value, named.line)
        if prefix is not None:
            start = prefix.value.lower()
            for name, value in env.items():
                if start and name.lower().startswith(start):
                    key = name.lower().removeprefix(start)
                    self._entries[key] = Entry(key, value, prefix.line)

    def has(self, key: str) -> bool:
        """Is the key there, with a value?"""
        return key in self._entries and self._entries[key].value != ""

    def take(self, key: str) -> Entry | None:
        """The entry; None where the key is not there or has no value."""
        self._taken.add(key)
        entry = self._entries.get(key)
        return entry if entry is not None and entry.value != "" else None

    def text(self, key: str, *, secret: str = "") -> Leaf | None:
        """A text, without blanks around it (of secrets they may be a part)."""
        entry = self.take(key)
        if entry is None:
            return None
        return Leaf(entry.value if secret else entry.value.strip(), entry.line, secret)

    def whole(self, key: str) -> Leaf | None:
        """A whole number."""
        entry = self.take(key)
        if entry is None:
            return None
        try:
            return Leaf(int(entry.value.strip()), entry.line)
        except ValueError:
            self.wrong(entry, f"expected a whole number, got {entry.value!r}")
            return None

    def truth(self, key: str) -> bool | None:
        """`true` or `false`, and nothing else, as Maxwell has it."""
        entry = self.take(key)
        if entry is None:
            return None
        word = entry.value.strip().lower()
        if word not in ("true", "false"):
            self.wrong(entry, f"expected true or false, got {entry.value!r}")
            return None
        return word == "true"

    def choice(self, key: str, choices: Mapping[str, str]) -> Leaf | None:
        """One of some words, as what wlf calls it."""
        entry = self.take(key)
        if entry is None:
            return None
        found = choices.get(entry.value.strip().lower())
        if found is None:
            self.wrong(entry, f"expected one of {', '.join(choices)}, got {entry.value!r}")
            return None
        return Leaf(found, entry.line)

    def line(self, key: str) -> int:
        """Where a key stands; 0 where it does not."""
        return self._entries[key].line if key in self._entries else 0

    def rest(self) -> list[Entry]:
        """The entries that nobody took, in the order of the file; those without a value count as such."""
        left = (entry for entry in self._entries.values() if entry.key not in self._taken or entry.value == "")
        return sorted(left, key=lambda entry: entry.line)

    def wrong(self, entry: Entry, message: str, hint: str = "") -> None:
        """This cannot be converted: nothing runs."""
        self._findings.add("E113", _place(entry), entry.key, message, hint)

    def instead(self, entry: Entry, message: str, hint: str = "") -> None:
        """The key is not honoured; say what happens instead."""
        self._findings.add("W205", _place(entry), entry.key, message, hint)

    def unknown(self, entry: Entry, message: str, hint: str = "") -> None:
        """Maxwell has no such key, or no longer."""
        self._findings.add("W204", _place(entry), entry.key, message, hint)


def _place(entry: Entry) -> Place:
    return Place(entry.line, 1) if entry.line else NOWHERE


def _json_of(named: Entry, env: Mapping[str, str], source: Source) -> dict[str, str]:
    """The options of a variable that holds them as one JSON object."""
    name = named.value.strip()
    if name not in env:
        source.wrong(named, f"the environment variable {name} is not set")
        return {}
    try:
        found = msgspec.json.decode(env[name], type=dict[str, str | int | float | bool])
    except msgspec.MsgspecError:
        source.wrong(named, f"expected a JSON object of texts in the environment variable {name}")
        return {}
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in found.items()}
