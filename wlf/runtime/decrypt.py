"""Lines of JSON in, the same out with all that an Encryptor encrypted readable again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from wlf.components.transformers._encryptor.cipher import Opener, Unreadable, field_label, kept_label
from wlf.components.transformers._encryptor.keys import read_key
from wlf.components.transformers.encryptor import EncryptorConfig
from wlf.errors import WlfError
from wlf.events.formats.lines import encode_one
from wlf.graph.plan import Plan

Tell: TypeAlias = Callable[[str], None]

# Numbers keep all their digits: what was not encrypted comes out as it went in.
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_MAX_KEY_FILE_BYTES = 4096
_ENVELOPE = {"key_id", "nonce", "ciphertext"}


def keys_of_plan(plan: Plan) -> dict[str, bytes]:
    """The keys of all Encryptors of a pipeline, by their names. Raises WlfError where two of a name differ."""
    found: dict[str, bytes] = {}
    for node in plan.nodes:
        if isinstance(node.config, EncryptorConfig):
            for key in node.config.keys:
                if found.setdefault(key.id, secret := read_key(key.key.reveal())) != secret:
                    raise WlfError(f"two keys are called '{key.id}' in this pipeline")
    return found


def key_of_option(option: str) -> tuple[str, bytes]:
    """`NAME=FILE` or `NAME=env:VARIABLE` to a key. Raises WlfError, whose text holds nothing of the key."""
    name, equals, source = option.partition("=")
    if not equals or not name or not source:
        raise WlfError(f"expected --key NAME=FILE or --key NAME=env:VARIABLE, got {option!r}")
    if source.startswith("env:"):
        text = os.environ.get(source.removeprefix("env:"))
        if text is None:
            raise WlfError(f"key {name}: the environment variable {source.removeprefix('env:')} is not set")
    else:
        try:
            with Path(source).open("rb") as file:
                text = file.read(_MAX_KEY_FILE_BYTES).decode("ascii", "replace")
        except OSError as error:
            raise WlfError(f"{source}: {(error.strerror or str(error)).lower()}") from error
    try:
        return name, read_key(text)
    except ValueError as error:
        raise WlfError(f"key {name}: {error}") from error


def decrypt_lines(lines: Iterable[bytes], keys: Mapping[str, bytes], tell: Tell | None = None) -> Iterator[bytes]:
    """Each line with what the keys open. With `tell`, what they do not open is told there and stays as it is.

    Raises:
        WlfError: a line is no JSON or, without `tell`, holds what the keys do not open; names the line.
    """
    opener = Opener(keys)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = _decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise WlfError(f"line {number}: expected JSON") from error
        yield encode_one(_Walk(opener, f"line {number}", tell).opened(value, ())) + b"\n"


class _Walk:
    """Goes through one line."""

    def __init__(self, opener: Opener, where: str, tell: Tell | None) -> None:
        self._opener = opener
        self._where = where
        self._tell = tell

    def opened(self, value: Any, path: tuple[str, ...]) -> Any:
        """The value with everything below it opened; the very same where nothing is encrypted."""
        if isinstance(value, str):
            return self._token(value, path) if Opener.is_token(value) else value
        if isinstance(value, list):
            return [self.opened(below, (*path, str(index))) for index, below in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if value.get("type") == "encrypted" and value.keys() >= _ENVELOPE:
            return self._event(value, path)
        return {name: self.opened(below, (*path, name)) for name, below in value.items()}

    def _token(self, token: str, path: tuple[str, ...]) -> Any:
        try:
            text = self._opener.token(token, _labels(path))
        except Unreadable as error:
            return self._refused(token, path, error)
        return msgspec.Raw(text)

    def _event(self, sealed: dict[str, Any], path: tuple[str, ...]) -> Any:
        try:
            key_id, nonce, ciphertext = (_text(sealed[name]) for name in ("key_id", "nonce", "ciphertext"))
            text = self._opener.event(key_id, nonce, ciphertext, _kept(sealed))
        except Unreadable as error:
            return self._refused(sealed, path, error)
        # Fields may have been encrypted before the whole was; the pointers of those begin here.
        return self.opened(_decode(text), ())

    def _refused(self, value: Any, path: tuple[str, ...], error: Unreadable) -> Any:
        message = f"{self._where}: {field_label(path) or 'the event'}: {error}"
        if self._tell is None:
            raise WlfError(message) from error
        self._tell(message)
        return value


def _labels(path: tuple[str, ...]) -> Iterator[str]:
    """What a token may have been made for that stands there now: a field of the event, or a column.

    A dead letter has the event below `event`. Formats have columns under `data`, `old`, `after` and `before`, sinks at
    the top.
    """
    own = path[next((index for index, part in enumerate(path) if part != "event"), len(path)) :]
    yield field_label(own)
    if path and own != ("data", path[-1]):
        yield field_label(("data", path[-1]))


def _kept(sealed: Mapping[str, Any]) -> str:
    known = {name: sealed[name] for name in ("ts", "source", "database", "table") if name in sealed}
    if not isinstance(known.get("ts", 0), int | float | Decimal):
        raise Unreadable("expected a number in 'ts'")
    return kept_label(**{name: float(value) if isinstance(value, Decimal) else value for name, value in known.items()})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unreadable("expected texts in key_id, nonce and ciphertext")
    return value
