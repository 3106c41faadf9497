"""Lines that belong together: where one event ends and the next one begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Preset = Literal["java", "python", "go"]


class MultilineConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which lines make one event: give one of `start`, `continue` and `preset`."""

    start: Annotated[
        str | None, Meta(description="regular expression found in the first line of an event, such as `^\\d{4}-`")
    ] = None
    continue_: Annotated[
        str | None, Meta(description="regular expression found in lines that belong to the one before, such as `^\\s`")
    ] = msgspec.field(default=None, name="continue")
    preset: Annotated[
        Preset | None,
        Meta(description="stack traces of java (and its relatives), tracebacks of python, panics of go"),
    ] = None
    timeout_ms: Annotated[int, Meta(description="how long the last event of a file waits for further lines", ge=1)] = (
        1_000
    )

    def __post_init__(self) -> None:
        given = [name for name in ("start", "continue_", "preset") if getattr(self, name) is not None]
        if len(given) != 1:
            names = " and ".join(name.rstrip("_") for name in given) or "none"
            raise ValueError(f"expected one of start, continue and preset, got {names}")
        for name in ("start", "continue_"):
            pattern = getattr(self, name)
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise ValueError(
                    f"{name.rstrip('_')}: expected a regular expression, got {pattern!r}: {error}"
                ) from error


Grouping = Callable[[str], list[str]]
"""Lines, with line feeds between, to events; the last one may go on with the lines that follow."""


def grouping_of(config: MultilineConfig) -> Grouping:
    """How the lines of a text are put together; equal for equal configs."""
    pattern = config.start if config.start is not None else config.continue_
    if pattern is not None and _LINE_FEED.search(pattern):
        return _line_by_line(re.compile(pattern), begins=config.start is not None)
    if config.start is not None:
        return re.compile(rf"\n(?={_in_line(config.start)})", re.MULTILINE).split
    if config.continue_ is not None:
        return re.compile(rf"\n(?!{_in_line(config.continue_)})", re.MULTILINE).split
    assert config.preset is not None
    return _PRESETS[config.preset]


_LINE_FEED = re.compile(r"\\[sSWDnxu0]|\[\^|\(\?")
"""What of an expression can match a line feed, or change what does: it is asked of each line by itself."""


@lru_cache
def _line_by_line(pattern: re.Pattern[str], *, begins: bool) -> Grouping:
    def events(text: str) -> list[str]:
        groups: list[list[str]] = []
        for line in text.split("\n"):
            if not groups or (pattern.search(line) is not None) is begins:
                groups.append([line])
            else:
                groups[-1].append(line)
        return ["\n".join(group) for group in groups]

    return events


def _in_line(pattern: str) -> str:
    """Anywhere in a line, as users of `grep` expect; at its beginning where the pattern says so."""
    return f"(?:{pattern})" if pattern.startswith("^") else rf"(?=[^\n]*?(?:{pattern}))"


def _blocks(opening: str, block: str, outside: str) -> Grouping:
    """Blocks found by a pattern; what lies outside of them is split at line feeds that `outside` matches."""
    find, split = re.compile(block, re.MULTILINE), re.compile(outside)

    def events(text: str) -> list[str]:
        if opening not in text:
            return split.split(text)
        found: list[str] = []
        at = 0
        for match in find.finditer(text):
            if match.start() > at:
                found += split.split(text[at : match.start() - 1])
            found.append(match.group())
            at = match.end() + 1
        if at <= len(text):
            found += split.split(text[at:])
        return found

    return events


_NOT_INDENTED = r"\n(?![ \t])"
_TRACE = r"Traceback \(most recent call last\):(?:\n[ \t].*)*(?:\n\S.*)?"
_PYTHON = rf"^{_TRACE}(?:\n+(?:During handling of|The above exception was).*\n+{_TRACE})*"
_GO_LINE = r"\t.*|goroutine \d.*|created by .*|[\w./*()\-{}\[\]]+\(.*\)|\[signal .*|exit status \d+|panic: .*"
_GO = rf"^(?:panic: |fatal error: |runtime: |.*http: panic serving ).*(?:\n(?:{_GO_LINE})|\n(?=\n*(?:{_GO_LINE})))*"

_PRESETS: dict[Preset, Grouping] = {
    "java": re.compile(r"\n(?![ \t]|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common))").split,
    "python": _blocks("Traceback (most recent", _PYTHON, _NOT_INDENTED),
    "go": _blocks("", _GO, _NOT_INDENTED),
}
