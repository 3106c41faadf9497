"""From a key to a partition as other clients do it, so that topics written by them and by wlf can be joined by key."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal, TypeAlias
from zlib import crc32

Hash: TypeAlias = Callable[[bytes], int]
"""A key's hash; its partition is the hash modulo the number of partitions."""
Partitioner: TypeAlias = Literal["crc32", "java", "maxwell_default", "maxwell_murmur3"]

CACHED_KEYS = 50_000
CACHED_KEY_BYTES = 256
MAXWELL_SEED = 25342
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


def murmur3(key: bytes, seed: int) -> int:
    """32-bit MurmurHash3 (x86), unsigned: https://github.com/aappleby/smhasher, MurmurHash3.cpp."""
    h = seed & _MASK
    words = len(key) >> 2
    for k in struct.unpack_from(f"<{words}I", key):
        h ^= _scrambled(k)
        h = (h << 13 | h >> 19) & _MASK
        h = (h * 5 + 0xE6546B64) & _MASK
    tail = key[words << 2 :]
    if tail:
        h ^= _scrambled(int.from_bytes(tail, "little"))
    h ^= len(key)
    h = (h ^ h >> 16) * 0x85EBCA6B & _MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & _MASK
    return h ^ h >> 16


def _scrambled(k: int) -> int:
    k = k * 0xCC9E2D51 & _MASK
    k = (k << 15 | k >> 17) & _MASK
    return k * 0x1B873593 & _MASK


def java_hash_code(text: str) -> int:
    """java.lang.String.hashCode(): s[0]*31^(n-1) + ... + s[n-1] over UTF-16 units, as a signed 32-bit integer."""
    units = text.encode("utf-16-le", "surrogatepass")
    h = 0
    for unit in struct.unpack(f"<{len(units) >> 1}H", units):
        h = (h * 31 + unit) & _MASK
    return _signed(h)


def _signed(h: int) -> int:
    return h - (1 << 32) if h & 0x80000000 else h


def _java(key: bytes) -> int:
    """murmur2 without its sign bit, as the Java client takes it."""
    return murmur2(key) & 0x7FFFFFFF


def _maxwell_default(text: bytes) -> int:
    # Math.abs(hash % n) of Java is abs(hash) % n: its remainder has the sign of the hash.
    return abs(java_hash_code(text.decode("utf-8", "surrogatepass")))


def _maxwell_murmur3(text: bytes) -> int:
    return abs(_signed(murmur3(text, MAXWELL_SEED)))


class RememberedHash:
    """A hash that remembers keys, for one costs microseconds in Python."""

    def __init__(self, of: Hash) -> None:
        self._of = of
        self._known: dict[bytes, int] = {}

    def __call__(self, key: bytes) -> int:
        found = self._known.get(key)
        if found is None:
            found = self._of(key)
            if len(key) <= CACHED_KEY_BYTES:
                if len(self._known) >= CACHED_KEYS:
                    self._known.clear()
                self._known[key] = found
        return found


_SLOW: dict[str, Hash] = {"java": _java, "maxwell_default": _maxwell_default, "maxwell_murmur3": _maxwell_murmur3}


def hash_of(partitioner: Partitioner) -> Hash:
    """The hash behind an option `partitioner`. crc32 is librdkafka's `consistent`: zlib's, of the whole key."""
    return crc32 if partitioner == "crc32" else RememberedHash(_SLOW[partitioner])
