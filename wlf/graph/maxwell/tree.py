"""The converted config: a tree of options that remembers the lines they come from; as items of a file, and as YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from wlf.graph.config import Item, Scalar, read_scalar
from wlf.graph.diagnostics import Place

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+-]*")


class Leaf(NamedTuple):
    """One option's value."""

    value: Scalar
    line: int = 0
    """Of the key it comes from; 0: it is wlf's own choice."""
    secret: str = ""
    """The environment variable that stands for it in YAML that others may see."""


Tree: TypeAlias = "Leaf | Mapping[str, Tree] | Sequence[Tree]"


def to_item(tree: Tree, line: int = 1) -> Item:
    """As if it had been read from a file: every value stands in the line of its key."""
    line = _line_of(tree) or line
    if isinstance(tree, Leaf):
        text = "" if tree.value is None else _text(tree.value)
        hidden = bool(tree.secret)
        return Item(tree.value, line, 1, text=text, shown="***" if hidden else text, substituted=hidden)
    if isinstance(tree, Mapping):
        below = {key: to_item(value, line) for key, value in tree.items()}
        return Item(below, line, 1, keys={key: Place(item.line, 1) for key, item in below.items()})
    return Item([to_item(value, line) for value in tree], line, 1)


def _line_of(tree: Tree) -> int:
    """The first line that anything below comes from; 0 where nothing does."""
    if isinstance(tree, Leaf):
        return tree.line
    lines = [_line_of(below) for below in (tree.values() if isinstance(tree, Mapping) else tree)]
    return min(filter(None, lines), default=0)


def to_yaml(tree: Mapping[str, Tree], *, with_secrets: bool = False) -> str:
    """The text of a config that means the same. Secrets are named as `${NAME}` unless they are asked for."""
    return "".join(f"{line}\n" for line in _block(tree, with_secrets))


def _block(tree: Tree, with_secrets: bool) -> Iterator[str]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _entry(f"{key}:", value, with_secrets)
    elif not isinstance(tree, Leaf):
        for value in tree:
            first, *others = _block(value, with_secrets)
            yield f"- {first}"
            yield from (f"  {line}" for line in others)


def _entry(head: str, value: Tree, with_secrets: bool) -> Iterator[str]:
    if isinstance(value, Leaf):
        yield f"{head} {_scalar(value, with_secrets)}"
    elif isinstance(value, Mapping) or not all(isinstance(below, Leaf) for below in value):
        yield head
        yield from (f"  {line}" for line in _block(value, with_secrets))
    else:
        leaves = (_scalar(below, with_secrets) for below in value if isinstance(below, Leaf))
        yield f"{head} [{', '.join(leaves)}]"


def _scalar(leaf: Leaf, with_secrets: bool) -> str:
    if leaf.secret and not with_secrets:
        return f'"${{{leaf.secret}}}"'
    if not isinstance(leaf.value, str):
        return "null" if leaf.value is None else _text(leaf.value)
    text = leaf.value.replace("${", "$${")
    return text if _PLAIN.fullmatch(text) and isinstance(read_scalar(text), str) else _quoted(text)


def _quoted(text: str) -> str:
    """A double-quoted scalar: https://yaml.org/spec/1.2.2/#731-double-quoted-style."""
    signs = (f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(signs)}"'


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
