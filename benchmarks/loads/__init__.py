"""What is measured on, by letter: see `Load` for how to write one into a live server."""

from __future__ import annotations

from benchmarks.loads.base import DATABASE, SEED, Load
from benchmarks.loads.documents import J
from benchmarks.loads.orders import B
from benchmarks.loads.sparse import N
from benchmarks.loads.sysbench import A, C, Z
from benchmarks.loads.tenants import D
from benchmarks.loads.wide import W

__all__ = ["DATABASE", "LOADS", "SEED", "Load"]

LOADS: dict[str, Load] = {"A": A, "B": B, "C": C, "D": D, "J": J, "N": N, "W": W, "Z": Z}
