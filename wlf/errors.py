"""Every exception that wlf raises on purpose, sorted by who must act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Described(Protocol):
    """What ConfigError needs of a diagnostic: a text with its location first."""

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        ...

    def __str__(self) -> str: ...


class WlfError(Exception):
    """The root: whoever embeds wlf can catch this one."""


class ConfigError(WlfError):
    """The configuration is wrong; the user mends the file. Carries every diagnostic of the run."""

    def __init__(self, diagnostics: Sequence[Described]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(d) for d in self.diagnostics))


class ComponentError(WlfError):
    """Something about one node at run time. `node` is filled in by the runtime when the component leaves it empty."""

    def __init__(self, message: str, *, node: str = "", hint: str = "") -> None:
        self.message = message
        self.node = node
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        text = f"{self.node}: {self.message}" if self.node else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class SetupError(ComponentError):
    """Trying again cannot help: wrong password, missing privilege, refused option. The run ends with exit code 1."""


class Retryable(ComponentError):
    """The outside world failed for now; nothing of the batch is known to be delivered; the runtime tries again.

    `after_s` is for how long the other side wants to be left alone, where it said so.
    """

    def __init__(self, message: str, *, node: str = "", hint: str = "", after_s: float | None = None) -> None:
        super().__init__(message, node=node, hint=hint)
        self.after_s = after_s


class TransformFailed(WlfError):
    """Some events of a list could not be transformed, the others were: `on_error` of the node says what follows.

    Args:
        events: what goes on, in order. An event that failed stands at its place as it came in, the very object.
        reasons: why, by index in the list that came in. They go to logs: nothing of what the events hold.
    """

    def __init__(self, events: Sequence[Any], reasons: Mapping[int, str]) -> None:
        self.events = events
        self.reasons = dict(reasons)
        super().__init__(f"{len(self.reasons)} events could not be transformed")


class DecodeError(WlfError):
    """The binlog bytes are not what the protocol promises (corrupt, cut, or a wrong table map).

    `file` and `position` say where the event begins (the file name as the server gives it; a byte offset).
    """

    def __init__(self, message: str, *, file: str = "", position: int | None = None) -> None:
        self.message = message
        self.file = file
        self.position = position
        super().__init__(message)

    def __str__(self) -> str:
        if self.position is None:
            return f"{self.file}: {self.message}" if self.file else self.message
        return f"{self.file or 'binlog'}:{self.position}: {self.message}"


class StateError(WlfError):
    """The state directory cannot be used: read-only, full, corrupt, or held by another wlf."""


class InternalError(WlfError):
    """An invariant of wlf itself is broken. This is a bug in wlf, please report it."""
