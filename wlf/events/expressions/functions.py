"""The functions of the language: what each takes and gives, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from wlf.events.expressions import conversions, texts
from wlf.events.expressions.kinds import ANY, BOOL, LIST, NUMBER, TEXT, Type


class Param(NamedTuple):
    """One argument."""

    name: str
    kinds: frozenset[str] = ANY.kinds
    required: bool = True
    prepare: Callable[[Any], Any] | None = None
    """It must be a constant, and this makes of it what the function is called with. Raises ValueError."""


class Function(NamedTuple):
    """One function.

    Args:
        run: is called with the arguments; null and other kinds may come, and it never raises.
        gives: what comes out where all arguments are as they should be.
        meaning: for the documentation.
        inline: source that does the same where no argument can be null or of another kind.
        never_null: it gives no null, whatever comes.
        rest: the last argument may come several times.
    """

    params: tuple[Param, ...]
    run: Callable[..., Any]
    gives: Type
    meaning: str
    inline: str = ""
    never_null: bool = False
    rest: bool = False

    @property
    def least(self) -> int:
        """How many arguments it must have."""
        return sum(param.required for param in self.params)

    def param(self, index: int) -> Param:
        """What an argument is."""
        return self.params[min(index, len(self.params) - 1)]

    def signature(self, name: str) -> str:
        """`contains(text, part)`, with optional arguments in brackets."""
        shown = [param.name if param.required else f"[{param.name}]" for param in self.params]
        return f"{name}({', '.join(shown)}{', ...' if self.rest else ''})"


_TEXTS = frozenset(("text",))
_NUMBERS = frozenset(("number",))
_LISTS = frozenset(("list",))
_SIZED = frozenset(("text", "bytes", "list", "map"))
_DIGESTED = frozenset(("text", "bytes", "number", "bool"))


def _text(name: str = "text", *, required: bool = True) -> Param:
    return Param(name, _TEXTS, required)


def _pattern(name: str = "pattern") -> Param:
    return Param(name, _TEXTS, prepare=texts.pattern)


def _test(run: Callable[..., Any], meaning: str, *params: Param, inline: str = "") -> Function:
    return Function(params, run, BOOL, meaning, inline, never_null=True)


def _never(*arguments: Any) -> Any:
    raise AssertionError("the compiler writes it out")


FUNCTIONS: Mapping[str, Function] = {
    "contains": _test(texts.contains, "does the text contain the part?", _text(), _text("part"), inline="({1} in {0})"),
    "startswith": _test(
        texts.startswith, "does the text begin so?", _text(), _text("beginning"), inline="{0}.startswith({1})"
    ),
    "endswith": _test(texts.endswith, "does the text end so?", _text(), _text("end"), inline="{0}.endswith({1})"),
    "matches": _test(
        texts.matches,
        "is the regular expression (Python's) found anywhere in the text? `^` and `$` tie it to its ends",
        _text(),
        _pattern(),
        inline="({1}.search({0}) is not None)",
    ),
    "in_cidr": _test(
        texts.in_cidr,
        "is the IP address in one of these networks?",
        _text("address"),
        Param("network", _TEXTS, prepare=texts.network),
    )._replace(rest=True),
    "exists": _test(_never, "has the event this field or column, be it null?", Param("field")),
    "is_null": _test(_never, "is the value null, or the field not there?", Param("value")),
    "lower": Function((_text(),), texts.lower, TEXT, "in lower case", "{0}.lower()"),
    "upper": Function((_text(),), texts.upper, TEXT, "in upper case", "{0}.upper()"),
    "trim": Function(
        (_text(), _text("signs", required=False)),
        texts.trim,
        TEXT,
        "without blanks, or these signs, at both ends",
    ),
    "replace": Function(
        (_text(), _text("old"), _text("new")), texts.replace, TEXT, "every `old` in the text replaced by `new`"
    ),
    "replace_regex": Function(
        (_text(), _pattern(), _text("new")),
        texts.replace_regex,
        TEXT,
        r"every match replaced by `new`, in which `\1` or `\g<name>` are the groups",
    ),
    "capture": Function(
        (_text(), _pattern(), Param("group", frozenset(("text", "number")), required=False, prepare=texts.group)),
        texts.capture,
        TEXT.or_null(),
        "a group of the first match, by number or name; without one the first group or, where there is none, all of it",
    ),
    "substring": Function(
        (_text(), Param("start", _NUMBERS), Param("stop", _NUMBERS, required=False)),
        texts.substring,
        TEXT,
        "from `start` (counted from 0; negative: from the end) up to, and without, `stop`",
    ),
    "split": Function(
        (_text(), _text("separator")), texts.split, Type(LIST.kinds, items=TEXT), "the parts between separators"
    ),
    "join": Function(
        (Param("list", _LISTS), _text("separator")),
        texts.join,
        TEXT,
        "the items as one text; those that are null are left out",
    ),
    "length": Function(
        (Param("value", _SIZED),), texts.length, NUMBER, "characters of a text, bytes, items of a list or map"
    ),
    "coalesce": Function((Param("value"),), conversions.coalesce, ANY, "the first value that is not null", rest=True),
    "int": Function(
        (Param("value"), Param("default", required=False)),
        conversions.to_int,
        NUMBER.or_null(),
        "as a whole number, cut at the point; where it is none: the default, else null",
    ),
    "float": Function(
        (Param("value"), Param("default", required=False)),
        conversions.to_float,
        NUMBER.or_null(),
        "as a floating-point number; where it is none: the default, else null",
    ),
    "bool": Function(
        (Param("value"), Param("default", required=False)),
        conversions.to_bool,
        BOOL.or_null(),
        "true, false, numbers (0 is false), the texts true, false, yes, no, on, off, 1, 0; else the default, or null",
    ),
    "str": Function(
        (Param("value"), Param("default", required=False)),
        conversions.to_str,
        TEXT.or_null(),
        "as text, lists and maps as JSON; of null the default, else null",
    ),
    "parse_json": Function((_text(),), conversions.parse_json, ANY, "what the JSON text holds; null where it is none"),
    "abs": Function((Param("number", _NUMBERS),), conversions.absolute, NUMBER, "without its sign"),
    "round": Function(
        (Param("number", _NUMBERS), Param("digits", _NUMBERS, required=False)),
        conversions.rounded,
        NUMBER.or_null(),
        "to so many digits behind the point (0), halves to the even neighbour",
    ),
    "min": Function(
        (Param("number", _NUMBERS),), conversions.smallest, NUMBER, "the smallest of those that are numbers", rest=True
    ),
    "max": Function(
        (Param("number", _NUMBERS),), conversions.largest, NUMBER, "the largest of those that are numbers", rest=True
    ),
    "now": Function((), _never, NUMBER, "the time, Unix seconds with a fraction", never_null=True),
    "format_time": Function(
        (Param("seconds", _NUMBERS), Param("format", _TEXTS, prepare=conversions.time_format)),
        conversions.format_time,
        TEXT.or_null(),
        "Unix seconds as text in UTC, by Python's strftime: `%Y-%m-%dT%H:%M:%SZ`",
    ),
    "crc32": Function(
        (Param("value", _DIGESTED),),
        conversions.crc32,
        NUMBER,
        "a number below 2^32 that is always the same for the same text: `crc32(key) % 10 == 0`",
    ),
    "sha256": Function(
        (Param("value", _DIGESTED),), conversions.sha256, TEXT, "64 hexadecimal digits, of the value as text"
    ),
}
"""By name, in the order of the documentation."""


def result_of(function: Function, arguments: Sequence[Type]) -> Type:
    """What a call may give. Null comes out where a null, or another kind, may come in."""
    if function.run is conversions.coalesce:
        return conversions.coalesced(arguments)
    if function.never_null:
        return function.gives
    optional = len(function.params) == 2 and function.params[1].name == "default"
    if optional:
        if len(arguments) < 2:
            return function.gives
        without = Type(function.gives.known)
        return conversions.coalesced((without.or_null(), arguments[1]))
    fits = all(argument.kinds <= function.param(index).kinds for index, argument in enumerate(arguments))
    return function.gives if fits else function.gives.or_null()
