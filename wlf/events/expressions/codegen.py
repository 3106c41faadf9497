"""From checked trees to Python: the source holds operators and numbered names only, never a text of the user.

Constants, functions and everything else that the user wrote are objects in the function's globals. The attributes that
are read (`e.database`) are those of the event classes.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import Any, assert_never

from msgspec import UNSET

from wlf.events.base import Event, Kinds, known_types
from wlf.events.expressions.check import Checker
from wlf.events.expressions.functions import FUNCTIONS
from wlf.events.expressions.kinds import BOOL, NUMBER, TEXT, Type, fields_of
from wlf.events.expressions.tree import (
    Arithmetic,
    Both,
    Call,
    Choice,
    Compare,
    Const,
    Field,
    Joined,
    ListOf,
    Negative,
    Not,
    Step,
    Tree,
)
from wlf.events.expressions.values import (
    NUMBERS,
    OPERATORS,
    ORDERINGS,
    FieldReaders,
    Steps,
    equal,
    is_in,
    joined,
    negative,
)

_FEW = 8
"""Constants that are compared one after the other; more are looked up in a set."""
_HASHED = frozenset(("text", "number", "bool", "null"))


class Writer:
    """Writes the source of expressions about one event `e`, and keeps what it refers to in `scope`."""

    def __init__(self, kinds: Kinds, clock: Callable[[], float] = time) -> None:
        self.scope: dict[str, Any] = {"U": UNSET, "N": NUMBERS, "str": str, "len": len, "type": type, "now": clock}
        self.scope |= {"isinstance": isinstance, "getattr": getattr, "None": None}
        self._checker = Checker(kinds)
        self._kinds = kinds
        self._names = 0

    def constant(self, value: Any) -> str:
        """A name for an object."""
        self._names += 1
        name = f"k{self._names}"
        self.scope[name] = value
        return name

    def _fresh(self) -> str:
        self._names += 1
        return f"t{self._names}"

    def type_of(self, tree: Tree) -> Type:
        """What it may be."""
        return self._checker.type_of(tree)

    def condition(self, tree: Tree) -> str:
        """Source of whether it is true: true itself, or 1 as MySQL has it."""
        if self.type_of(tree).kinds == BOOL.kinds:
            return self.value(tree)
        return f"({self.raw(tree)} == True)"

    def raw(self, tree: Tree) -> str:
        """Source of its value, or UNSET where there is none."""
        if isinstance(tree, Field):
            return self._field(tree)
        if isinstance(tree, Step):
            base, steps = self._fresh(), self.constant(Steps(tree.key))
            return f"{steps}[type({base} := {self.raw(tree.base)})]({base})"
        return self.value(tree)

    def value(self, tree: Tree) -> str:
        """Source of its value, None where there is none."""
        match tree:
            case Field() | Step():
                if isinstance(tree, Field) and self._is_everywhere(tree):
                    return self._field(tree)
                name = self._fresh()
                return f"(None if ({name} := {self.raw(tree)}) is U else {name})"
            case Const():
                return "None" if tree.value is None else self.constant(tree.value)
            case Call():
                return self._call(tree)
            case Compare():
                return self._compare(tree)
            case Both():
                return f"({f' {tree.operator} '.join(self.condition(item) for item in tree.items)})"
            case Not():
                return f"(not {self.condition(tree.item)})"
            case Arithmetic():
                calculate = self.constant(OPERATORS[tree.operator])
                return f"{calculate}({self.value(tree.left)}, {self.value(tree.right)})"
            case Negative():
                return f"{self.constant(negative)}({self.value(tree.item)})"
            case Choice():
                return (
                    f"({self.value(tree.then)} if {self.condition(tree.condition)} else {self.value(tree.otherwise)})"
                )
            case ListOf():
                return f"[{', '.join(map(self.value, tree.items))}]"
            case Joined():
                parts = "".join(f"{self.value(part)}, " for part in tree.parts)
                return f"{self.constant(joined)}(({parts}))"
            case _:
                assert_never(tree)

    def _attributes(self, name: str) -> set[str | None]:
        """The attributes behind a field in the arriving types; None among them where one lacks it."""
        if not self._kinds or Event in self._kinds:
            return {None}
        found = (fields_of(kind).get(name) for kind in known_types(self._kinds))
        return {None if each is None else each[0] for each in found}

    def _is_everywhere(self, tree: Field) -> bool:
        return None not in self._attributes(tree.name) and "null" not in self.type_of(tree).kinds

    def _field(self, tree: Field) -> str:
        attributes = self._attributes(tree.name)
        only = next(iter(attributes)) if len(attributes) == 1 else None
        if only is not None and only.isidentifier() and not keyword.iskeyword(only):
            return f"e.{only}"
        return f"{self.constant(FieldReaders(tree.name))}[type(e)](e)"

    def _call(self, tree: Call) -> str:
        function = FUNCTIONS[tree.name]
        if tree.name == "now":
            return "now()"
        if tree.name == "exists":
            return f"({self.raw(tree.args[0])} is not U)"
        if tree.name == "is_null":
            return f"({self.value(tree.args[0])} is None)"
        arguments = []
        fits = True
        for index, argument in enumerate(tree.args):
            param = function.param(index)
            if param.prepare is not None:
                assert isinstance(argument, Const)
                arguments.append(self.constant(param.prepare(argument.value)))
            else:
                fits = fits and self.type_of(argument).kinds <= param.kinds
                arguments.append(self.value(argument))
        if fits and function.inline:
            return function.inline.format(*arguments)
        return f"{self.constant(function.run)}({', '.join(arguments)})"

    def _compare(self, tree: Compare) -> str:
        if tree.operator in ("==", "!="):
            return self._equal(tree)
        if tree.operator in ("in", "not in"):
            return self._in(tree)
        return self._order(tree)

    def _equal(self, tree: Compare) -> str:
        left, right = tree.left, tree.right
        if isinstance(left, Const):
            left, right = right, left
        if isinstance(right, Const):
            if right.value is None:
                sign = "is" if tree.operator == "==" else "is not"
                return f"({self.value(left)} {sign} None)"
            return f"({self.raw(left)} {tree.operator} {self.constant(right.value)})"
        if self.type_of(left).kinds <= _HASHED and self.type_of(right).kinds <= _HASHED:
            return f"({self.value(left)} {tree.operator} {self.value(right)})"
        call = f"{self.constant(equal)}({self.value(tree.left)}, {self.value(tree.right)})"
        return call if tree.operator == "==" else f"(not {call})"

    def _order(self, tree: Compare) -> str:
        left, right = self.type_of(tree.left), self.type_of(tree.right)
        if any(left.kinds == right.kinds == plain.kinds for plain in (NUMBER, TEXT)):
            return f"({self.value(tree.left)} {tree.operator} {self.value(tree.right)})"
        for side, other, shape in ((tree.left, tree.right, "{0} {1} {2}"), (tree.right, tree.left, "{2} {1} {0}")):
            if isinstance(other, Const) and isinstance(other.value, str | int | float):
                name, constant = self._fresh(), self.constant(other.value)
                is_text = isinstance(other.value, str)
                test = (
                    f"isinstance({name} := {self.raw(side)}, str)"
                    if is_text
                    else f"N[type({name} := {self.raw(side)})]"
                )
                return f"({test} and {shape.format(name, tree.operator, constant)})"
        return f"{self.constant(ORDERINGS[tree.operator])}({self.value(tree.left)}, {self.value(tree.right)})"

    def _in(self, tree: Compare) -> str:
        constants = [item.value for item in _items(tree.right) if isinstance(item, Const)]
        if isinstance(tree.right, ListOf) and len(constants) == len(tree.right.items):
            hashed = len(constants) > _FEW and self.type_of(tree.left).kinds <= _HASHED
            chosen = frozenset(constants) if hashed else tuple(constants)
            left = self.value(tree.left) if None in constants else self.raw(tree.left)
            return f"({left} {tree.operator} {self.constant(chosen)})"
        if self.type_of(tree.left).kinds == self.type_of(tree.right).kinds == TEXT.kinds:
            return f"({self.value(tree.left)} {tree.operator} {self.value(tree.right)})"
        call = f"{self.constant(is_in)}({self.value(tree.left)}, {self.value(tree.right)})"
        return call if tree.operator == "in" else f"(not {call})"


def _items(tree: Tree) -> Sequence[Tree]:
    return tree.items if isinstance(tree, ListOf) else ()


def compiled(lines: Sequence[str], scope: Mapping[str, Any]) -> Any:
    """The function `f` of generated source."""
    names = dict(scope)
    exec(compile("\n".join(lines), "<expressions>", "exec"), names)
    return names["f"]


def filtering(tree: Tree, kinds: Kinds, clock: Callable[[], float] = time) -> Callable[[Sequence[Any]], list[Any]]:
    """`f(events)`: those for which the expression is true."""
    writer = Writer(kinds, clock)
    condition = writer.condition(tree)
    made: Callable[[Sequence[Any]], list[Any]] = compiled(
        ["def f(events):", f" return [e for e in events if {condition}]"], writer.scope
    )
    return made


def evaluating(
    tree: Tree, kinds: Kinds, clock: Callable[[], float] = time, *, condition: bool = False
) -> Callable[[Sequence[Any]], list[Any]]:
    """`f(events)`: the expression's value for each; with `condition`, whether it is true."""
    writer = Writer(kinds, clock)
    value = writer.condition(tree) if condition else writer.value(tree)
    made: Callable[[Sequence[Any]], list[Any]] = compiled(
        ["def f(events):", f" return [{value} for e in events]"], writer.scope
    )
    return made
