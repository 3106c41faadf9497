"""Which names a rotation makes of a name: `app.log` becomes `app.log.1`, `app-20260101.log` or `app.log.2.gz`."""

from __future__ import annotations

import os
import re

_COMPRESSED = re.compile(r"\.(?:gz|zst|zstd)$")
_NUMBERED = re.compile(r"[-._]\d[\d\-_.:T]*(?=\.[A-Za-z]|$)")
_SEPARATORS = "-._"


def stem_of(path: str) -> str:
    """What all names have in common that a rotation makes of one: `app.log` of `app.log.2.gz` and of `app.log.1`."""
    directory, name = os.path.split(path)
    plain = _COMPRESSED.sub("", name)
    return os.path.join(directory, _NUMBERED.sub("", plain) or plain)


def is_compressed(path: str) -> bool:
    """By its name."""
    return _COMPRESSED.search(path) is not None


def originals_of(path: str) -> list[str]:
    """The paths that a copy at `path` may have been made from, the likeliest first.

    It may lie beside the original, or in a directory below or beside it.
    """
    directory, name = os.path.split(path)
    plain = _COMPRESSED.sub("", name)
    names = [plain] if plain != name else []
    unnumbered = _NUMBERED.sub("", plain)
    if unnumbered not in (plain, ""):
        names.append(unnumbered)
    names += [plain[:at] for at in range(len(plain) - 1, 0, -1) if plain[at] in _SEPARATORS]
    directories = [directory]
    above = os.path.dirname(directory)
    if above != directory:
        directories.append(above)
    return [os.path.join(where, each) for each in dict.fromkeys(names) for where in directories]
