"""All files that are followed: which one is at which name, whatever is renamed, replaced or removed."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping

from wlf.components.collectors._file.follow import Followed
from wlf.components.collectors._file.position import decode_position
from wlf.components.collectors._file.tally import Tally


class Roster:
    """Hears from the discovery, and knows which files have something to read.

    Args:
        now: seconds that never run backwards.
        max_open: how many files may be open at once.
    """

    def __init__(self, now: Callable[[], float], max_open: int, tally: Tally, logger: logging.Logger) -> None:
        self._now = now
        self._max_open = max_open
        self._tally = tally
        self._logger = logger
        self.files: dict[str, Followed] = {}
        """By id; also those that are gone, as long as they are remembered."""
        self.queue: deque[Followed] = deque()
        """Files with something to read, in turn."""
        self.news: dict[str, bytes | None] = {}
        """Positions to be told: where a new file begins, and None of what is forgotten."""
        self.starts_at_end = False
        """Are files that are found now read from their end on?"""
        self.has_end = False
        """Is only what is there now to be read?"""
        self.is_closed = False
        """Are files that are found now left to the next run?"""
        self._by_path: dict[str, Followed] = {}
        self._by_inode: dict[tuple[int, int], Followed] = {}
        self._open: OrderedDict[str, Followed] = OrderedDict()
        self._gone: dict[str, Followed] = {}

    def resume(self, positions: Mapping[str, bytes]) -> None:
        """Take up what was stored; each file is looked for by the first walk."""
        for id, stored in positions.items():
            followed = Followed.resumed(id, decode_position(stored))
            self.files[id] = followed
            self._by_inode.setdefault((followed.device, followed.inode), followed)
            self._by_path.setdefault(followed.now or followed.path, followed)

    def seen(self, path: str, walk: int = 0, label: str | None = None) -> None:
        """A file that is meant stands at `path`."""
        try:
            status = os.stat(path)
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._cannot(path, error)
            return
        if not stat.S_ISREG(status.st_mode):
            return
        followed = self._by_inode.get((status.st_dev, status.st_ino))
        there = self._by_path.get(path)
        if followed is not None and followed is not there:
            if not self._is_at(followed, path, status):
                followed = None
            elif followed.now != path and self._is_still_there(followed):
                followed.walk = max(followed.walk, walk)  # a second name of the same file
                return
            else:
                self._rename(followed, path)
        if followed is None:
            followed = self._arrive(path, label or path, status)
            if followed is None:
                return
        followed.walk = max(followed.walk, walk)
        followed.gone_at = None
        self._gone.pop(followed.id, None)
        if status.st_size != followed.size or status.st_size != followed.offset:
            self._enqueue(followed)

    def written(self, path: str) -> None:
        """There may be more in the file at `path`."""
        followed = self._by_path.get(path)
        if followed is not None and not followed.is_queued:
            self._enqueue(followed)

    def moved(self, old: str, new: str, *, is_meant: bool, was_meant: bool) -> None:
        """A file got another name; under which it is followed though no glob means it."""
        followed = self._by_path.get(old)
        try:
            status = os.stat(new)
        except OSError:
            status = None
        if followed is not None and status is not None and status.st_ino == followed.inode:
            self._rename(followed, new)
            self._enqueue(followed)
            return
        if followed is not None:
            # By now another one is there, or it was moved on: its next name is told next.
            self._displace(followed)
        if was_meant or is_meant:
            self.seen(new, label=old if was_meant else new)

    def vanished(self, path: str, *, is_deleted: bool) -> None:
        """No file is at `path` any more."""
        followed = self._by_path.get(path)
        if followed is not None:
            self._displace(followed)
            self._enqueue(followed)

    def walked(self, walk: int, unseen_roots: list[str]) -> None:
        """Whoever was not seen is not where it was."""
        for followed in list(self._by_path.values()):
            path = followed.now or ""
            if followed.walk >= walk or any(path.startswith(root + "/") for root in unseen_roots):
                continue
            if not self._is_still_there(followed):
                self._displace(followed)
                self._enqueue(followed)

    def open(self, followed: Followed) -> bool:
        """Make sure that it can be read, and that it is still what it was."""
        if followed.fd < 0 and not self._open_again(followed):
            return False
        self._open[followed.id] = followed
        self._open.move_to_end(followed.id)
        status = os.fstat(followed.fd)
        followed.size = status.st_size
        if not followed.is_same(followed.fd, status.st_size):
            self._begin_anew(followed, status)
            return False
        return True

    def rest(self, followed: Followed) -> None:
        """It was read to its end: close the longest unused ones above the limit."""
        while len(self._open) > self._max_open:
            _, oldest = self._open.popitem(last=False)
            oldest.close()
        self._tally.opened.set(len(self._open))

    def forget_gone(self, after_seconds: float) -> None:
        """Whoever is gone long enough is forgotten."""
        now = self._now()
        for followed in [each for each in self._gone.values() if now - (each.gone_at or now) >= after_seconds]:
            if not followed.is_queued:
                self._drop(followed)

    def next_forget(self, after_seconds: float) -> float | None:
        """When the next one may be forgotten."""
        first = next(iter(self._gone.values()), None)
        return None if first is None or first.gone_at is None else first.gone_at + after_seconds

    def close(self) -> None:
        """Close all files."""
        for followed in self._open.values():
            followed.close()
        self._open.clear()

    def _arrive(self, path: str, label: str, status: os.stat_result) -> Followed | None:
        """A file that is not known yet stands at `path`."""
        there = self._by_path.get(path)
        if there is not None:
            if self._is_at(there, path, status):  # the same contents in another inode
                there.device, there.inode = status.st_dev, status.st_ino
                self._by_inode[status.st_dev, status.st_ino] = there
                there.close()
                self._open.pop(there.id, None)
                return there
            self._displace(there)
            self._enqueue(there)
        if self.is_closed:
            return None
        return self._new(path, label, status)

    def _new(self, path: str, label: str, status: os.stat_result) -> Followed:
        followed = Followed(secrets.token_hex(8), label, status.st_dev, status.st_ino)
        followed.now = path
        self.files[followed.id] = followed
        self._by_path[path] = followed
        self._by_inode[status.st_dev, status.st_ino] = followed
        if self.has_end:
            followed.end = status.st_size
        if self.starts_at_end and self._open_again(followed):
            followed.start_at(status.st_size)
        elif followed.fd < 0:
            # Open at once: a rotation may take it away before its turn comes.
            self._open_again(followed)
        self.news[followed.id] = followed.position()
        self._tally.followed.set(len(self.files))
        return followed

    def _is_at(self, followed: Followed, path: str, status: os.stat_result) -> bool:
        """Is the file at `path` this one, by its contents? An open file keeps its inode, so then there is no doubt."""
        is_same_inode = (followed.device, followed.inode) == (status.st_dev, status.st_ino)
        if is_same_inode and followed.fd >= 0:
            return True
        if not is_same_inode and (not followed.offset or followed.fd >= 0):
            return False
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return is_same_inode
        try:
            return followed.is_same(fd, status.st_size)
        finally:
            os.close(fd)

    def _is_still_there(self, followed: Followed) -> bool:
        if followed.now is None:
            return False
        try:
            status = os.stat(followed.now)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == (followed.device, followed.inode)

    def _rename(self, followed: Followed, path: str) -> None:
        if followed.now is not None and self._by_path.get(followed.now) is followed:
            del self._by_path[followed.now]
        there = self._by_path.get(path)
        if there is not None and there is not followed:
            self._displace(there)
            self._enqueue(there)
        followed.now = path
        followed.gone_at = None
        self._gone.pop(followed.id, None)
        self._by_path[path] = followed

    def _displace(self, followed: Followed) -> None:
        """It is not where it was; what is open of it is still read."""
        if followed.now is not None and self._by_path.get(followed.now) is followed:
            del self._by_path[followed.now]
        followed.now = None
        if followed.gone_at is None:
            followed.gone_at = self._now()
            self._gone[followed.id] = followed

    def _enqueue(self, followed: Followed) -> None:
        if not followed.is_queued:
            followed.is_queued = True
            self.queue.append(followed)

    def _open_again(self, followed: Followed) -> bool:
        path = followed.now
        if path is None:
            return False
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._cannot(path, error)
            return False
        status = os.fstat(fd)
        if (status.st_dev, status.st_ino) != (followed.device, followed.inode):
            os.close(fd)  # another one took its name: the notice of that is on its way
            return False
        followed.fd = fd
        self._open[followed.id] = followed
        self._tally.opened.set(len(self._open))
        return True

    def _begin_anew(self, followed: Followed, status: os.stat_result) -> None:
        """It was truncated or written anew: from here on it is another file."""
        self._tally.rewritten.add()
        self._logger.info("%s: was truncated or written anew, and is read from its beginning", followed.now)
        path, label = followed.now, followed.path
        fd, followed.fd = followed.fd, -1
        self._open.pop(followed.id, None)
        self._displace(followed)
        if path is None:  # nothing of it can be found any more
            os.close(fd)
            return
        anew = Followed(secrets.token_hex(8), label, status.st_dev, status.st_ino)
        anew.now, anew.fd = path, fd
        self.files[anew.id] = anew
        self._open[anew.id] = anew
        self._by_path[path] = anew
        self._by_inode[status.st_dev, status.st_ino] = anew
        if self.has_end:
            anew.end = status.st_size
        self.news[anew.id] = anew.position()
        self._enqueue(anew)

    def _drop(self, followed: Followed) -> None:
        followed.close()
        self._open.pop(followed.id, None)
        self._gone.pop(followed.id, None)
        self.files.pop(followed.id, None)
        inode = (followed.device, followed.inode)
        if self._by_inode.get(inode) is followed:
            del self._by_inode[inode]
        self.news[followed.id] = None
        self._tally.followed.set(len(self.files))

    def _cannot(self, path: str, error: OSError) -> None:
        self._tally.unreadable.add()
        self._logger.warning("%s: cannot read: %s", path, error.strerror)
