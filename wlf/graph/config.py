"""YAML text to a tree of values that know their line and column. The only file that imports yaml.

Nodes are composed, never constructed: no tag can build an object, and every key and value keeps its mark. Scalars are
read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): `no` and `on` are texts, `12:30` is
no number, dates are texts.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml
from yaml.events import ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from wlf.errors import ConfigError
from wlf.graph.diagnostics import NOWHERE, Diagnostic, Findings, Place
from wlf.graph.spots import spot
from wlf.graph.substitute import SubstitutionError, substitute

MAX_BYTES = 1_048_576
MAX_DEPTH = 40
MAX_NODES = 20_000

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(slots=True)
class Item:
    """One value of the file: a scalar, a list of items, or a mapping of keys to items."""

    value: Scalar | list[Item] | dict[str, Item]
    line: int
    column: int
    text: str = ""
    """A scalar exactly as written (without quotes), `${...}` replaced."""
    shown: str = ""
    """A scalar as it may be shown: with `${...}` as written."""
    substituted: bool = False
    source: str = ""
    """A scalar with its quotes, as it stands in the file."""
    keys: dict[str, Place] = field(default_factory=dict)
    """A mapping's keys with their places."""

    @property
    def mapping(self) -> dict[str, Item] | None:
        """The entries of a mapping; None for all else."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def sequence(self) -> list[Item] | None:
        """The items of a list; None for all else."""
        return self.value if isinstance(self.value, list) else None

    def spot(self, index: int) -> Place:
        """Where a character of a scalar's text stands; where that cannot be told, the scalar itself."""
        if self.substituted or not self.source:
            return Place(self.line, self.column)
        return spot(self.source, self.text, index, Place(self.line, self.column))

    def at(self, path: str) -> Item:
        """The item below at a dotted path, as deep as it exists."""
        here = self
        steps = list(filter(None, re.split(r"[.\[\]]+", path)))
        while steps:
            below: Item | None = None
            taken = 1
            if isinstance(here.value, dict):
                # A key may hold points itself, such as `data.total`.
                taken = next((n for n in range(1, len(steps) + 1) if ".".join(steps[:n]) in here.value), 1)
                below = here.value.get(".".join(steps[:taken]))
            elif isinstance(here.value, list) and steps[0].isdecimal() and int(steps[0]) < len(here.value):
                below = here.value[int(steps[0])]
            if below is None:
                break
            here = below
            steps = steps[taken:]
        return here


class Document(NamedTuple):
    """A parsed file."""

    file: str
    """As the user named it: it stands in front of every diagnostic."""
    stem: str
    root: Item
    digest: str
    """sha256 of the file's bytes."""
    notes: tuple[Diagnostic, ...] = ()
    """What was found while the file was read."""


_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_scalar(text: str) -> Scalar:
    """What an unquoted text means in YAML 1.2: null, a boolean, a number, or itself."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        if _INT.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".n", "n"))
    except ValueError:  # Python refuses to read integers of more than 4300 digits; `.NaN` and `.NAN` end here too
        return text if _INT.fullmatch(text) else float("nan")
    return text


class _TooMuch(Exception):
    def __init__(self, what: str, mark: Any) -> None:
        super().__init__(what)
        self.what = what
        self.place = _place(mark)


class _Loader(yaml.SafeLoader):
    """Composes nodes within bounds."""

    # Without resolvers every plain scalar stays a text, which `read_scalar` then reads by YAML 1.2.
    yaml_implicit_resolvers = {}

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._count = 0

    def _ahead(self) -> Any:
        return self.peek_event()  # type: ignore[no-untyped-call]

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose one node; refuses too many and too deep ones before Python's own recursion limit does."""
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise _TooMuch(f"nested more than {MAX_DEPTH} levels deep", self._ahead().start_mark)
        if self._count > MAX_NODES:
            raise _TooMuch(f"more than {MAX_NODES} values", self._ahead().start_mark)
        event = self._ahead()
        node: Node | None = super().compose_node(parent, index)
        if isinstance(node, ScalarNode) and isinstance(event, ScalarEvent) and event.tag is not None:
            node.style = node.style or "!"  # `!!str 5` counts as quoted
        self._depth -= 1
        return node


