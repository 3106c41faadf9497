"""From a key to a partition as other clients do it, so that topics written by them and by wlf can be joined by key."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal, TypeAlias
from zlib import crc32

Hash: TypeAlias = Callable[[bytes], int]
"""A key's hash; its partition is the hash modulo the number of partitions."""

CACHED_KEYS = 50_000
CACHED_KEY_BYTES = 256
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """32-bit MurmurHash2 with the Java client's seed, unsigned (org.apache.kafka.common.utils.Utils.murmur2)."""
    length = len(key)
    h = 0x9747B28C ^ length
    words = length >> 2
    for k in struct.unpack_from(f"<{words}I", key):
        k = k * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    tail = key[words << 2 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


class JavaHash:
    """murmur2 without its sign bit, as the Java client takes it; remembers keys, for one costs microseconds."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def __call__(self, key: bytes) -> int:
        found = self._known.get(key)
        if found is None:
            found = murmur2(key) & 0x7FFFFFFF
            if len(key) <= CACHED_KEY_BYTES:
                if len(self._known) >= CACHED_KEYS:
                    self._known.clear()
                self._known[key] = found
        return found


def hash_of(partitioner: Literal["crc32", "java"]) -> Hash:
    """The hash behind an option `partitioner`. crc32 is librdkafka's `consistent`: zlib's, of the whole key."""
    return crc32 if partitioner == "crc32" else JavaHash()
