"""The interface of plugins, version 1: names, signatures, codes, and what can go wrong."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from wlf.errors import ComponentError

VERSION: Final = 1
PAGE_BYTES: Final = 65_536
MAX_ADDRESS: Final = 1 << 31
"""Memories are held below it, so that an address is never negative."""

MEMORY: Final = "memory"
GET_VERSION: Final = "wlf_abi_version"
ALLOCATE: Final = "wlf_alloc"
INITIALIZE: Final = "wlf_init"
TRANSFORM: Final = "wlf_transform"
FILTER: Final = "wlf_filter"
START_UP: Final = "_initialize"
"""What toolchains with WASI make of constructors: called once, before all else."""

SIGNATURES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    GET_VERSION: ((), ("i32",)),
    ALLOCATE: (("i32",), ("i32",)),
    INITIALIZE: (("i32", "i32"), ("i32",)),
    TRANSFORM: (("i32", "i32"), ("i64",)),
    FILTER: (("i32", "i32"), ("i64",)),
    START_UP: ((), ()),
}
"""(parameters, results) of each function that a plugin may export."""

LOG_MODULE: Final = "wlf"
LOG: Final = "log"
LOG_SIGNATURE: Final = (("i32", "i32", "i32"), ())
MAX_LOG_BYTES: Final = 4_096

DROP, KEEP = 0, 1
"""The verdicts of a filter."""

Call: TypeAlias = Literal["transform", "filter"]
EXPORTS: Final[dict[Call, str]] = {"transform": TRANSFORM, "filter": FILTER}

Kind: TypeAlias = Literal[
    "module", "abi", "instantiate", "deadline", "fuel", "stack", "trap", "exit", "bounds", "output", "code", "host"
]
"""What went wrong, as the metric has it. After all but `code` the instance is thrown away."""

CODES: Final[dict[int, tuple[str, str]]] = {
    -1: ("E_CONFIG", "it cannot work with its config"),
    -2: ("E_INPUT", "it cannot read the events"),
    -3: ("E_MEMORY", "it has not enough memory"),
    -4: ("E_UNSUPPORTED", "it does not support this"),
    -5: ("E_INTERNAL", "it found a fault in itself"),
}
FIRST_OWN_CODE, LAST_OWN_CODE = -64, -255


class PluginError(ComponentError):
    """What a plugin did, in words that hold nothing of the events."""

    def __init__(self, kind: Kind, message: str, *, hint: str = "") -> None:
        self.kind = kind
        super().__init__(f"plugin: {message}", hint=hint)


def code_error(function: str, code: int) -> PluginError:
    """The error for a negative result."""
    if code in CODES:
        name, meaning = CODES[code]
        hint = "expected options stand in the plugin's own documentation" if name == "E_CONFIG" else ""
        return PluginError("code", f"{function} returned {name}: {meaning}", hint=hint)
    if LAST_OWN_CODE <= code <= FIRST_OWN_CODE:
        return PluginError("code", f"{function} returned its own error code {code}")
    return PluginError("code", f"{function} returned {code}, which is no code of the interface")
