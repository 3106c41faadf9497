"""What a pod's own annotations ask for: `wlf.dev/exclude`, `wlf.dev/multiline`, `wlf.dev/multiline.CONTAINER`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, cast, get_args

from wlf.components.following.multiline import Grouping, MultilineConfig, Preset, grouping_of

PREFIX = "wlf.dev/"
EXCLUDE = PREFIX + "exclude"
MULTILINE = PREFIX + "multiline"
NO_GROUPING = "none"
"""The value that takes the grouping of the config away."""
MAX_PATTERN = 256

Honored = Literal["all", "presets", "none"]


def is_excluded(annotations: Mapping[str, str], container: str) -> bool:
    """`true` means every container, else the value names some: `istio-proxy, debug`."""
    value = annotations.get(EXCLUDE, "").strip()
    if value in ("true", "false", ""):
        return value == "true"
    return container in [name.strip() for name in value.split(",")]


def multiline_of(annotations: Mapping[str, str], container: str) -> tuple[str, str] | None:
    """(name, value) of the annotation that says which lines are one event: the container's own before the pod's."""
    for name in (f"{MULTILINE}.{container}", MULTILINE):
        value = annotations.get(name)
        if value is not None:
            return name, value
    return None


def grouping_from(value: str, honored: Honored = "all") -> Grouping | None:
    """How lines are put together by `java`, `python`, `go`, `start:REGEX` or `continue:REGEX`; None by `none`.

    Raises:
        ValueError: it is none of these.
    """
    form, colon, pattern = value.partition(":")
    form = form.strip()  # not the pattern: a space may be what it is about
    if not colon and form == NO_GROUPING:
        return None
    if not colon and form in get_args(Preset):
        return grouping_of(MultilineConfig(preset=cast(Preset, form)))
    if colon and form in ("start", "continue"):
        if honored != "all":
            raise ValueError("expected a preset (`annotations: presets` takes no patterns), got a pattern")
        return _by_pattern(form, pattern)
    raise ValueError(f"expected java, python, go, none, start:REGEX or continue:REGEX, got {value!r}")


def _by_pattern(form: str, pattern: str) -> Grouping:
    if not 0 < len(pattern) <= MAX_PATTERN:
        raise ValueError(f"expected a pattern of 1 to {MAX_PATTERN} characters, got {len(pattern)}")
    try:
        re.compile(pattern)
        if form == "start":
            return grouping_of(MultilineConfig(start=pattern))
        return grouping_of(MultilineConfig(continue_=pattern))
    except re.error as error:
        raise ValueError(f"expected a regular expression, got {pattern!r}: {error}") from error
