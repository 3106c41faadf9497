"""Whose turn it is: every file gets one chunk at a time, and of the compressed ones one file at a time."""

from __future__ import annotations

from collections import deque

from wlf.components.following.follow import Followed


class Queue:
    """Files that may have something to read.

    A decompressor takes memory, and begins at the beginning when it is closed: so compressed files are read one after
    the other.
    """

    def __init__(self) -> None:
        self._plain: deque[Followed] = deque()
        self._packed: deque[Followed] = deque()
        self._is_packed_next = False

    def __len__(self) -> int:
        """How many turns there are at present."""
        return len(self._plain) + bool(self._packed)

    def add(self, followed: Followed) -> None:
        """It has its turn behind the others."""
        if not followed.is_queued:
            followed.is_queued = True
            (self._packed if followed.is_packed else self._plain).append(followed)

    def again(self, followed: Followed) -> None:
        """It has more: a compressed one stays the first of its kind."""
        if not followed.is_queued and followed.is_packed:
            followed.is_queued = True
            self._packed.appendleft(followed)
        else:
            self.add(followed)

    def take(self) -> Followed:
        """Who is next; the compressed one in every other turn."""
        self._is_packed_next = not self._is_packed_next
        of_packed = bool(self._packed) and (self._is_packed_next or not self._plain)
        followed = (self._packed if of_packed else self._plain).popleft()
        followed.is_queued = False
        return followed
