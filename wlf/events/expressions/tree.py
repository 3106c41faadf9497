"""The nodes of a read expression: what is not here is not of the language. `at` is a node's place in the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias


class Const(NamedTuple):
    """A text, number, true, false or null."""

    value: str | int | float | bool | None
    at: int


class Field(NamedTuple):
    """A field of the event."""

    name: str
    at: int


class Step(NamedTuple):
    """What lies below: `base.key`, `base["key"]`, `base[0]`; `key_at` is the place of the key."""

    base: Tree
    key: str | int
    at: int
    key_at: int


class Call(NamedTuple):
    """A function of the table in functions.py."""

    name: str
    args: tuple[Tree, ...]
    at: int


class Compare(NamedTuple):
    """`operator` is one of == != < <= > >= in, or `not in`."""

    operator: str
    left: Tree
    right: Tree
    at: int


class Both(NamedTuple):
    """`and` or `or` of two or more."""

    operator: str
    items: tuple[Tree, ...]
    at: int


class Not(NamedTuple):
    """The opposite."""

    item: Tree
    at: int


class Arithmetic(NamedTuple):
    """`operator` is one of + - * / // %."""

    operator: str
    left: Tree
    right: Tree
    at: int


class Negative(NamedTuple):
    """`-item`."""

    item: Tree
    at: int


class Choice(NamedTuple):
    """`then if condition else otherwise`."""

    condition: Tree
    then: Tree
    otherwise: Tree
    at: int


class ListOf(NamedTuple):
    """`[a, b]`, `(a, b)`."""

    items: tuple[Tree, ...]
    at: int


class Joined(NamedTuple):
    """`f"{a}.{b}"`."""

    parts: tuple[Tree, ...]
    at: int


Tree: TypeAlias = Const | Field | Step | Call | Compare | Both | Not | Arithmetic | Negative | Choice | ListOf | Joined


def below(tree: Tree) -> tuple[Tree, ...]:
    """The nodes directly below."""
    match tree:
        case Const() | Field():
            return ()
        case Step():
            return (tree.base,)
        case Call():
            return tree.args
        case Compare() | Arithmetic():
            return (tree.left, tree.right)
        case Both() | ListOf():
            return tree.items
        case Not() | Negative():
            return (tree.item,)
        case Choice():
            return (tree.condition, tree.then, tree.otherwise)
        case Joined():
            return tree.parts


def walk(tree: Tree) -> Iterator[Tree]:
    """The node and all below it."""
    yield tree
    for node in below(tree):
        yield from walk(node)
