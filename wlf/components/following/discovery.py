"""Finds files: the kernel's notices at once, and now and then a look through all directories."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Protocol

from wlf.components.following import inotify as kernel
from wlf.components.following.globs import Globs
from wlf.components.following.inotify import Inotify, Notice
from wlf.components.following.tally import Tally

STEP_ENTRIES = 500
"""A look through large directories pauses after so many entries."""


class Finder(Protocol):
    """Who hears what was found."""

    def seen(self, path: str, walk: int = 0, label: str | None = None) -> None:
        """A file that is meant stands at `path`; `label` is the name that it was meant by, where it has another now."""
        ...

    def knows(self, path: str) -> bool:
        """Is a file followed that is at `path`?"""
        ...

    def written(self, path: str) -> None:
        """There may be more in the file at `path`."""
        ...

    def moved(self, old: str, new: str, label: str | None) -> None:
        """A file got another name; `label` is the one that it is meant by, None where it is not."""
        ...

    def vanished(self, path: str, *, is_deleted: bool) -> None:
        """No file is at `path` any more."""
        ...

    def walked(self, walk: int, unseen_roots: list[str]) -> None:
        """All was looked through once; nothing is known of what lies below `unseen_roots`."""
        ...


class Discovery:
    """Watches every directory that can hold a file that is meant."""

    def __init__(self, globs: Globs, finder: Finder, tally: Tally, logger: logging.Logger) -> None:
        self._globs = globs
        self._finder = finder
        self._tally = tally
        self._logger = logger
        self._directories: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._links: dict[str, str] = {}
        """The names of files that are meant by a link, by where the file itself is."""
        self._moving: dict[int, str] = {}
        """Names that files were moved away from, by the cookie that tells the new name."""
        self._origins: dict[str, str] = {}
        """The first names of files that were moved, for as long as one drain: what the disk shows may be further on."""
        self._walk_number = 0
        self._walk: Iterator[None] | None = None
        self._is_warned = False
        self.needs_walk = False
        """Was something missed, so that all must be looked through now?"""
        try:
            self._inotify: Inotify | None = Inotify()
        except OSError as error:
            self._inotify = None
            self._warn(f"the kernel gives no notices ({error.strerror or error})")

    @property
    def fd(self) -> int | None:
        """Readable when there are notices."""
        return None if self._inotify is None else self._inotify.fd

    @property
    def is_walking(self) -> bool:
        """Is a look through all directories under way?"""
        return self._walk is not None

    def begin_walk(self) -> None:
        """Look through all directories, from now on in steps."""
        self.needs_walk = False
        self._walk_number += 1
        self._walk = self._look_through(self._walk_number)

    def step(self) -> None:
        """A part of the walk that is under way."""
        if self._walk is not None and next(self._walk, StopIteration) is StopIteration:
            self._walk = None

    def walk_all(self) -> None:
        """A whole walk at once."""
        self.begin_walk()
        while self._walk is not None:
            self.step()

    def drain(self) -> None:
        """Tell the finder what the kernel told."""
        if self._inotify is None:
            return
        left_over, self._moving = self._moving, {}
        self._origins.clear()
        for notice in self._inotify.read():
            self._take(notice, left_over)
        for path in left_over.values():
            self._finder.vanished(path, is_deleted=False)

    def close(self) -> None:
        """End all watches."""
        if self._inotify is not None:
            self._inotify.close()
        self._directories.clear()
        self._watches.clear()
        self._walk = None

    def _take(self, notice: Notice, left_over: dict[int, str]) -> None:
        watch, mask, cookie, name = notice
        directory = self._directories.get(watch)
        if mask & kernel.OVERFLOW:
            self._tally.overflows.add()
            self.needs_walk = True
            return
        if directory is None:
            return
        if mask & (kernel.DELETE_SELF | kernel.MOVE_SELF | kernel.IGNORED | kernel.UNMOUNT):
            self._forget(watch, directory)
            return
        path = f"{directory.rstrip('/')}/{name}"
        if mask & kernel.IS_DIRECTORY:
            self._take_directory(path, mask)
        elif mask & kernel.MODIFY:
            self._finder.written(self._links.get(path, path))
        elif mask & kernel.CREATE:
            self._origins.pop(path, None)
            if self._globs.matches(path):
                if os.path.islink(path):
                    self._follow_link(path)
                self._finder.seen(path)
        elif mask & kernel.MOVED_FROM:
            self._moving[cookie] = path
        elif mask & kernel.MOVED_TO:
            self._take_moved(self._moving.pop(cookie, None) or left_over.pop(cookie, None), path)
        elif mask & kernel.DELETE:
            self._finder.vanished(path, is_deleted=True)

    def _take_moved(self, old: str | None, new: str) -> None:
        is_meant = self._globs.matches(new)
        if old is not None:
            first = self._origins[new] = self._origins.pop(old, old)
            label = first if self._globs.matches(first) else new if is_meant else None
            self._finder.moved(old, new, label)
        elif is_meant:
            self._finder.seen(new)

    def _take_directory(self, path: str, mask: int) -> None:
        if mask & (kernel.CREATE | kernel.MOVED_TO) and self._globs.descends(path):
            # What was put there before the watch is found by looking; what comes after it, by notices.
            for _ in self._look_into(path, 0):
                pass
        elif mask & (kernel.MOVED_FROM | kernel.DELETE):
            self.needs_walk = True

    def _forget(self, watch: int, directory: str) -> None:
        self._directories.pop(watch, None)
        if self._watches.get(directory) == watch:
            del self._watches[directory]
        if self._inotify is not None:
            self._inotify.unwatch(watch)
        self.needs_walk = True

    def _watch(self, directory: str) -> None:
        if self._inotify is None:
            return
        try:
            watch = self._inotify.watch(directory)
        except OSError as error:
            if error.errno not in (2, 20):  # gone again, or no directory any more
                self._warn(f"{directory}: the kernel gives no notices ({error.strerror})")
            return
        before = self._directories.get(watch)
        if before != directory:
            if before is not None and self._watches.get(before) == watch:
                del self._watches[before]
            self._directories[watch] = directory
            self._watches[directory] = watch

    def _warn(self, what: str) -> None:
        if not self._is_warned:
            self._is_warned = True
            self._logger.warning("%s: what is new is found every rescan_interval_ms only", what)

    def _look_through(self, walk: int) -> Iterator[None]:
        unseen: list[str] = []
        for root in self._globs.roots:
            if os.path.isdir(root):
                yield from self._look_into(root, walk)
            else:
                unseen.append(root)
        self._finder.walked(walk, unseen)

    def _look_into(self, top: str, walk: int) -> Iterator[None]:
        """Watch and look through a directory and those below; a link to one above leads nowhere."""
        waiting, known = [top], set[tuple[int, int]]()
        while waiting:
            directory = waiting.pop()
            self._watch(directory)
            prefix = directory.rstrip("/")
            count = 0
            try:
                status = os.stat(directory)
                if (status.st_dev, status.st_ino) in known:
                    continue
                known.add((status.st_dev, status.st_ino))
                with os.scandir(directory) as entries:
                    for entry in entries:
                        count += 1
                        if count % STEP_ENTRIES == 0:
                            yield
                        self._look_at(entry, prefix, walk, waiting)
            except OSError as error:
                self._unlisted(directory, error)
            yield

    def _look_at(self, entry: os.DirEntry[str], directory: str, walk: int, waiting: list[str]) -> None:
        path = f"{directory}/{entry.name}"
        if (self._finder.knows(path) or self._globs.matches(path)) and not entry.is_dir():
            self._finder.seen(path, walk)
            if entry.is_symlink():
                self._follow_link(path)
            return
        if self._globs.descends(path) and entry.is_dir():
            waiting.append(path)

    def _follow_link(self, path: str) -> None:
        """Writes are told where the file itself is."""
        real = os.path.realpath(path)
        self._links[real] = path
        self._watch(os.path.dirname(real))

    def _unlisted(self, directory: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            self._tally.unreadable.add()
            self._logger.warning("%s: cannot list: %s", directory, error.strerror)
