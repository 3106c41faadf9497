"""What is wrong with a config: code, place, message, hint. All of a run are reported together."""

from __future__ import annotations

from typing import Literal, NamedTuple


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
