"""What is wrong with a config: code, place, message, hint. All of a run are reported together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol

CODES: dict[str, str] = {
    "E100": "the file cannot be read: it is missing, too large, or not UTF-8",
    "E101": "the file is not YAML, or not the YAML of a pipeline",
    "E102": "a template names a field that no arriving event type has",
    "E103": "unknown key",
    "E104": "a required option is missing",
    "E105": "an option has the wrong type, or a value out of its range",
    "E106": "unknown component type",
    "E107": "the library behind a component is not installed",
    "E108": "two nodes have the same id",
    "E109": "a key is written twice in one mapping",
    "E110": "nested too deeply, or too large once its aliases are followed",
    "E111": "more than one YAML document in the file",
    "E112": "a `${...}` cannot be substituted",
    "E113": "a key of a Maxwell config that cannot be converted",
    "E120": "a destination that does not exist",
    "E121": "an edge into a collector",
    "E122": "an edge out of a dispatcher",
    "E123": "a cycle",
    "E124": "several destinations at a component that is not made to fan out",
    "E125": "a component that fans out, without destinations",
    "E126": "a destination is named twice by one component",
    "E127": "a node that nothing reaches",
    "E128": "a node that reaches no dispatcher",
    "E129": "event types that the target of an edge does not accept",
    "E130": "`on_error: dead_letter` without `dead_letter`",
    "E131": "limits with which the pipeline would stall",
    "E132": "no collector, or no dispatcher",
    "E133": "two dispatchers write to the same file",
    "E134": "event types that a dispatcher's format has no message for",
    "E135": "a text is not an expression of the language",
    "E136": "an expression names a field that no arriving event type has",
    "E137": "an expression can never make sense for the events that arrive",
    "W201": "a template without a literal prefix: rows choose the whole name",
    "W202": "the batches of all dispatchers together do not fit the memory limit",
    "W203": "a dead-letter edge that is never used",
    "W204": "a key that Maxwell does not have, or no longer",
    "W205": "a key of a Maxwell config that is not honoured, with what happens instead",
}
"""Every code with its meaning: E stops the compilation, W is a warning."""


class Diagnostic(NamedTuple):
    """One finding. `line` and `column` count from 1; `path` is the option's place, such as `dispatchers[0].topic`."""

    code: str
    severity: Literal["error", "warning"]
    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = (
            f"{place}: {self.code} {self.path}: {self.message}" if self.path else f"{place}: {self.code} {self.message}"
        )
        return text + "".join(
            f"\n  hint: {line}" if not i else f"\n        {line}" for i, line in enumerate(self.hint.splitlines())
        )


class Placed(Protocol):
    """Whatever knows where in the file it stands, counted from 1 (0: nowhere)."""

    @property
    def line(self) -> int:
        """The line."""
        ...

    @property
    def column(self) -> int:
        """The column."""
        ...


class Place(NamedTuple):
    """A line and column, counted from 1."""

    line: int
    column: int


NOWHERE = Place(0, 0)


class Findings:
    """Collects the diagnostics of one run."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Diagnostic] = []

    def add(self, code: str, place: Placed, path: str, message: str, hint: str = "") -> None:
        """Note one finding; the first letter of `code` says how bad it is."""
        severity: Literal["error", "warning"] = "error" if code.startswith("E") else "warning"
        self._found.append(Diagnostic(code, severity, self.file, place.line, place.column, path, message, hint))

    def extend(self, found: Iterable[Diagnostic]) -> None:
        """Take over what another process or run found."""
        self._found.extend(found)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings in the order of the file, each once."""
        return tuple(sorted(dict.fromkeys(self._found), key=lambda d: (d.line, d.column, d.code, d.path)))

    @property
    def errors(self) -> bool:
        """Is there anything that stops the compilation?"""
        return any(found.severity == "error" for found in self._found)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean 'table'?`, or the possible values when none is near and they are few."""
    from difflib import get_close_matches

    names = list(dict.fromkeys(known))
    lowered = {name.lower(): name for name in reversed(names)}
    near = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{lowered[near[0]]}'?"
    if not names:
        return ""
    return f"known: {', '.join(names)}" if len(names) <= 12 else ""
