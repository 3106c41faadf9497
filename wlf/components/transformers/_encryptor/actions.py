"""What can be done with a value: encrypt, hash, mask; each as an option and as the function made of it."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta

from wlf.events.formats.lines import encode_one

Protect: TypeAlias = Callable[[Any], str]
"""From a value to the text in its place."""

_FIELD = Annotated[
    str,
    Meta(
        description="where the value is: /message, /attributes/user/email, or a column as /data/email, in `old` too",
        min_length=1,
    ),
]


class Encrypt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="encrypt", tag_field="action"):
    """A token that `wlf decrypt` turns into the value again."""

    fits_keys: ClassVar[bool] = False
    field: _FIELD


class Hash(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="hash", tag_field="action"):
    """The keyed hash of the value: equal values have equal hashes, and none leads back without the key."""

    fits_keys: ClassVar[bool] = True
    field: _FIELD
    algorithm: Annotated[
        Literal["hmac-sha256", "blake2b"], Meta(description="HMAC-SHA-256, or keyed BLAKE2b of 32 bytes")
    ] = "hmac-sha256"
    encoding: Annotated[Literal["hex", "base64"], Meta(description="how the hash is written")] = "hex"
    length_bytes: Annotated[
        int, Meta(description="how much of the hash is written, from its beginning", ge=8, le=32)
    ] = 32

    def function(self, key: bytes) -> Protect:
        """The function for a key."""
        length = self.length_bytes
        if self.algorithm == "hmac-sha256":

            def digest(text: bytes) -> bytes:
                return hmac.digest(key, text, "sha256")[:length]
        else:

            def digest(text: bytes) -> bytes:
                return hashlib.blake2b(text, key=key, digest_size=32).digest()[:length]

        if self.encoding == "hex":
            return lambda value: digest(as_bytes(value)).hex()
        return lambda value: b64encode(digest(as_bytes(value))).decode()


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="mask", tag_field="action"):
    """The value with another character in place of its own ones, all or some."""

    fits_keys: ClassVar[bool] = False
    field: _FIELD
    pattern: Annotated[
        str | None, Meta(description="a regular expression: only what it matches is masked; null: the whole text")
    ] = None
    keep_first_characters: Annotated[int, Meta(description="characters left at the beginning", ge=0)] = 0
    keep_last_characters: Annotated[int, Meta(description="characters left at the end", ge=0)] = 0
    character: Annotated[
        str, Meta(description="what stands in place of each other one", min_length=1, max_length=1)
    ] = "*"

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic."""
        try:
            re.compile(self.pattern or "")
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"expected a regular expression, got {self.pattern!r}: {error}") from error

    def function(self) -> Protect:
        """The function. A text that is no longer than what is kept is masked whole."""
        first, last, character = self.keep_first_characters, self.keep_last_characters, self.character

        def mask(text: str) -> str:
            hidden = len(text) - first - last
            if hidden <= 0:
                return character * len(text)
            return f"{text[:first]}{character * hidden}{text[len(text) - last :]}"

        if self.pattern is None:
            return lambda value: mask(as_text(value))
        substitute = re.compile(self.pattern).sub
        return lambda value: substitute(lambda match: mask(match.group()), as_text(value))


Action: TypeAlias = Encrypt | Hash | Mask


def as_json(value: Any) -> bytes:
    """The value as wlf writes it into JSON."""
    return encode_one(value)


def as_bytes(value: Any) -> bytes:
    """What is hashed: a text itself, else the JSON of the value."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else as_json(value)


def as_text(value: Any) -> str:
    """What is masked."""
    return value if isinstance(value, str) else as_json(value).decode()
