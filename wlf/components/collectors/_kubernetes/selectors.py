"""Label and field selectors as kubectl has them, for deciding here what the API server would select."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "spec.hostNetwork",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
)
"""Fields of a pod that can be selected by, and that never change: what is chosen now is chosen later."""

_KEY = r"(?:[a-z0-9][a-z0-9.\-]*/)?[A-Za-z0-9](?:[\w.\-]*[A-Za-z0-9])?"
_VALUE = r"[\w.\-]*"
_EXISTS = re.compile(rf"(?P<not>!?)\s*(?P<key>{_KEY})")
_EQUALS = re.compile(rf"(?P<key>{_KEY})\s*(?P<operator>==|=|!=)\s*(?P<value>{_VALUE})")
_IN = re.compile(rf"(?P<key>{_KEY})\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_COMMA = re.compile(r",(?![^(]*\))")


class Requirement(NamedTuple):
    """One part of a selector. `values` None: it is about the key being there."""

    key: str
    values: frozenset[str] | None
    is_wanted: bool


class Selector:
    """All of its requirements must be met.

    Args:
        text: such as `app=shop,tier in (web, api),!debug`.

    Raises:
        ValueError: it is no selector.
    """

    def __init__(self, text: str) -> None:
        parts = [part.strip() for part in _COMMA.split(text)]
        self.requirements: Sequence[Requirement] = [_requirement(part, text) for part in parts]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """A label that is not there meets `!=` and `notin`."""
        return all(_is_met(requirement, labels) for requirement in self.requirements)


class FieldSelector(Selector):
    """The same for fields, with `=` and `!=` only."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        for key, values, _ in self.requirements:
            if key not in FIELDS:
                raise ValueError(f"expected fields of {', '.join(FIELDS)}, got {key!r}")
            if values is None or len(values) != 1:
                raise ValueError(f"{key}: expected `=` or `!=` and a value, got {text!r}")


def _requirement(part: str, text: str) -> Requirement:
    if found := _EQUALS.fullmatch(part):
        return Requirement(found["key"], frozenset((found["value"],)), found["operator"] != "!=")
    if found := _IN.fullmatch(part):
        values = frozenset(value.strip() for value in found["values"].split(","))
        if all(re.fullmatch(_VALUE, value) for value in values):
            return Requirement(found["key"], values, found["operator"] == "in")
    if found := _EXISTS.fullmatch(part):
        return Requirement(found["key"], None, not found["not"])
    raise ValueError(f"expected a selector such as `app=shop,tier in (web, api),!debug`, got {text!r}")


def _is_met(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    if requirement.values is None:
        return (value is not None) == requirement.is_wanted
    return (value in requirement.values) == requirement.is_wanted
