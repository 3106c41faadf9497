"""Files whose turn has not come: each waits for its own pod, until something is told of that or it waited enough."""

from __future__ import annotations

from collections.abc import Callable

from wlf.components.collectors._file.follow import Followed
from wlf.components.collectors._kubernetes.judging import Judge, Verdict
from wlf.components.collectors._kubernetes.logs import log_at
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.tally import Tally


class Admission:
    """Asks the judge, and keeps those that are to be asked for again.

    Args:
        now: seconds that never run backwards.
    """

    def __init__(self, judge: Judge, now: Callable[[], float], tally: Tally) -> None:
        self._judge = judge
        self._now = now
        self._tally = tally
        self._waiting: dict[str, dict[str, Followed]] = {}
        """By uid of the pod, then by id of the file."""
        self._due: dict[str, float] = {}
        """By uid: when it waited enough. All wait equally long, so the first one is due first."""

    def verdict(self, followed: Followed) -> Verdict:
        """What becomes of the file for now."""
        log = log_of(followed)
        verdict = self._judge.verdict(log)
        if verdict is Verdict.LATER:
            self._waiting.setdefault(log.uid, {})[followed.id] = followed
            until = self._judge.waits_until(log)
            if until < float("inf"):
                self._due.setdefault(log.uid, until)
            self._tally.held.set(len(self._waiting))
        return verdict

    def released(self, news: set[str]) -> list[Followed]:
        """Those to be asked for again, `news` being the pods of which something was told."""
        now = self._now()
        uids = [uid for uid in news if uid in self._waiting]
        for uid, until in self._due.items():
            if until > now:
                break
            uids.append(uid)
        found: list[Followed] = []
        for uid in dict.fromkeys(uids):
            self._due.pop(uid, None)
            found += self._waiting.pop(uid, {}).values()
        if uids:
            self._tally.held.set(len(self._waiting))
        return found

    def due_at(self) -> float:
        """When the first one waited enough."""
        return next(iter(self._due.values()), float("inf"))

    def departed(self, followed: Followed) -> None:
        """It is not followed any more."""
        uid = log_of(followed).uid
        files = self._waiting.get(uid, {})
        if files.pop(followed.id, None) is not None and not files:
            del self._waiting[uid]
            self._due.pop(uid, None)
            self._tally.held.set(len(self._waiting))

    def __len__(self) -> int:
        return len(self._waiting)


def log_of(followed: Followed) -> LogPath:
    """Whose log a followed file is: only such files are followed."""
    log = log_at(followed.path)
    assert log is not None, "no other files are meant"
    return log
