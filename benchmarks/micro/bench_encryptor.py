"""What protecting values costs: encrypted, hashed, masked, and whole events, beside what the libraries alone take."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.micro.notes import note
from tests.components.fakes import make_context
from tests.components.rows import configured, insert
from wlf.components.transformers.encryptor import Encryptor, EncryptorConfig
from wlf.events.codec import encode_json
from wlf.events.log import FileLine

EVENTS = 2_000
KEY = bytes(range(32))
_LINES = tuple(FileLine("files", 1.0, f"order {n} of anna@shop.example was paid", file="/x.log") for n in range(EVENTS))
_ROWS = tuple(insert(id=n, email=f"c{n}@shop.example", name="Anna", city="Oslo", note="x" * 80) for n in range(EVENTS))
_cipher = AESGCM(KEY)


def sealed(text: bytes) -> bytes:
    return _cipher.encrypt(os.urandom(12), text, b"associated")


CASES: dict[str, tuple[Sequence[Any], dict[str, Any], Callable[[Any], Any]]] = {
    "encrypt a message": (
        _LINES,
        {"fields": [{"field": "/message", "action": "encrypt"}]},
        lambda e: sealed(e.message.encode()),
    ),
    "encrypt a column": (
        _ROWS,
        {"fields": [{"field": "/data/email", "action": "encrypt"}]},
        lambda e: sealed(e.data.f1.encode()),
    ),
    "hash a column": (
        _ROWS,
        {"fields": [{"field": "/data/email", "action": "hash"}]},
        lambda e: hmac.digest(KEY, e.data.f1.encode(), "sha256").hex(),
    ),
    "mask a column": (
        _ROWS,
        {"fields": [{"field": "/data/email", "action": "mask", "keep_first_characters": 1}]},
        lambda e: e.data.f1[0] + "*" * (len(e.data.f1) - 1),
    ),
    "whole events": (_ROWS, {"whole": True}, lambda e: sealed(encode_json((e,))[0])),
}


@pytest.mark.parametrize("who", ["wlf", "the libraries alone"])
@pytest.mark.parametrize("case", CASES)
def test_encryptor(benchmark: Any, case: str, who: str) -> None:
    """Alone: the value is made, and no event that holds it."""
    benchmark.group = case
    events, options, alone = CASES[case]
    keys = [{"id": "k1", "key": KEY.hex()}]
    config = configured(EncryptorConfig, destination="out", keys=keys, hash_key="x" * 32, **options)
    transform = Encryptor(config, make_context()).transform
    made = benchmark(transform if who == "wlf" else lambda given: [alone(event) for event in given], events)
    assert len(made) == EVENTS
    note(benchmark, EVENTS)
