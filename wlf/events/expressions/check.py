"""Types of an expression against the events that arrive: what can never make sense is an error before the run."""

from __future__ import annotations

from typing import assert_never

from wlf.events.base import Kinds, kind_names
from wlf.events.expressions.errors import ExpressionError
from wlf.events.expressions.functions import FUNCTIONS, result_of
from wlf.events.expressions.kinds import (
    ANY,
    BOOL,
    LIST,
    NULL,
    NUMBER,
    TEXT,
    Type,
    field_names,
    field_type,
    union,
)
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

_CONSTANTS: dict[type, Type] = {str: TEXT, bool: BOOL, int: NUMBER, float: NUMBER, type(None): NULL}
_CONTAINERS = frozenset(("text", "list", "map"))


class Checker:
    """Finds the type of each node; `errors` has what is wrong. A node with a mistake may be anything."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.errors: list[ExpressionError] = []
        self._types: dict[int, Type] = {}

    def type_of(self, tree: Tree) -> Type:
        """The type of a node, found once."""
        found = self._types.get(id(tree))
        if found is None:
            found = self._types[id(tree)] = self._find(tree)
        return found

    def condition(self, tree: Tree) -> None:
        """It must be something that can be true or false."""
        found = self.type_of(tree)
        if not found.kinds & BOOL.kinds:
            hint = 'such as: database == "shop"' if not found.known else f"compare the {found} with something"
            self._wrong(f"expected a condition, got {found}", tree, hint)

    def _wrong(self, message: str, tree: Tree, hint: str = "") -> Type:
        self.errors.append(ExpressionError(message, tree.at, hint=hint))
        return ANY

    def _find(self, tree: Tree) -> Type:
        match tree:
            case Const():
                return _CONSTANTS[type(tree.value)]
            case Field():
                return self._field(tree)
            case Step():
                return self._step(tree)
            case Call():
                return self._call(tree)
            case Compare():
                return self._compare(tree)
            case Both():
                for item in tree.items:
                    self._operand(item, tree.operator)
                return BOOL
            case Not():
                self._operand(tree.item, "not")
                return BOOL
            case Arithmetic() | Negative():
                return self._arithmetic(tree)
            case Choice():
                self.condition(tree.condition)
                return union((self.type_of(tree.then), self.type_of(tree.otherwise)))
            case ListOf():
                items = [self.type_of(item) for item in tree.items]
                return Type(LIST.kinds, items=union(items) if items else None)
            case Joined():
                for part in tree.parts:
                    self.type_of(part)
                return TEXT
            case _:
                assert_never(tree)

    def _operand(self, item: Tree, operator: str) -> None:
        found = self.type_of(item)
        if found.kinds & BOOL.kinds:
            return
        hint = "for a value in the place of null write coalesce(a, b)" if operator == "or" else ""
        self._wrong(f"`{operator}` takes conditions, got {found}", item, hint)

    def _field(self, tree: Field) -> Type:
        found = field_type(self.kinds, tree.name)
        if found is not None:
            return found
        known = field_names(self.kinds)
        hint = ""
        if "data" in known:
            hint = f"a column is data.{tree.name}"
        elif "attributes" in known and tree.name not in known:
            hint = f"an attribute is attributes.{tree.name}"
        message = f"no field '{tree.name}' in {kind_names(self.kinds)}"
        error = ExpressionError(message, tree.at, hint=hint, fault="field", word=tree.name, known=known)
        self.errors.append(error)
        return ANY

    def _step(self, tree: Step) -> Type:
        base = self.type_of(tree.base)
        if isinstance(tree.key, int):
            if not base.kinds & LIST.kinds:
                return self._wrong(f"expected a list before [{tree.key}], got {base}", tree.base)
            return ANY if base.items is None else base.items.or_null()
        if "map" not in base.kinds:
            hint = "write substring(text, 0, 10) for a part of a text" if base.known == TEXT.kinds else ""
            return self._wrong(f"{base} has no '{tree.key}'", tree.base, hint)
        if base.fields is not None and base.known == {"map"}:
            found = base.fields.get(tree.key)
            if found is None:
                message = f"no field '{tree.key}' here"
                error = ExpressionError(message, tree.key_at, fault="field", word=tree.key, known=tuple(base.fields))
                self.errors.append(error)
                return ANY
            return found.or_null() if "null" in base.kinds else found
        return ANY if base.items is None else base.items.or_null()

    def _call(self, tree: Call) -> Type:
        function = FUNCTIONS[tree.name]
        count, least, most = len(tree.args), function.least, len(function.params)
        if count < least or (count > most and not function.rest):
            expected = str(least) if least == most else f"{least} to {most}"
            shown = f"{expected}{' or more' if function.rest else ''}"
            self._wrong(f"expected {shown} arguments, got {count}", tree, function.signature(tree.name))
            return function.gives
        if tree.name == "exists" and not isinstance(tree.args[0], Field | Step):
            self._wrong("exists takes a field, such as data.id", tree.args[0])
        for index, argument in enumerate(tree.args):
            self._argument(tree, index, argument)
        return result_of(function, [self.type_of(argument) for argument in tree.args])

    def _argument(self, call: Call, index: int, argument: Tree) -> None:
        param = FUNCTIONS[call.name].param(index)
        found = self.type_of(argument)
        if not found.kinds & param.kinds:
            signature = FUNCTIONS[call.name].signature(call.name)
            hint = f"str(...) makes a text: {signature}" if param.kinds == TEXT.kinds else signature
            self._wrong(f"{call.name} takes {Type(param.kinds)} as {param.name}, got {found}", argument, hint)
        elif param.prepare is not None:
            if not isinstance(argument, Const):
                self._wrong(f"expected a constant as {param.name}", argument, "a text in quotes")
                return
            try:
                param.prepare(argument.value)
            except ValueError as error:
                self._wrong(str(error), argument)

    def _compare(self, tree: Compare) -> Type:
        left, right = self.type_of(tree.left), self.type_of(tree.right)
        if tree.operator in ("in", "not in"):
            self._check_in(tree, left, right)
        elif tree.operator in ("==", "!="):
            self._check_equal(tree, left, right)
        else:
            self._check_order(tree, left, right)
        return BOOL

    def _check_equal(self, tree: Compare, left: Type, right: Type) -> None:
        if not (left.known and right.known):  # with null itself
            other = left if left.known else right
            if "null" not in other.kinds:
                self._wrong(f"this {other} is never null", tree)
            return
        alike = {"bool", "number"}  # 1 is true
        if left.kinds & right.kinds or (left.kinds & alike and right.kinds & alike):
            return
        self._impossible(tree, left, right)

    def _check_order(self, tree: Compare, left: Type, right: Type) -> None:
        if left.kinds & right.kinds & {"number", "text"}:
            return
        if not (left.known and right.known):
            self._wrong(f"`{tree.operator}` with null is always false", tree)
            return
        self._impossible(tree, left, right)

    def _impossible(self, tree: Compare, left: Type, right: Type) -> None:
        hint = ""
        for side, other in ((left, right), (right, left)):
            if side.known == {"text"} and "number" in other.kinds:
                hint = "int(...) makes a number of a text, str(...) a text of a number"
        what = "never equal" if tree.operator in ("==", "!=") else "never less or greater"
        self._wrong(f"{left} and {right} are {what}", tree, hint)

    def _check_in(self, tree: Compare, left: Type, right: Type) -> None:
        if not right.kinds & _CONTAINERS:
            self._wrong(f"expected a list, text or map behind `in`, got {right}", tree.right)
            return
        if right.known == {"text"} and "text" not in left.kinds:
            self._wrong(f"only a text can be in a text, got {left}", tree.left)
        elif isinstance(tree.right, ListOf) and tree.right.items:
            for item in tree.right.items:
                self._check_equal(Compare("==", tree.left, item, item.at), left, self.type_of(item))
        elif isinstance(tree.right, ListOf):
            self._wrong("nothing is in an empty list", tree.right)

    def _arithmetic(self, tree: Arithmetic | Negative) -> Type:
        sides = [tree.item] if isinstance(tree, Negative) else [tree.left, tree.right]
        types = [self.type_of(side) for side in sides]
        operator = "-" if isinstance(tree, Negative) else tree.operator
        allowed = {"number", "text"} if operator == "+" else {"number"}
        for side, found in zip(sides, types, strict=True):
            if not found.kinds & allowed:
                hint = "str(...) makes a text, and f-texts put several together" if operator == "+" else ""
                return self._wrong(f"`{operator}` takes {Type(frozenset(allowed))}, got {found}", side, hint)
        both = frozenset(allowed).intersection(*(found.kinds for found in types))
        if not both:
            hint = "str(...) makes a text of a number, int(...) a number of a text"
            return self._wrong(f"`+` of {types[0]} and {types[1]} gives nothing", tree, hint)
        safe = all(found.kinds <= both for found in types) and len(both) == 1 and both == {"text"}
        return Type(both) if safe else Type(both).or_null()


def check(tree: Tree, kinds: Kinds, *, condition: bool = False) -> list[ExpressionError]:
    """All that is wrong with an expression where events of these types arrive."""
    checker = Checker(kinds)
    if condition:
        checker.condition(tree)
    else:
        checker.type_of(tree)
    return checker.errors


def infer(tree: Tree, kinds: Kinds) -> Type:
    """The type of an expression; anything where it has mistakes."""
    checker = Checker(kinds)
    found = checker.type_of(tree)
    return ANY if checker.errors else found
