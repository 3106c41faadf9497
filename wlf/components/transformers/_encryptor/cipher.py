"""AES-256-GCM: values to tokens, events to Encrypted, and both back.

What is bound to a ciphertext, so that it cannot be read anywhere else: that it is one of wlf, whether of a field or of
an event, the key's name, and the field's label or what was kept of the event.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping
from os import urandom
from typing import Any, Protocol

import msgspec

from wlf.components.transformers._encryptor.keys import KEY_ID
from wlf.errors import ComponentError, SetupError

NONCE_BYTES = 12
TAG_BYTES = 16
MAX_SEALED = 1 << 32
"""How often a key may be used with random nonces: after so many the chance that two were the same is one in 2^33."""

_TOKEN = re.compile(rf"wlf1:({KEY_ID}):([A-Za-z0-9+/]+={{0,2}})")


class Cipher(Protocol):
    """What the library makes of a key."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """The ciphertext with its tag."""
        ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """The text, or an exception where key, nonce, ciphertext or associated data are not those that made it."""
        ...


class Unreadable(Exception):
    """A ciphertext that the keys do not open. Its text holds nothing of it."""


def cipher_of(key: bytes) -> Cipher:
    """The library's AES-256-GCM. Raises SetupError where it is not installed."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise SetupError("Encryptor needs the library cryptography", hint='pip install "wlf[encrypt]"') from error
    return AESGCM(key)


def field_label(path: Iterable[str]) -> str:
    """What binds a token to its field: a pointer, `/data/email` for a column wherever a format puts it."""
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)


def _bound(kind: str, key_id: str, label: str) -> bytes:
    return f"wlf1\0{kind}\0{key_id}\0{label}".encode("utf-8", "surrogatepass")


def kept_label(ts: Any = None, source: Any = None, database: Any = None, table: Any = None) -> str:
    """What binds an event to what was kept of it; None is what was not."""
    return msgspec.json.encode((None if ts is None else float(ts), source, database, table)).decode()


class Sealer:
    """Encrypts with one key."""

    def __init__(self, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self.count = 0
        self._cipher = cipher_of(key)
        self._prefix = f"wlf1:{key_id}:"

    def tokens(self, label: str) -> Callable[[bytes], str]:
        """The function that makes the tokens of a field: `wlf1:KEY:BASE64` of nonce, ciphertext and tag."""
        bound, prefix = _bound("field", self.key_id, label), self._prefix.encode()
        encrypt, new_nonce = self._cipher.encrypt, self._nonce

        def token(text: bytes) -> str:
            nonce = new_nonce()
            return (prefix + b2a_base64(nonce + encrypt(nonce, text, bound), newline=False)).decode()

        return token

    def event(self, text: bytes, label: str) -> tuple[str, str]:
        """(nonce, ciphertext with tag) as base64."""
        nonce = self._nonce()
        sealed = self._cipher.encrypt(nonce, text, _bound("event", self.key_id, label))
        return b64encode(nonce).decode(), b64encode(sealed).decode()

    def _nonce(self) -> bytes:
        """A random one each time. Raises ComponentError where the key has been used as often as it may be."""
        if self.count >= MAX_SEALED:
            raise ComponentError(
                f"the key '{self.key_id}' has encrypted 2^32 values, which is all that it may",
                hint="put a new key in front of the others in `keys`",
            )
        self.count += 1
        return urandom(NONCE_BYTES)


class Opener:
    """Decrypts with whichever of its keys a ciphertext names."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {key_id: cipher_of(key) for key_id, key in keys.items()}

    @staticmethod
    def is_token(text: str) -> bool:
        """Does the text look like a token? What a program wrote by itself may do so too."""
        return text.startswith("wlf1:") and _TOKEN.fullmatch(text) is not None

    def token(self, token: str, labels: Iterable[str]) -> bytes:
        """What a token holds, which was made for one of these labels. Raises Unreadable."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise Unreadable("expected a token such as wlf1:KEY:BASE64")
        raw = _from_base64(found.group(2))
        key_id = found.group(1)
        return self._open(key_id, raw[:NONCE_BYTES], raw[NONCE_BYTES:], (_bound("field", key_id, at) for at in labels))

    def event(self, key_id: str, nonce: str, ciphertext: str, label: str) -> bytes:
        """What an encrypted event holds. Raises Unreadable."""
        bound = (_bound("event", key_id, label),)
        return self._open(key_id, _from_base64(nonce), _from_base64(ciphertext), bound)

    def _open(self, key_id: str, nonce: bytes, sealed: bytes, bound: Iterable[bytes]) -> bytes:
        from cryptography.exceptions import InvalidTag

        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise Unreadable(f"no key '{key_id}', known: {', '.join(self._ciphers) or 'none'}")
        if len(nonce) != NONCE_BYTES or len(sealed) < TAG_BYTES:
            raise Unreadable("the ciphertext is cut short")
        for each in bound:
            try:
                return cipher.decrypt(nonce, sealed, each)
            except InvalidTag:
                continue
        raise Unreadable(
            f"not what the key '{key_id}' encrypted here: another key of that name, or it was changed or moved"
        )


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise Unreadable("expected base64") from None
