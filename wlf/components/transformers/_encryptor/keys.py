"""Keys: 32 bytes under a name."""

from __future__ import annotations

import base64
import binascii
import re

KEY_BYTES = 32
KEY_ID = r"[A-Za-z0-9_.-]{1,64}"
EXPECTED = "32 bytes as base64 or as 64 hexadecimal digits"

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_URL_SAFE = str.maketrans("-_", "+/")


def read_key(text: str) -> bytes:
    """The key that a text holds. Raises ValueError, whose text holds nothing of it."""
    text = text.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        bare = text.translate(_URL_SAFE).rstrip("=")
        key = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"expected {EXPECTED}") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"expected {EXPECTED}, got {len(key)} bytes")
    return key
