"""`${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` inside one scalar value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_PATTERN = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_FILE_BYTES = 65_536


class SubstitutionError(Exception):
    """A `${...}` has no value. The text names the variable or file, never a value."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


def substitute(text: str, env: Mapping[str, str]) -> tuple[str, bool]:
    """The text with every `${...}` replaced, and whether there was any. `$${` stands for a literal `${`.

    What is put in is not looked at again: a password that contains `${` stays as it is.

    Raises:
        SubstitutionError: a variable is not set, a file cannot be read, or the braces do not close.
    """
    if "${" not in text:
        return text, False
    replaced = False

    def put(match: re.Match[str]) -> str:
        nonlocal replaced
        if match.group() == "$${":
            return "${"
        if match.group(1) is None:
            raise SubstitutionError("expected '}' after '${'", "write $${ for a literal ${")
        replaced = True
        return _value(match.group(1), env)

    return _PATTERN.sub(put, text), replaced


def _value(inside: str, env: Mapping[str, str]) -> str:
    if inside.startswith("file:"):
        return _file(inside.removeprefix("file:"))
    name, has_default, default = inside.partition(":-")
    if not _NAME.fullmatch(name):
        raise SubstitutionError(
            f"expected ${{NAME}}, ${{NAME:-default}} or ${{file:PATH}}, got ${{{inside}}}",
            "write $${ for a literal ${",
        )
    found = env.get(name)
    if has_default and not found:
        return default
    if found is None:
        raise SubstitutionError(f"the environment variable {name} is not set", f"set it, or write ${{{name}:-default}}")
    return found


def _file(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            raw = file.read(_MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise SubstitutionError(f"the file {name} cannot be read: {reason.lower()}") from error
    if len(raw) > _MAX_FILE_BYTES:
        raise SubstitutionError(f"the file {name} is larger than {_MAX_FILE_BYTES} bytes")
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise SubstitutionError(f"the file {name} is not UTF-8") from error
