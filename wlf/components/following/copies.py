"""Is a file that appears a copy of one that is known? Rotations copy before they truncate, and compress before they
remove.

A copy is not read as long as the original is there: what is in it comes from there. When the original is truncated or
gone, the copy goes on where reading had come to. A plain copy whose original stays as it is for ten seconds is a file
of its own.
"""

from __future__ import annotations

import enum
import math
import os
from collections.abc import Callable

from wlf.components.following.contents import Damaged, Unpacked
from wlf.components.following.follow import Followed
from wlf.components.following.position import HEAD_BYTES, TAIL_BYTES

PATIENCE_SECONDS = 10.0


class Verdict(enum.Enum):
    """What a file that may be a copy is."""

    WAITS = enum.auto()
    """It looks like a copy, and its original is still there."""
    UNKNOWN = enum.auto()
    """It must be looked at further."""
    GOES_ON = enum.auto()
    """It is a copy, and what the original held is read on from it."""
    OWN = enum.auto()
    """It is no copy."""


class Copies:
    """Judges by contents. `is_known` says whether a file is still remembered."""

    def __init__(self, now: Callable[[], float], is_known: Callable[[Followed], bool]) -> None:
        self._now = now
        self._is_known = is_known

    def judge(self, copy: Followed) -> tuple[Verdict, Followed | None]:
        """What the open file `copy` is, and of which original."""
        waits = unknown = False
        for original in copy.originals:
            verdict = self._compare(copy, original)
            if verdict is Verdict.GOES_ON:
                return verdict, original
            if verdict is Verdict.OWN:
                copy.originals = tuple(each for each in copy.originals if each is not original)
            waits |= verdict is Verdict.WAITS
            unknown |= verdict is Verdict.UNKNOWN
        if unknown:
            return Verdict.UNKNOWN, None
        return (Verdict.WAITS if waits else Verdict.OWN), None

    def _compare(self, copy: Followed, original: Followed) -> Verdict:
        if not self._is_known(original):
            return Verdict.OWN
        if original.originals:
            if not original.size:
                return Verdict.OWN
            copy.waits_until = math.inf  # until it is known what that one is
            return Verdict.WAITS
        if not original.offset:
            return self._compare_unread(copy, original)
        is_there = original.now is not None or original.is_queued
        if is_there:
            copy.waits_until = math.inf  # until something happens to the original
        try:
            if isinstance(copy.contents, Unpacked):
                return self._compare_packed(copy, copy.contents, original, is_there=is_there)
        except Damaged:
            return Verdict.OWN
        if original.now is not None:
            return self._compare_live(copy, original)
        if original.is_queued:
            return Verdict.WAITS
        if copy.size >= original.offset:
            return Verdict.GOES_ON if original.is_continued_in(copy.fd, copy.size) else Verdict.OWN
        # It was read further than it was copied: what is in the copy is delivered.
        return Verdict.GOES_ON if copy.size and copy.size == copy.same_bytes else Verdict.OWN

    def _compare_unread(self, copy: Followed, original: Followed) -> Verdict:
        """Nothing of the original was read yet: its beginning tells whether that is worth waiting for."""
        if not original.awaits_turn or not _begin_alike(copy, original):
            return Verdict.OWN
        if not original.is_parked:
            return Verdict.UNKNOWN
        copy.waits_until = math.inf  # until it was read
        original.is_awaited = True
        return Verdict.WAITS

    def _compare_live(self, copy: Followed, original: Followed) -> Verdict:
        """Both are there: as long as one is the beginning of the other, wait for what happens to the original."""
        size = min(copy.size, original.size)
        if original.fd < 0 or not _have_same(copy.fd, original.fd, size):
            return Verdict.OWN
        now = self._now()
        if copy.size != copy.same_bytes or not copy.same_since:
            copy.same_bytes, copy.same_since = copy.size, now
        copy.waits_until = copy.same_since + PATIENCE_SECONDS
        return Verdict.WAITS if now < copy.waits_until else Verdict.OWN

    def _compare_packed(self, copy: Followed, contents: Unpacked, original: Followed, *, is_there: bool) -> Verdict:
        contents.read(HEAD_BYTES, 0) if not contents.reached else None
        is_short = len(contents.head) < original.head_bytes
        if not is_short and not original.has_head(contents.head):
            return Verdict.OWN
        if is_there or is_short:
            return Verdict.OWN if is_short and contents.is_whole else Verdict.WAITS
        if contents.reached < original.offset:
            if contents.skip(original.offset, TAIL_BYTES):
                return Verdict.UNKNOWN
            return Verdict.OWN if contents.is_whole else Verdict.WAITS
        return Verdict.GOES_ON if original.is_checked_by(contents) else Verdict.OWN


def _begin_alike(copy: Followed, original: Followed) -> bool:
    """False only where a compressed file is seen to hold something else."""
    if not isinstance(copy.contents, Unpacked) or original.fd < 0:
        return True
    try:
        packed = copy.contents.read(HEAD_BYTES, 0) if not copy.contents.reached else copy.contents.head
    except Damaged:
        return False
    plain = original.beginning(HEAD_BYTES)
    size = min(len(packed), len(plain))
    return packed[:size] == plain[:size]


def _have_same(one: int, other: int, size: int) -> bool:
    """Do two files have the same beginning of that size? Its first and its last bytes are compared."""
    if os.pread(one, min(size, HEAD_BYTES), 0) != os.pread(other, min(size, HEAD_BYTES), 0):
        return False
    at = max(0, size - TAIL_BYTES)
    return os.pread(one, size - at, at) == os.pread(other, size - at, at)
