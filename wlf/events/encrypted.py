"""An event of which only the ciphertext is left, and what was kept of it in clear."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from wlf.events.base import Event


class Encrypted(Event, frozen=True, gc=False):
    """A whole event, encrypted.

    Args:
        key_id: the name of the key.
        nonce: 12 bytes as base64.
        ciphertext: the event's JSON, encrypted with AES-256-GCM, and the tag of 16 bytes behind it, as base64.
        type: always `encrypted`.
        ts, source, database, table: of the event itself, where the Encryptor was told to keep them. They are bound to
            the ciphertext: it cannot be read beside others.
    """

    key_id: str
    nonce: str
    ciphertext: str
    type: str = "encrypted"
    ts: float | UnsetType = UNSET
    source: str | UnsetType = UNSET
    database: str | UnsetType = UNSET
    table: str | UnsetType = UNSET
