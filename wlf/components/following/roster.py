"""All files that are followed: which one is at which name, whatever is renamed, replaced, copied or removed."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import stat
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from wlf.components.following.birth import born
from wlf.components.following.copies import Copies, Verdict
from wlf.components.following.directories import inodes_in, is_below
from wlf.components.following.follow import Followed
from wlf.components.following.names import is_compressed, originals_of, stem_of
from wlf.components.following.opened import Opened
from wlf.components.following.options import FollowConfig
from wlf.components.following.position import HEAD_BYTES, decode_position
from wlf.components.following.queue import Queue
from wlf.components.following.remembered import Remembered
from wlf.components.following.tally import Tally

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_STEM = "stem:"
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE)


class Watcher(Protocol):
    """Who is told which files are followed."""

    def arrived(self, followed: Followed) -> None:
        """It is followed from now on."""
        ...

    def departed(self, followed: Followed) -> None:
        """It is not followed any more; another one may go on under its id."""
        ...


class Roster:
    """Hears from the discovery, and knows which files have something to read.

    Args:
        now: seconds that never run backwards.
        is_meant: does the config mean a file of this name?
    """

    def __init__(
        self,
        config: FollowConfig,
        now: Callable[[], float],
        is_meant: Callable[[str], bool],
        tally: Tally,
        logger: logging.Logger,
    ) -> None:
        self._now = now
        self._is_meant = is_meant
        self._finds_packed = config.compression == "auto"
        self._tally = tally
        self._logger = logger
        self.watcher: Watcher | None = None
        self.files: dict[str, Followed] = {}
        """By id; also those that are gone, as long as they are remembered."""
        self.queue = Queue()
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
        self._stored: dict[str, Followed] = {}
        """By id, until the first walk has found them."""
        self._by_stored_inode: dict[int, list[Followed]] = {}
        self._by_stored_path: dict[str, list[Followed]] = {}
        self._renamed: dict[str, dict[str, Followed]] = {}
        """Files that are at another name by now, by the one that they were found under."""
        self._left_out: dict[str, Followed] = {}
        """By id: stored, but no glob means them any more."""
        self._open = Opened(config.max_open_files)
        self._gone = Remembered()
        self._waiting: dict[str, Followed] = {}
        self._copies = Copies(now, lambda followed: followed.id in self.files)

    # What the discovery tells

    def resume(self, positions: Mapping[str, bytes]) -> None:
        """Take up what was stored; each file is looked for by the first walk."""
        for id, stored in positions.items():
            followed = Followed.resumed(id, decode_position(stored))
            followed.finds_packed = self._finds_packed
            self.files[id] = followed
            if not self._is_meant(followed.path):
                self._left_out[id] = followed
                continue
            self._stored[id] = followed
            self._arrived(followed)
            self._by_stored_inode.setdefault(followed.inode, []).append(followed)
            if followed.now is not None:
                self._by_path.setdefault(followed.now, followed)

    def seen(self, path: str, walk: int = 0, label: str | None = None) -> None:
        """A file that is meant stands at `path`."""
        status = self._status(path)
        if status is None:
            return
        there = self._by_path.get(path)
        if there is not None and self._is_unchanged(there, status):
            there.walk = max(there.walk, walk)
            return
        followed = self._find(path, status, there)
        if followed is None:
            if self.is_closed:
                return
            followed = self._arrive(path, label or path, status, walk)
        elif followed.now != path:
            if self._is_still_there(followed):
                followed.walk = max(followed.walk, walk)  # a second name of the same file
                return
            self._rename(followed, path)
        if followed.is_alone_until == sys.maxsize and not followed.is_checked:
            followed.is_alone_until = status.st_size
        followed.walk = max(followed.walk, walk)
        self._gone.remove(followed)
        self._note_inode(followed, status)
        if followed.has_changed(status) or followed.rereads or not (followed.is_checked or followed.is_ended):
            self.queue.add(followed)

    def knows(self, path: str) -> bool:
        """Is a file followed that is at `path`?"""
        return path in self._by_path

    def written(self, path: str) -> None:
        """There may be more in the file at `path`."""
        followed = self._by_path.get(path)
        if followed is not None:
            self.queue.add(followed)

    def moved(self, old: str, new: str, label: str | None) -> None:
        """A file got another name; under which it is followed though no glob means it."""
        followed = self._by_path.get(old)
        status = self._status(new)
        if followed is not None and status is not None and self._is_it(followed, new, status):
            self._rename(followed, new)
            self.queue.add(followed)
            return
        if followed is not None:
            # By now another one is there, or it was moved on: its next name is told next.
            self._displace(followed)
        if label is not None:
            self.seen(new, label=label)

    def vanished(self, path: str, *, is_deleted: bool) -> None:
        """No file is at `path` any more."""
        followed = self._by_path.get(path)
        if followed is not None and not (is_deleted and self._is_still_there(followed)):
            if is_deleted and followed.fd < 0:
                self._forget_inode(followed)
            self._displace(followed)

    def walked(self, walk: int, unseen_roots: list[str]) -> None:
        """Whoever was not seen is looked for by its inode, where it was last; else it is not where it was."""
        listed: dict[str, dict[int, str]] = {}
        for followed in [each for each in self._by_path.values() if each.walk < walk]:
            path = followed.now or ""
            if is_below(path, unseen_roots) or followed.id in self._stored:
                continue
            if not self._is_still_there(followed):
                self._look_for(followed, path, listed)
        for followed in self._stored.values():
            if followed.walk < walk and not is_below(followed.now or followed.path, unseen_roots):
                self._look_for(followed, followed.now or followed.path, listed)
        self._stored.clear()
        self._by_stored_inode.clear()
        self._by_stored_path.clear()
        for followed in list(self._left_out.values()):
            if not self._is_still_there(followed):
                del self._left_out[followed.id]
                self._displace(followed)

    # What reading asks

    def open(self, followed: Followed) -> bool:
        """Make sure that it can be read, and that it is still what it was."""
        if followed.fd < 0:
            if not self._open_again(followed):
                return False
        else:
            self._open.used(followed)
            if not followed.offset:
                followed.detect()
        size = followed.size
        followed.look()
        if followed.is_packed:
            if followed.is_checked and followed.size < size:
                self._begin_anew(followed)
                return False
            return True
        if not followed.is_continued_in(followed.fd, followed.size):
            self._begin_anew(followed)
            return False
        if not followed.is_checked:
            followed.note_checked()
        return True

    def rest(self, followed: Followed) -> None:
        """It was read to its end."""
        if followed.now is None or followed.is_awaited:
            followed.is_awaited = False
            self._wake_copies(followed)
        if followed.is_packed:
            self._close(followed)
        self._tally.opened.set(len(self._open))

    def judge(self, followed: Followed) -> None:
        """See what a file that may be a copy is: it waits, takes the place of its original, or is one of its own."""
        for each in followed.originals:
            if each.now is not None:
                self.open(each)
        if not self._refresh(followed):
            return
        verdict, original = self._copies.judge(followed)
        if verdict is Verdict.UNKNOWN:
            self.queue.add(followed)
        elif verdict is Verdict.WAITS:
            self._waiting[followed.id] = followed
            if followed.is_packed:
                self._close(followed)
        elif original is not None:
            self._take_place(followed, original)
        else:
            self._announce(followed)

    def release(self) -> bool:
        """There is nothing else to read, and no more will come: what waits is judged for the last time."""
        waiting, self._waiting = self._waiting, {}
        for followed in waiting.values():
            if followed.is_packed:
                self._drop(followed, tell=False)
            else:
                followed.originals = ()
                self._announce(followed)
        return bool(waiting)

    def begin_anew(self, followed: Followed) -> None:
        """Its contents are not what was read of it."""
        self._begin_anew(followed)

    def look_after(self, forget_seconds: float) -> None:
        """Forget who is gone long enough; judge again who waited long enough."""
        now = self._now()
        for followed in self._gone.due(now - forget_seconds):
            if not followed.is_queued:
                self._drop(followed)
        for followed in [each for each in self._waiting.values() if each.waits_until <= now]:
            self.queue.add(followed)

    def due_at(self, forget_seconds: float) -> float:
        """When `look_after` has something to do."""
        first = self._gone.first_at()
        waits = [each.waits_until for each in self._waiting.values()]
        return min([*waits, float("inf") if first is None else first + forget_seconds])

    def close(self) -> None:
        """Close all files."""
        self._open.close()

    # Finding which file it is

    def _find(self, path: str, status: os.stat_result, there: Followed | None) -> Followed | None:
        """The known file that is at `path` now."""
        inode = (status.st_dev, status.st_ino)
        stored = self._by_stored_inode.get(status.st_ino, [])
        for followed in [self._by_inode.get(inode), *stored, there]:
            if followed is not None and followed.id in self.files and self._is_it(followed, path, status):
                return followed
        return None

    def _is_it(self, followed: Followed, path: str, status: os.stat_result) -> bool:
        """By its inode, by when it was made, and at last by its contents: enough of them if nothing else speaks."""
        is_same_device = followed.device == status.st_dev or not followed.is_checked
        is_same_inode = followed.inode == status.st_ino and is_same_device
        if followed.fd >= 0:
            return is_same_inode  # an open file keeps its inode
        if is_same_inode and not followed.has_changed(status):
            return True
        try:
            fd = os.open(path, _FLAGS)
        except OSError:
            return is_same_inode
        try:
            since = born(fd)
            if is_same_inode and since and followed.born:
                return since == followed.born
            if is_same_inode and path in (followed.now, followed.path):
                return True
            if followed.is_packed or not followed.offset:
                return False
            names = originals_of(path)
            is_rotated = is_same_inode and (followed.path in names or followed.now in names)
            return (is_rotated or followed.offset >= HEAD_BYTES) and followed.is_continued_in(fd, status.st_size)
        finally:
            os.close(fd)

    def _is_unchanged(self, there: Followed, status: os.stat_result) -> bool:
        """The same file, as it was looked at last? What lies behind what was read then is told by the kernel."""
        return (
            there.inode == status.st_ino
            and there.device == status.st_dev
            and there.is_checked
            and there.gone_at is None
            and not there.has_changed(status)
        )

    def _is_still_there(self, followed: Followed) -> bool:
        try:
            status = os.stat(followed.now or "")
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == (followed.device, followed.inode)

    def _look_for(self, followed: Followed, path: str, listed: dict[str, dict[int, str]]) -> None:
        directory = os.path.dirname(path)
        if directory not in listed:
            listed[directory] = inodes_in(directory)
        found = listed[directory].get(followed.inode)
        status = None if found is None else self._status(found)
        if found is not None and status is not None and self._is_it(followed, found, status):
            self._rename(followed, found)
            self._note_inode(followed, status)
            self.queue.add(followed)
        else:
            self._displace(followed)

    # Coming, going, changing places

    def _arrive(self, path: str, label: str, status: os.stat_result, walk: int) -> Followed:
        """A file that is not known yet stands at `path`."""
        there = self._by_path.get(path)
        if there is not None:
            self._displace(there)
        followed = Followed(secrets.token_hex(8), label, path, status)
        followed.finds_packed = self._finds_packed
        self._by_path[path] = followed
        self._note_inode(followed, status)
        if self.has_end:
            followed.end = status.st_size
        if self._open.has_room or self.starts_at_end:
            # Open at once: a rotation may take it away before its turn comes.
            self._open_again(followed)
        followed.walk_of_arrival = walk
        self._arrived(followed)
        followed.originals = self._originals(label, followed, walk)
        if followed.originals:
            followed.is_checked = False
            self.files[followed.id] = followed
        else:
            self._announce(followed)
        return followed

    def _originals(self, path: str, followed: Followed, walk: int) -> tuple[Followed, ...]:
        """Who may be what a file that was made at `path` is a copy of: gone ones first."""
        if self.starts_at_end:
            return ()
        found: list[Followed] = []
        for name in originals_of(path):
            found += self._gone.at(name)
            found += self._stored_named(name)
            found += self._renamed.get(name, {}).values()
            there = self._by_path.get(name)
            if there is not None:
                found.append(there)
        if is_compressed(path):  # it may have been numbered anew since it was packed
            found += self._gone.of_stem(stem_of(path)) + self._stored_named(_STEM + stem_of(path))
        # Of two that one walk brings, neither was read when the other was made.
        return tuple(
            each
            for each in dict.fromkeys(found)
            if each is not followed and (each.offset or each.awaits_turn) and not 0 < walk == each.walk_of_arrival
        )

    def _stored_named(self, name: str) -> list[Followed]:
        """Those that are stored and not found yet, by their name or its stem."""
        if not self._by_stored_path:
            for followed in self._stored.values():
                for each in (followed.path, _STEM + stem_of(followed.path)):
                    self._by_stored_path.setdefault(each, []).append(followed)
        return self._by_stored_path.get(name, [])

    def _announce(self, followed: Followed) -> None:
        """Tell where its reading begins."""
        followed.originals = ()
        followed.is_checked = True
        self._waiting.pop(followed.id, None)
        self.files[followed.id] = followed
        if self.starts_at_end and followed.fd >= 0:
            followed.look()
            followed.start_at(followed.size)
        self.news[followed.id] = followed.place().encode()
        self.queue.add(followed)
        self._wake_copies(followed)
        self._tally.followed.set(len(self.files))

    def _arrived(self, followed: Followed) -> None:
        if self.watcher is not None:
            self.watcher.arrived(followed)

    def _departed(self, followed: Followed) -> None:
        if self.watcher is not None:
            self.watcher.departed(followed)

    def _take_place(self, copy: Followed, original: Followed) -> None:
        """The copy goes on as the original: its lines are read once."""
        del self.files[copy.id]
        self._waiting.pop(copy.id, None)
        self._open.remove(copy.id)
        self._close(original)
        self._gone.remove(original)
        self._forget_renamed(original)
        position = original.place()
        self._departed(copy)
        copy.id, copy.originals = original.id, ()
        copy.take_over(position)
        copy.rereads = original.rereads
        if not copy.is_packed and copy.size < position.offset:
            copy.start_at(copy.size)  # the original was read further than it was copied
        copy.note_checked()
        self.files[copy.id] = copy
        self._open.add(copy)
        self._arrived(copy)
        self._departed(original)
        for other in self._waiting.values():
            other.originals = tuple(copy if each is original else each for each in other.originals)
        self.news[copy.id] = copy.place().encode()
        self.queue.add(copy)
        self._wake_copies(copy)

    def _wake_copies(self, original: Followed) -> None:
        """Something happened to it: what may be a copy of it is judged again."""
        for copy in self._waiting.values():
            if original in copy.originals:
                self.queue.add(copy)

    def _rename(self, followed: Followed, path: str) -> None:
        if followed.now is not None and self._by_path.get(followed.now) is followed:
            del self._by_path[followed.now]
        there = self._by_path.get(path)
        if there is not None and there is not followed:
            self._displace(there)
        followed.now = path
        self._gone.remove(followed)
        self._by_path[path] = followed
        if path != followed.path:
            self._renamed.setdefault(followed.path, {})[followed.id] = followed
        else:
            self._forget_renamed(followed)

    def _displace(self, followed: Followed) -> None:
        """It is not where it was; what is open of it is still read."""
        if followed.now is not None and self._by_path.get(followed.now) is followed:
            del self._by_path[followed.now]
        self._gone.add(followed, self._now())
        self._forget_renamed(followed)
        followed.now = None
        self._wake_copies(followed)
        if followed.fd >= 0:
            self.queue.add(followed)

    def _begin_anew(self, followed: Followed) -> None:
        """It was truncated or written anew: from here on it is another file."""
        self._tally.rewritten.add()
        self._logger.info("%s: was truncated or written anew, and is read from its beginning", followed.now)
        path = followed.now
        status = os.fstat(followed.fd)
        self._close(followed)
        followed.is_rewritten = True
        self._displace(followed)
        anew = Followed(secrets.token_hex(8), followed.path, path or followed.path, status)
        anew.finds_packed = self._finds_packed
        anew.now = path
        anew.walk = followed.walk
        if path is not None:
            self._by_path[path] = anew
        self._note_inode(anew, status)
        if self.has_end:
            anew.end = status.st_size
        self._arrived(anew)
        self._announce(anew)

    def _drop(self, followed: Followed, *, tell: bool = True) -> None:
        """Nothing remembers it any more."""
        if followed.fd >= 0:
            followed.look()
        unread = followed.size - followed.unread_from
        if tell and not followed.is_rewritten and not followed.is_packed and unread > 0:
            self._tally.unread_bytes.add(unread)
            self._logger.warning("%s: was removed before its last %s bytes were read", followed.path, unread)
        self._close(followed)
        self._departed(followed)
        self._gone.remove(followed)
        self._forget_renamed(followed)
        self.files.pop(followed.id, None)
        self._forget_inode(followed)
        if followed.now is not None and self._by_path.get(followed.now) is followed:
            del self._by_path[followed.now]
        if tell:
            self.news[followed.id] = None
        self._tally.followed.set(len(self.files))

    # Opening and closing

    def _refresh(self, followed: Followed) -> bool:
        if followed.fd < 0 and not self._open_again(followed):
            if followed.now is None or not self._is_still_there(followed):
                self._waiting.pop(followed.id, None)
                self._drop(followed, tell=False)
            return False
        followed.look()
        followed.detect()
        return True

    def _open_again(self, followed: Followed) -> bool:
        path = followed.now
        if path is None:
            return False
        try:
            fd = os.open(path, _FLAGS)
        except OSError as error:
            self._not_opened(followed, path, error)
            return False
        status = os.fstat(fd)
        if (status.st_dev, status.st_ino) != (followed.device, followed.inode):
            os.close(fd)  # another one took its name: the notice of that is on its way
            return False
        followed.opened(fd)
        self._open.add(followed)
        self._make_room()
        return True

    def _not_opened(self, followed: Followed, path: str, error: OSError) -> None:
        if error.errno in _OUT_OF_FILES and len(self._open) > 1:
            self._open.lower()
            self._logger.warning("%s: no more than %s files can be open at once", path, self._open.limit)
            self._make_room()
            self.queue.add(followed)
        elif not isinstance(error, FileNotFoundError | NotADirectoryError):
            self._cannot(path, error)

    def _make_room(self) -> None:
        while (followed := self._open.surplus()) is not None:
            self._close(followed)
        self._tally.opened.set(len(self._open))

    def _close(self, followed: Followed) -> None:
        self._open.remove(followed.id)
        followed.close()
        if followed.now is None:
            self._forget_inode(followed)

    def _note_inode(self, followed: Followed, status: os.stat_result) -> None:
        inode = (status.st_dev, status.st_ino)
        if (followed.device, followed.inode) != inode:
            self._forget_inode(followed)
            followed.device, followed.inode = inode
            followed.born = 0
        self._by_inode[inode] = followed

    def _forget_inode(self, followed: Followed) -> None:
        inode = (followed.device, followed.inode)
        if self._by_inode.get(inode) is followed:
            del self._by_inode[inode]

    def _forget_renamed(self, followed: Followed) -> None:
        others = self._renamed.get(followed.path)
        if others is not None and others.pop(followed.id, None) is not None and not others:
            del self._renamed[followed.path]

    def _status(self, path: str) -> os.stat_result | None:
        try:
            status = os.stat(path)
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._cannot(path, error)
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def _cannot(self, path: str, error: OSError) -> None:
        self._tally.unreadable.add()
        self._logger.warning("%s: cannot read: %s", path, error.strerror)
