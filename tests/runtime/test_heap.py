"""Memory that batches take and give back stays in the process, unless the user has a say."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from wlf.runtime import heap

FAULTS = """
import resource, sys
from wlf.runtime.heap import keep_memory
if "keep" in sys.argv: assert keep_memory()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def batch(): return [bytes(262_144) for _ in range(4)], bytes(1_000_000)
for _ in range(20): batch()
before = faults()
for _ in range(200): batch()
print(faults() - before)
"""


def faults(*arguments: str) -> int:
    """Pages that the kernel hands out for 200 batches, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in heap._SETTINGS}
    told = subprocess.run([sys.executable, "-c", FAULTS, *arguments], env=environment, capture_output=True, check=True)
    return int(told.stdout)


@pytest.mark.skipif(not hasattr(heap.ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_memory_of_a_batch_is_used_again_by_the_next() -> None:
    assert faults("keep") < 1_000 < faults()


def test_what_the_user_sets_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    assert not heap.keep_memory()
