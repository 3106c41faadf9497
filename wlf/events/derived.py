"""Event types with more fields, made where a transformer adds some: all that follows reads them as any other."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET

from wlf.events.base import Event


@lru_cache(maxsize=1024)
def derived(base: type[Event], added: tuple[tuple[str, Any], ...]) -> type[Event]:
    """`base` with more fields: (name, annotation) each. The same for the same arguments.

    The attributes are numbered, only what is written has the names. An added field may always be UNSET.
    """
    first = len(base.__struct_fields__)
    names = {f"m{first + index}": name for index, (name, _) in enumerate(added)}
    fields = [(attribute, kind, UNSET) for attribute, (_, kind) in zip(names, added, strict=True)]
    called = "+".join((base.__name__, *names.values()))
    made: Any = msgspec.defstruct(
        called,
        fields,
        bases=(base,),
        rename=names,
        namespace={"__derived__": True},
        frozen=True,
        gc=False,
        module=__name__,
    )
    found: type[Event] = made
    return found
