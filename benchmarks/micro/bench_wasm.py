"""WebAssembly plugins beside Python: masking, verdicts, and what handing events over costs by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.micro.notes import note
from tests.components.transformers.guests import make_wasm
from wlf.events import Event
from wlf.events.log import FileLine

ROOT = Path(__file__).parents[2]
BATCHES = (1, 100, 1_000)
PATTERN = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+|(?<![A-Za-z0-9_])[0-9]{13,19}(?![A-Za-z0-9_])")
TEXTS = [field for field in FileLine.__struct_fields__ if field in ("source", "message", "type", "file", "host")]
CASES = ("redact, Python's re", "redact, plugin in C", "filter, plugin in C", "identity, plugin")


def line(n: int) -> FileLine:
    message = (
        f"2026-11-28T10:00:00Z INFO [worker-{n % 7}] shop.payment: order {100_000 + n} of customer user{n}@example.com "
        f"paid by card 4111111111111111 from 10.0.0.{n % 250} amount=12.50 currency=EUR "
        f"trace=4bf92f3577b34da6a3ce929d0e0e47{n % 90 + 10} status=ok took {n % 300} ms"
    )
    return FileLine("files", 1_764_324_000.123, message, file="/var/log/shop/payment.log", host="shop-1")


def mask(events: Sequence[Any]) -> Sequence[Event]:
    """What redact.c does: every text of an event."""

    def one(found: re.Match[str]) -> str:
        return "***" if "@" in found.group() else "****"

    sub, replace = PATTERN.sub, msgspec.structs.replace
    return [replace(event, **{name: sub(one, getattr(event, name)) for name in TEXTS}) for event in events]


def work(case: str) -> Callable[[Sequence[Event]], Sequence[Event]]:
    if case.startswith("redact, Python"):
        return mask
    if case.startswith("redact"):
        return make_wasm(ROOT / "sdk/built/redact.wasm").transform
    if case.startswith("filter"):
        return make_wasm(ROOT / "sdk/built/contains.wasm", config={"keep": "took 7"}).transform
    return make_wasm(ROOT / "sdk/wat/identity.wat").transform


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("case", CASES)
def test_wasm(benchmark: Any, case: str, batch: int) -> None:
    """Lines of a log in, events out, in batches."""
    benchmark.group = f"wasm, batches of {batch}"
    events = tuple(map(line, range(batch)))
    call = work(case)
    if case.startswith("redact"):
        assert list(call(events)) == mask(events)
    benchmark(call, events)
    note(benchmark, batch)


def main() -> None:
    """The two floors, each side in turn: masking beside Python's `re`, and verdicts a second."""
    import sys
    import time

    events = tuple(map(line, range(1_000)))
    calls = {case: work(case) for case in CASES}
    best = dict.fromkeys(CASES, float("inf"))
    for _ in range(60):
        for case, call in calls.items():
            began = time.process_time()
            call(events)
            best[case] = min(best[case], time.process_time() - began)
    for case, seconds in best.items():
        sys.stdout.write(f"{case:22} {1_000 / seconds:12,.0f} events a CPU second\n")
    ratio = best["redact, Python's re"] / best["redact, plugin in C"]
    verdicts = 1_000 / best["filter, plugin in C"]
    sys.stdout.write(
        f"masking: {ratio:.1f} times Python's re (floor 4)\nverdicts: {verdicts:,.0f} a second (floor 500,000)\n"
    )
    sys.exit(0 if ratio >= 4 and verdicts >= 500_000 else 1)


if __name__ == "__main__":
    main()