def read(path: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> Document:
    """Read and parse a file.

    Raises:
        ConfigError: with every problem of the file's own text.
    """
    name = os.fspath(path)
    findings = Findings(name)
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        findings.add("E100", NOWHERE, "", (error.strerror or str(error)).lower())
        raise ConfigError(findings.sorted()) from error
    return parse(raw, name, env)


def parse(raw: bytes | str, file: str = "pipeline.yaml", env: Mapping[str, str] | None = None) -> Document:
    """Parse a text. `env` takes the place of the process's environment.

    Raises:
        ConfigError: as `read`.
    """
    findings = Findings(file)
    raw = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    node = _compose(raw, findings)
    root = _Builder(findings, os.environ if env is None else env).build(node) if node is not None else None
    if root is None or findings.errors:
        raise ConfigError(findings.sorted())
    return Document(file, Path(file).stem, root, hashlib.sha256(raw).hexdigest())


def _compose(raw: bytes, findings: Findings) -> Node | None:
    if len(raw) > MAX_BYTES:
        findings.add("E100", NOWHERE, "", f"expected at most {MAX_BYTES} bytes")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        findings.add("E100", Place(line, column), "", f"expected UTF-8, got the byte 0x{raw[error.start]:02x}")
        return None
    try:
        node: Node | None = _Loader(text).get_single_node()
    except _TooMuch as error:
        findings.add("E110", error.place, "", error.what)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        findings.add("E101", Place(line, column), "", f"not YAML: the character U+{ord(text[error.position]):04X}")
    except yaml.MarkedYAMLError as error:
        _note_syntax(error, text, findings)
    else:
        if node is None:
            findings.add("E101", Place(1, 1), "", "the file is empty", "a pipeline has collectors and dispatchers")
        return node
    return None


def _note_syntax(error: yaml.MarkedYAMLError, text: str, findings: Findings) -> None:
    place = _place(error.problem_mark or error.context_mark)
    if error.context == "expected a single document in the stream":
        findings.add("E111", place, "", "expected one YAML document, got a second one", "remove the line `---`")
        return
    lines = text.splitlines()
    message = f"not YAML: {error.problem or error.context}"
    hint = ""
    # The parser stops at the sign itself or, inside {...}, one line further on.
    for line in lines[max(0, place.line - 2) : place.line][::-1]:
        bare = _first_unquoted(line)
        if bare:
            hint = f'quote it: "{bare}"'
            break
    if not hint and any(line.lstrip(" ").startswith("\t") for line in lines[place.line - 1 : place.line]):
        hint = "indent with spaces, not tabs"
    if not hint and "<block end>" in message and "<block" in message.partition("found")[2]:
        hint = "indent it as the keys, or the list, that it belongs to"
    findings.add("E101", place, "", message, hint)


_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_BARE = re.compile(r"[^\s,\[\]{}:]*[$%]\{[^}]*\}[^\s,\[\]}]*|@[^\s,\[\]{}]+|`[^`]*`")


def _first_unquoted(line: str) -> str:
    """The first `${...}` or `%{...}` of a line that stands outside quotes."""
    found = _BARE.search(_QUOTED.sub("", line))
    return found.group() if found else ""


def _source(node: ScalarNode) -> str:
    """The characters of a scalar between its marks."""
    start, end = node.start_mark, node.end_mark
    return "" if start.buffer is None else start.buffer[start.pointer : end.pointer]


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else NOWHERE


class _Builder:
    """Yaml nodes to items: follows aliases and merge keys within bounds, and substitutes."""

    def __init__(self, findings: Findings, env: Mapping[str, str]) -> None:
        self._findings = findings
        self._env = env
        self._count = 0

    def build(self, node: Node) -> Item | None:
        """The whole tree; None where a bound was met."""
        try:
            return self._item(node, "", 0)
        except _TooMuch as error:
            self._findings.add("E110", error.place, "", error.what)
            return None

    def _item(self, node: Node, path: str, depth: int) -> Item:
        self._count += 1
        if self._count > MAX_NODES:
            raise _TooMuch(f"more than {MAX_NODES} values once the aliases are followed", node.start_mark)
        if depth > MAX_DEPTH:
            raise _TooMuch("an alias leads back into itself", node.start_mark)
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        place = _place(node.start_mark)
        if isinstance(node, SequenceNode):
            self._check_tag(node, path, "seq")
            items = [self._item(below, f"{path}[{i}]", depth + 1) for i, below in enumerate(node.value)]
            return Item(items, *place)
        assert isinstance(node, ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: str, depth: int) -> Item:
        self._check_tag(node, path, "map")
        item = Item({}, *_place(node.start_mark))
        entries: dict[str, Item] = {}
        merged: list[Item] = []
        for key, value in node.value:
            place = _place(key.start_mark)
            if not isinstance(key, ScalarNode):
                self._findings.add("E101", place, path, "expected a text as key, got a list or mapping")
                continue
            name: str = key.value
            below = f"{path}.{name}" if path else name
            if name == "<<" and key.style is None:
                merged += self._merge(value, path, depth)
            elif name in entries:
                first = item.keys[name].line
                self._findings.add("E109", place, below, f"the key is already there on line {first}")
            else:
                item.keys[name] = place
                entries[name] = self._item(value, below, depth + 1)
        for other in merged:
            for name, found in (other.mapping or {}).items():
                item.keys.setdefault(name, other.keys[name])
                entries.setdefault(name, found)
        item.value = entries
        return item

    def _merge(self, node: Node, path: str, depth: int) -> list[Item]:
        """The mappings of a `<<` key (https://yaml.org/type/merge.html); the first one that has a key wins."""
        item = self._item(node, path, depth + 1)
        found = item.sequence if item.sequence is not None else [item]
        if any(other.mapping is None for other in found):
            self._findings.add("E101", item, path, "expected a mapping, or a list of mappings, behind '<<'")
            return []
        return found

    def _scalar(self, node: ScalarNode, path: str) -> Item:
        place = _place(node.start_mark)
        text: str = node.value
        literal = node.style is not None and node.tag.endswith(":str")
        self._check_tag(node, path, "str", "int", "float", "bool", "null")
        try:
            final, substituted = substitute(text, self._env)
        except SubstitutionError as error:
            self._findings.add("E112", place, path, str(error), error.hint)
            final, substituted = text, True
        value = final if substituted or literal else read_scalar(final)
        return Item(value, *place, text=final, shown=text, substituted=substituted, source=_source(node))

    def _check_tag(self, node: Node, path: str, *known: str) -> None:
        tag: str = node.tag
        if tag.removeprefix("tag:yaml.org,2002:") not in known:
            self._findings.add("E101", _place(node.start_mark), path, f"unknown tag {tag}", "remove the tag")
