"""From an expression's text to its tree: Python reads it, and only the nodes of a short list are taken over."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from wlf.events.expressions.errors import ExpressionError
from wlf.events.expressions.functions import FUNCTIONS
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

MAX_CHARACTERS = 10_000
MAX_DEPTH = 50
MAX_NODES = 2_000

_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
}  # fmt: skip
_FOREIGN = (
    (re.compile(r"&&"), "write `and`"),
    (re.compile(r"\|\|"), "write `or`"),
    (re.compile(r"=~"), 'write matches(field, r"...")'),
    (re.compile(r"(?<![=!<>])=(?!=)"), "to compare write `==`"),
    (re.compile(r"!(?!=)"), "write `not`"),
    (re.compile(r"<>"), "write `!=`"),
)
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")


def read(text: str) -> Tree:
    """The tree of an expression.

    Raises:
        ExpressionError: and nothing else.
    """
    if len(text) > MAX_CHARACTERS:
        raise _syntax(f"expected at most {MAX_CHARACTERS} characters, got {len(text)}", 0)
    if not text.strip():
        raise _syntax("expected an expression, got nothing", 0, 'such as: database == "shop"')
    return _Reader(text).tree()


def _syntax(message: str, at: int, hint: str = "", word: str = "", known: tuple[str, ...] = ()) -> ExpressionError:
    return ExpressionError(message, at, hint=hint, fault="syntax", word=word, known=known)


def _parsed(text: str) -> ast.expr:
    """What Python makes of it. Inside brackets it may go over several lines and have comments."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of `\\d` in a text, which means what its author thinks
            root = ast.parse(f"[{text}\n]", mode="eval").body
    except SyntaxError as error:
        raise _unreadable(text, _plainer(text) or error) from error
    except (RecursionError, MemoryError) as error:
        raise _syntax("nested too deeply", 0) from error
    except ValueError as error:
        what = "expected text without NUL" if "\0" in text else "a number is too long"
        raise _syntax(what, max(text.find("\0"), 0)) from error
    if not isinstance(root, ast.List) or len(root.elts) != 1 or text.rstrip().endswith(","):
        raise _syntax("expected one expression", 0, "a list stands in brackets: [1, 2]")
    return root.elts[0]


def _offset(text: str, line: int, column: int) -> int:
    """From a line and column of the bracketed text, in characters."""
    lines = text.split("\n")
    line = min(line, len(lines) - 1)
    before = sum(len(each) + 1 for each in lines[:line])
    return max(0, min(before + column - (1 if line == 0 else 0), len(text)))


def _plainer(text: str) -> SyntaxError | None:
    """What Python says without the brackets, which only several lines need: they would appear in its message."""
    if "\n" in text.strip():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        error.offset = (error.offset or 1) + 1 + len(text) - len(text.lstrip())
        return error
    return None


def _unreadable(text: str, error: SyntaxError) -> ExpressionError:
    bare = _QUOTED.sub(lambda found: " " * len(found.group()), text)
    for sign, hint in _FOREIGN:
        found = sign.search(bare)
        if found:
            return _syntax("not an expression", found.start(), hint)
    at = _offset(text, (error.lineno or 1) - 1, (error.offset or 1) - 1)
    why = error.msg.partition(". Perhaps")[0].partition(" (")[0]
    if why == "invalid syntax":
        what = "it ends too early" if not text[at:].strip() else "not understood from here on"
        return _syntax(f"not an expression: {what}", at)
    return _syntax(f"not an expression: {why[:1].lower()}{why[1:]}", at)


