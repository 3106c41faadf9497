"""Every event type is frozen, outside the cyclic collector, and can hold nothing that leads back to it."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

import msgspec
import pytest

from wlf.events import Event


def _all_kinds(kind: type[Event] = Event) -> Iterator[type[Event]]:
    for sub in kind.__subclasses__():
        if sub.__module__.startswith("wlf."):
            yield sub
        yield from _all_kinds(sub)


KINDS = sorted(set(_all_kinds()), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_event_types_are_frozen_and_outside_the_collector(kind: type[Event]) -> None:
    assert kind.__struct_config__.frozen
    assert not kind.__struct_config__.gc
    assert not kind.__struct_config__.weakref


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_event_types_hold_no_exception_traceback_or_component(kind: type[Event]) -> None:
    for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        held = getattr(field.type, "cls", None)
        assert not (isinstance(held, type) and issubclass(held, BaseException | TracebackType)), field.name
        assert not (isinstance(held, type) and held.__module__.startswith("wlf.components")), field.name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_type_is_an_ordinary_field(kind: type[Event]) -> None:
    assert "type" in kind.__struct_fields__
