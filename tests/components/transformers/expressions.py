"""A transformer made from options as the YAML has them, for the event types that arrive."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.components.fakes import SetClock, make_context
from tests.components.rows import configured
from wlf.components.base import Problem
from wlf.events import Kinds, RowDelete, RowInsert, RowUpdate

ROWS: Kinds = frozenset((RowInsert, RowUpdate, RowDelete))


def problems(component: Any, kinds: Kinds = ROWS, **options: Any) -> list[Problem]:
    edges = {"destination": "next"} if "destination" in component.Config.__struct_fields__ else {}
    return list(component.problems(configured(component.Config, **edges, **options), kinds))


def make(component: Any, kinds: Kinds = ROWS, *, clock: SetClock | None = None, **options: Any) -> Any:
    edges = {"destination": "next"} if "destination" in component.Config.__struct_fields__ else {}
    config = configured(component.Config, **edges, **options)
    assert not list(component.problems(config, kinds))
    return component(config, dataclasses.replace(make_context(clock=clock or SetClock()), incoming=kinds))