class _Reader:
    """Takes over the nodes of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [line.encode() for line in f"[{text}\n]".split("\n")]
        self._left = MAX_NODES
        self._fixed: int | None = None
        self._takers: dict[type[ast.expr], Callable[[Any, int, int], Tree]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Call: self._call,
            ast.Compare: self._compare,
            ast.BoolOp: self._bool_op,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.IfExp: self._choice,
            ast.List: self._list,
            ast.Tuple: self._list,
            ast.JoinedStr: self._joined,
        }

    def tree(self) -> Tree:
        """All of it."""
        return self._take(_parsed(self._text), 0)

    def _at(self, node: Any) -> int:
        return self._character(node.lineno, node.col_offset)

    def _end(self, node: Any) -> int:
        return self._character(node.end_lineno, node.end_col_offset)

    def _character(self, line: int, byte: int) -> int:
        """Python counts bytes from the start of a line."""
        if self._fixed is not None:
            return self._fixed
        return _offset(self._text, line - 1, len(self._lines[line - 1][:byte].decode(errors="ignore")))

    def _take(self, node: ast.expr, depth: int) -> Tree:
        at = self._at(node)
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise _syntax("nested too deeply" if depth > MAX_DEPTH else "too long", at)
        taker = self._takers.get(type(node))
        if taker is None:
            raise _syntax(f"{_called(node)} is not of this language", at)
        return taker(node, at, depth + 1)

    def _constant(self, node: ast.Constant, at: int, depth: int) -> Tree:
        if node.value is None or isinstance(node.value, str | int | float):
            return Const(node.value, at)
        raise _syntax(f"expected a text or number, got {type(node.value).__name__}", at)

    def _name(self, node: ast.Name, at: int, depth: int) -> Tree:
        if node.id in _WORDS:
            return Const(_WORDS[node.id], at)
        return Field(node.id, at)

    def _attribute(self, node: ast.Attribute, at: int, depth: int) -> Tree:
        return Step(self._take(node.value, depth), node.attr, at, self._end(node) - len(node.attr))

    def _subscript(self, node: ast.Subscript, at: int, depth: int) -> Tree:
        base = self._take(node.value, depth)
        if isinstance(node.slice, ast.Slice):
            raise _syntax("a part of a text or list is not of this language", at, "write substring(text, 0, 10)")
        key = self._take(node.slice, depth)
        if isinstance(key, Negative) and isinstance(key.item, Const) and type(key.item.value) is int:
            return Step(base, -key.item.value, at, key.at)
        if isinstance(key, Const) and type(key.value) in (str, int):
            return Step(base, key.value, at, key.at)  # type: ignore[arg-type]
        raise _syntax('expected a text or whole number in the brackets, such as labels["app"]', key.at)

    def _call(self, node: ast.Call, at: int, depth: int) -> Tree:
        if isinstance(node.func, ast.Attribute):
            raise _syntax(
                "there are no methods", at, f"write {node.func.attr}(...) with what stands before the point in it"
            )
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            word = node.func.id if isinstance(node.func, ast.Name) else ""
            raise _syntax(f"no function '{word}'" if word else "no function", at, word=word, known=tuple(FUNCTIONS))
        if node.keywords:
            raise _syntax("expected arguments without names", self._at(node.keywords[0]))
        return Call(node.func.id, tuple(self._take(argument, depth) for argument in node.args), at)

    def _compare(self, node: ast.Compare, at: int, depth: int) -> Tree:
        operands = [self._take(each, depth) for each in (node.left, *node.comparators)]
        pairs = zip(node.ops, operands, operands[1:], strict=False)
        items = tuple(self._comparison(operator, left, right) for operator, left, right in pairs)
        return items[0] if len(items) == 1 else Both("and", items, at)

    def _comparison(self, operator: ast.cmpop, left: Tree, right: Tree) -> Tree:
        if isinstance(operator, ast.Is | ast.IsNot):
            if not isinstance(right, Const) or right.value not in (None, True, False) or type(right.value) is int:
                raise _syntax("`is` compares with null alone", left.at, "write `==`")
            return Compare("==" if isinstance(operator, ast.Is) else "!=", left, right, left.at)
        return Compare(_COMPARISONS[type(operator)], left, right, left.at)

    def _bool_op(self, node: ast.BoolOp, at: int, depth: int) -> Tree:
        operator = "and" if isinstance(node.op, ast.And) else "or"
        return Both(operator, tuple(self._take(each, depth) for each in node.values), at)

    def _unary(self, node: ast.UnaryOp, at: int, depth: int) -> Tree:
        item = self._take(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return Not(item, at)
        if isinstance(node.op, ast.USub):
            return Negative(item, at)
        raise _syntax("this sign is not of this language", at)

    def _binary(self, node: ast.BinOp, at: int, depth: int) -> Tree:
        operator = _ARITHMETIC.get(type(node.op))
        if operator is None:
            hint = {ast.BitAnd: "write `and`", ast.BitOr: "write `or`"}.get(type(node.op), "")
            raise _syntax("this operator is not of this language", self._at(node.right), hint)
        return Arithmetic(operator, self._take(node.left, depth), self._take(node.right, depth), at)

    def _choice(self, node: ast.IfExp, at: int, depth: int) -> Tree:
        return Choice(self._take(node.test, depth), self._take(node.body, depth), self._take(node.orelse, depth), at)

    def _list(self, node: ast.List | ast.Tuple, at: int, depth: int) -> Tree:
        return ListOf(tuple(self._take(each, depth) for each in node.elts), at)

    def _joined(self, node: ast.JoinedStr, at: int, depth: int) -> Tree:
        parts: list[Tree] = []
        for part in node.values:
            if not isinstance(part, ast.FormattedValue):
                parts.append(self._take(part, depth))
                continue
            if part.conversion != -1 or part.format_spec is not None:
                raise _syntax("expected only {field} in an f-text", at, "convert it by a function before")
            parts.append(self._inside(part.value, at, depth))
        return Joined(tuple(parts), at)

    def _inside(self, node: ast.expr, at: int, depth: int) -> Tree:
        """Before Python 3.12 the places inside an f-text are not those of the text: all stand where that begins."""
        outer, self._fixed = self._fixed, at
        try:
            return self._take(node, depth)
        finally:
            self._fixed = outer


def _called(node: ast.expr) -> str:
    names = {
        ast.Lambda: "lambda",
        ast.NamedExpr: "`:=`",
        ast.Starred: "`*`",
        ast.Dict: "a mapping",
        ast.Set: "a set",
        ast.Await: "await",
        ast.Yield: "yield",
        ast.YieldFrom: "yield",
    }
    return names.get(type(node), "a comprehension")
