"""Which file an event belongs into: the path template, confined to one directory whatever the events say."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from wlf.components.naming import NameRefused
from wlf.errors import SetupError
from wlf.events import Event
from wlf.events.template import MissingField, Template

Path: TypeAlias = tuple[str, ...]
"""Directories and file name below the base directory: none of them is empty, `.`, `..`, or holds a slash."""

_POINTER_OR_SLASH = re.compile(r"%\{[^}]*\}|/+")
_REMEMBERED = 100_000
_MAX_NAME_BYTES = 200
"""File systems take 255 bytes; the rest is for the number of a rotated file."""
_SEPARATOR = "\0"
"""Stands for the template's own slashes while it is rendered: no file name can hold it, so a slash or NUL that comes
out of an event cannot pass for one."""
_ROTATED = re.compile(r"\.\d{6}(\.[^.]*)?(\.gz|\.zst)?$")


def split_template(path: str, base_dir: str | None) -> tuple[str, Template]:
    """The base directory (absolute) and the template of what lies below it.

    Without `base_dir` the base is the directory part before the first pointer, so nothing that events say can leave it.

    Raises:
        ValueError: the path names no file, leaves the base directory, or holds `.`, `..` or NUL after a pointer.
    """
    if "\0" in path or not path or path.endswith("/"):
        raise ValueError(f"expected the path of a file, got {path!r}")
    base, below = _explicit(path, base_dir) if base_dir is not None else _implicit(path)
    parts = _POINTER_OR_SLASH.sub(lambda found: found[0] if found[0][0] == "%" else _SEPARATOR, below).split(_SEPARATOR)
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"expected a path below {base}, got {path!r}")
    return base, Template(_SEPARATOR.join(parts))


def _explicit(path: str, base_dir: str) -> tuple[str, str]:
    base = os.path.abspath(base_dir)
    if not path.startswith("/"):
        return base, path
    below = path.removeprefix(base.rstrip("/") + "/")
    if below == path:
        raise ValueError(f"expected a path below {base}, got {path!r}")
    return base, below


def _implicit(path: str) -> tuple[str, str]:
    cut = path.split("%{", 1)[0].rfind("/") + 1
    return os.path.abspath(path[:cut] or "."), path[cut:]


class FilePaths:
    """One dispatcher's paths, cached by what the template gives.

    With `names: replace` two events can meet in one file (tables `a/b` and `a_b`): the second is refused, for the file
    would mix two tables. A template that gives one path for several tables does so on purpose, and is not.
    """

    def __init__(
        self, template: Template, *, names: Literal["replace", "reject"], on_missing: str, rotated: bool = False
    ) -> None:
        self._template = template
        self._depth = template.text.count(_SEPARATOR) + 1
        self._replace = names == "replace"
        self._missing = None if on_missing == "reject" else on_missing
        self._rotated = rotated and bool(template.pointers)
        self._paths: dict[str, Path] = {}
        self._texts: dict[Path, str] = {}

    @property
    def constant(self) -> Path | None:
        """The one path of all events, where the template holds no pointer. Raises NameRefused."""
        text = self._template.constant
        return None if text is None else self._path(text)

    def paths(self, events: Sequence[Any], rejected: dict[int, str]) -> Path | list[Path | None]:
        """The paths of all events: a single one where it is the same for all.

        An event without a path gets None in the list, and its reason in `rejected` by index. Raises SetupError where
        the template is a constant that is no path.
        """
        try:
            if (constant := self.constant) is not None:
                return constant
        except NameRefused as error:
            raise SetupError(f"path: {error}") from error
        if self._template.by_table:
            try:
                return self._by_table(events)
            except (NameRefused, AttributeError):  # whose it is shows below
                pass
        paths: list[Path | None] = []
        for index, event in enumerate(events):
            try:
                paths.append(self.path(event))
            except NameRefused as error:
                paths.append(None)
                rejected[index] = str(error)
        return paths

    def _by_table(self, events: Sequence[Any]) -> Path | list[Path | None]:
        """Looks once at each table."""
        keys = [(event.database, event.table) for event in events]
        found = {key: self.path(event) for key, event in dict(zip(keys, events, strict=True)).items()}
        return next(iter(found.values())) if len(found) == 1 else [found[key] for key in keys]

    def path(self, event: Event) -> Path:
        """The path for one event. Raises NameRefused with the reason."""
        try:
            text = self._template.render(event)
        except MissingField as error:
            if self._missing is None:
                raise NameRefused(str(error)) from error
            text = self._template.fill(event, self._missing)
        return self._paths.get(text) or self._path(text)

    def _path(self, text: str) -> Path:
        parts = tuple(text.split(_SEPARATOR))
        if len(parts) != self._depth:
            raise NameRefused(f"expected a file name without NUL, got {text.replace(_SEPARATOR, '/')!r}")
        path = tuple(map(_mended, parts))
        if path != parts and not self._replace:
            raise NameRefused(
                f"expected a file name, got {next(p for p, m in zip(parts, path, strict=True) if p != m)!r}"
            )
        if self._rotated and _ROTATED.search(path[-1]):
            raise NameRefused(f"{path[-1]!r} looks like a rotated file of another table")
        if len(self._paths) >= _REMEMBERED:
            self._paths.clear()
            self._texts.clear()
        other = self._texts.setdefault(path, text)
        if other != text:
            pair = f"{text!r} and {other!r}".replace("\\x00", "/")
            raise NameRefused(f"{pair} would both be written to {'/'.join(path)!r}")
        self._paths[text] = path
        return path


def _mended(name: str) -> str:
    """The nearest file name; the same text where it is one already."""
    mended = name.replace("/", "_")
    if mended in ("", ".", ".."):
        return "_" * max(1, len(mended))
    raw = mended.encode("utf-8", "replace")
    if len(raw) > _MAX_NAME_BYTES:
        # The end tells two long names apart, and keeps the extension out of the cut.
        stem, extension = os.path.splitext(mended)
        digest = hashlib.sha256(raw).hexdigest()[:16]
        tail = f"-{digest}{extension if len(extension) < 16 else ''}".encode()
        return (stem.encode("utf-8", "replace")[: _MAX_NAME_BYTES - len(tail)] + tail).decode(errors="ignore")
    return raw.decode()
