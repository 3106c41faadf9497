"""The C library's heap keeps the memory that each batch takes and gives back, in place of asking the kernel every time.

Chunks, texts and lists of a batch are some hundred kilobytes each. glibc returns so much to the kernel at once, which
clears every page before it hands it out again: a fifth of the CPU time of a run from file to file.
"""

from __future__ import annotations

import ctypes
import os

KEPT_BYTES = 8 * 1024 * 1024
"""So much may lie free at the end of the heap."""
LARGE_BYTES = 4 * 1024 * 1024
"""What is larger is still asked for and given back by itself."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of mallopt(3)."""
_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
"""By these the user has a say; then nothing is set here."""


def keep_memory() -> bool:
    """Set it, from now on. False where the C library is another one, or the environment sets it."""
    if any(name in os.environ for name in _SETTINGS):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(_MMAP_THRESHOLD, LARGE_BYTES))
