"""Generated expressions, compiled, agree with an interpreter that walks the tree and takes its time."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.components.rows import row
from wlf.events import Event, RowDelete, RowInsert, RowUpdate
from wlf.events.expressions import ExpressionError
from wlf.events.expressions.check import check, infer
from wlf.events.expressions.codegen import evaluating, filtering
from wlf.events.expressions.partly import decide
from wlf.events.expressions.reader import read
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
    walk,
)

KINDS = frozenset((RowInsert, RowUpdate, RowDelete))
ABSENT = object()

# --- the reference ---


def number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)


def found(tree: Tree, event: Event) -> Any:
    """The value of a path, or ABSENT."""
    if isinstance(tree, Field):
        value = getattr(event, tree.name, UNSET)
        return ABSENT if value is UNSET else value
    if not isinstance(tree, Step):
        return run(tree, event)
    base = found(tree.base, event)
    if isinstance(tree.key, int):
        if isinstance(base, list | tuple) and -len(base) <= tree.key < len(base):
            return base[tree.key]
        return ABSENT
    columns = getattr(type(base), "__columns__", None)
    if columns is not None:
        value = getattr(base, f"f{columns[tree.key]}") if tree.key in columns else UNSET
        return ABSENT if value is UNSET else value
    return base.get(tree.key, ABSENT) if isinstance(base, dict) else ABSENT


def fitted(value: Any) -> Any:
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        value = float(value) if abs(value) < 10**300 else math.inf
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def calculated(operator: str, left: Any, right: Any) -> Any:
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if not (number(left) and number(right)):
        return None
    if {type(left), type(right)} == {float, Decimal}:
        left, right = float(left), float(right)
    if operator in ("/", "//", "%") and right == 0:
        return None
    signs = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
        "//": lambda: left // right,
        "%": lambda: left % right,
    }
    try:
        return fitted(signs[operator]())
    except (ArithmeticError, ValueError):
        return None


def shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def compared(operator: str, left: Any, right: Any) -> bool:
    if operator in ("==", "!="):
        return same(left, right) is (operator == "==")
    if operator in ("in", "not in"):
        if isinstance(right, str):
            inside = isinstance(left, str) and left in right
        elif isinstance(right, list | tuple):
            inside = any(same(left, each) for each in right)
        else:
            inside = isinstance(right, dict) and isinstance(left, str) and left in right
        return inside is (operator == "in")
    if not ((number(left) and number(right)) or (isinstance(left, str) and isinstance(right, str))):
        return False
    signs = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
    return bool(signs[operator])


def texts(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


FUNCTIONS: dict[str, Any] = {
    "contains": lambda a, b: texts(a, b) and b in a,
    "startswith": lambda a, b: texts(a, b) and a[: len(b)] == b,
    "endswith": lambda a, b: texts(a, b) and (not b or a[-len(b) :] == b),
    "lower": lambda a: a.lower() if texts(a) else None,
    "upper": lambda a: a.upper() if texts(a) else None,
    "length": lambda a: len(a) if isinstance(a, str | list | tuple | dict) else None,
    "coalesce": lambda *a: next((each for each in a if each is not None), None),
    "is_null": lambda a: a is None,
    "abs": lambda a: fitted(abs(a)) if number(a) else None,
    "str": lambda a: shown(a),
    "substring": lambda a, b: a[b:] if texts(a) and isinstance(b, int) else None,
}


def true(value: Any) -> bool:
    return not isinstance(value, str | list | tuple | dict) and value is not None and value == 1


def run(tree: Tree, event: Event) -> Any:
    match tree:
        case Const():
            return tree.value
        case Field() | Step():
            value = found(tree, event)
            return None if value is ABSENT else value
        case Call(name="exists"):
            return found(tree.args[0], event) is not ABSENT
        case Call():
            return FUNCTIONS[tree.name](*(run(argument, event) for argument in tree.args))
        case Compare():
            return compared(tree.operator, run(tree.left, event), run(tree.right, event))
        case Both():
            results = [true(run(item, event)) for item in tree.items]
            return all(results) if tree.operator == "and" else any(results)
        case Not():
            return not true(run(tree.item, event))
        case Arithmetic():
            return calculated(tree.operator, run(tree.left, event), run(tree.right, event))
        case Negative():
            value = run(tree.item, event)
            return fitted(-value) if number(value) else None
        case Choice():
            return run(tree.then if true(run(tree.condition, event)) else tree.otherwise, event)
        case ListOf():
            return [run(item, event) for item in tree.items]
        case Joined():
            return "".join(shown(run(part, event)) or "" for part in tree.parts)


# --- what is generated ---

SMALL = st.integers(-5, 5)
WORDS = st.sampled_from(["", "a", "b", "shop", "orders", "A", "1", "ß"])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    SMALL,
    st.sampled_from([2**62, -(2**63), 10**18, 0.5, -1.5, 1e300]),
    st.sampled_from([Decimal("1.0"), Decimal("-2.50"), Decimal(0)]),
    WORDS,
    st.lists(SMALL, max_size=2),
    st.dictionaries(st.sampled_from(["x", "y"]), SMALL, max_size=2),
)
CELLS = st.one_of(VALUES, st.just(UNSET))


@st.composite
def events(draw: Any) -> Event:
    data = {name: draw(CELLS) for name in ("a", "b", "c")}
    kind = draw(st.sampled_from((RowInsert, RowUpdate, RowDelete)))
    more = {"old": row("shop", "t", {name: draw(CELLS) for name in data})} if kind is RowUpdate else {}
    return kind(
        database=draw(st.sampled_from(["shop", "b"])),
        table=draw(st.sampled_from(["orders", "a"])),
        type="insert",
        ts=draw(SMALL),
        xid=draw(st.one_of(st.just(UNSET), SMALL)),
        data=draw(st.sampled_from((row("shop", "t", data), UNSET))),
        **more,
    )


ANYTHING = ("data.a", "data.b", 'data["c"]', "data.nope", "old.a", "data.a.x", "data.b[0]")
NUMBERS = st.one_of(SMALL.map(str), st.sampled_from(["0.5", "1e300", "ts", "xid", *ANYTHING]))
TEXTS = st.one_of(WORDS.map(repr), st.sampled_from(["database", "table", *ANYTHING]))


def shapes(*found: str, of: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(*(st.builds(shape.format, *[of] * shape.count("{}")) for shape in found))


def texts_of(depth: int) -> st.SearchStrategy[str]:
    if not depth:
        return TEXTS
    inner = texts_of(depth - 1)
    joined = st.builds("f'<{{{}}}{{{}}}>'".format, *[numbers_of(0).filter(lambda t: "'" not in t and '"' not in t)] * 2)
    one = shapes("lower({})", "upper({})", "({} + {})", "coalesce({}, {})", of=inner)
    return st.one_of(TEXTS, one, joined, shapes("str({})", of=numbers_of(depth - 1)))


def numbers_of(depth: int) -> st.SearchStrategy[str]:
    if not depth:
        return NUMBERS
    inner = numbers_of(depth - 1)
    signs = [f"({{}} {sign} {{}})" for sign in ("+", "-", "*", "/", "//", "%")]
    choice = st.builds("({} if {} else {})".format, inner, conditions_of(depth - 1), inner)
    more = shapes("(-{})", "abs({})", "coalesce({}, {})", *signs, of=inner)
    return st.one_of(NUMBERS, more, choice, shapes("length({})", of=texts_of(depth - 1)))


def conditions_of(depth: int) -> st.SearchStrategy[str]:
    below = max(depth - 1, 0)
    signs = [f"({{}} {sign} {{}})" for sign in ("==", "!=", "<", "<=", ">", ">=")]
    of_texts = shapes(
        *signs,
        "contains({}, {})",
        "startswith({}, {})",
        "endswith({}, {})",
        "({} in {})",
        "({} not in ['a', {}])",
        "is_null(data.a + {})",
        of=texts_of(below),
    )
    of_numbers = shapes(*signs, "({} in [1, 0, {}])", "({} < {} <= {})", of=numbers_of(below))
    constants = st.lists(st.one_of(SMALL.map(str), WORDS.map(repr)), min_size=1, max_size=12).map(", ".join)
    listed = st.builds("({} in [{}])".format, st.sampled_from(ANYTHING), constants)
    null = st.builds("({} {} null)".format, st.sampled_from((*ANYTHING, "xid")), st.sampled_from(("==", "!=", "is")))
    rest = st.sampled_from(("true", "false", *ANYTHING, *(f"exists({path})" for path in (*ANYTHING, "xid"))))
    plain = st.one_of(of_texts, of_numbers, listed, null, rest, st.just("(data.a == data.b)"))
    if not depth:
        return plain
    inner = conditions_of(depth - 1)
    return st.one_of(plain, shapes("({} and {})", "({} or {} or {})", "(not {})", of=inner))


CONDITIONS = conditions_of(2)
EXPRESSIONS = st.one_of(CONDITIONS, numbers_of(2), texts_of(2))
QUICK = settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def alike(left: Any, right: Any) -> bool:
    return type(left) is type(right) and (left == right or list(left) == list(right))


@QUICK
@given(EXPRESSIONS, st.lists(events(), min_size=1, max_size=8))
def test_a_compiled_expression_gives_what_the_reference_gives(text: str, rows: list[Event]) -> None:
    tree = read(text)
    assume(not check(tree, KINDS))
    expected = [run(tree, event) for event in rows]
    got = evaluating(tree, KINDS)(rows)
    assert all(map(alike, got, expected)), (got, expected)
    kinds = infer(tree, KINDS).kinds
    names = {bool: "bool", str: "text", type(None): "null", list: "list", tuple: "list", dict: "map"}
    for value in got:
        assert names.get(type(value), "number") in kinds or hasattr(value, "__columns__"), (text, value, kinds)


@QUICK
@given(CONDITIONS, st.lists(events(), min_size=1, max_size=8))
def test_filter_and_its_opposite_split_a_list_in_two(text: str, rows: list[Event]) -> None:
    tree = read(text)
    assume(not check(tree, KINDS, condition=True))
    kept = filtering(tree, KINDS)(rows)
    left = filtering(read(f"not ({text})"), KINDS)(rows)
    assert [id(event) for event in kept] == [id(event) for event in rows if true(run(tree, event))]
    assert sorted(map(id, (*kept, *left))) == sorted(map(id, rows))


@QUICK
@given(CONDITIONS, events())
def test_what_is_decided_for_a_table_holds_for_its_rows(text: str, event: Any) -> None:
    tree = read(text)
    assume(not check(tree, KINDS, condition=True))
    decided = decide(tree, event.database, event.table)
    if decided is not None:
        assert bool(filtering(tree, KINDS)([event])) is decided
    if {node.name for node in walk(tree) if isinstance(node, Field)} <= {"database", "table"}:
        assert decided is not None


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=30), st.text(alphabet="ab.[]()'\"\\ =<>+-*/%{}0:,\n#&|!~", max_size=30)))
def test_any_text_is_an_expression_or_an_error_with_a_place_in_it(text: str) -> None:
    try:
        tree = read(text)
    except ExpressionError as error:
        places = [error.at]
    else:
        places = [node.at for node in walk(tree)]
    assert all(0 <= at <= len(text) for at in places)


@pytest.mark.parametrize("text", ["(" * 200 + "a" + ")" * 200, "not " * 500 + "a", "a + " * 3000 + "a", "x" * 20_000])
def test_a_monstrous_text_is_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        read(text)
