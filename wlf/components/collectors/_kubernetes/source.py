"""What the reading of log files wants to know of pods, and their lines as events."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat

from msgspec import UNSET, UnsetType

from wlf.components.collectors._kubernetes.describing import Describer
from wlf.components.collectors._kubernetes.grouping import Groupings
from wlf.components.collectors._kubernetes.judging import Judge
from wlf.components.collectors._kubernetes.logs import log_at
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.tally import PodTally
from wlf.components.containers.source import Entries, Verdict
from wlf.components.following.follow import Followed
from wlf.components.following.multiline import Grouping
from wlf.events import Event
from wlf.events.log import PodLine


class PodSource:
    """The Source of the Kubernetes collector.

    Args:
        node: the id of the collector.
        asks: is there an API server to ask?
    """

    def __init__(
        self, node: str, judge: Judge, describer: Describer, groupings: Groupings, tally: PodTally, *, asks: bool
    ) -> None:
        self._node = node
        self._judge = judge
        self._describer = describer
        self._groupings = groupings
        self._tally = tally
        self._asks = asks

    def log_of(self, path: str) -> tuple[str, tuple[int, str]]:
        """See Source. What a container wrote before it was begun anew is another log."""
        directory, _, name = path.rpartition("/")
        number, _, stamp = name.removesuffix(".gz").partition(".log")
        return f"{directory}/{number}", (0, stamp) if stamp else (1, "")

    def verdict(self, followed: Followed) -> Verdict:
        """See Source."""
        return self._judge.verdict(_log(followed))

    def due_at(self) -> float:
        """See Source."""
        return self._judge.due_at()

    def grouping(self, followed: Followed) -> Grouping | None:
        """See Source."""
        return self._groupings.of(_log(followed))

    def events(self, followed: Followed, entries: Entries) -> list[Event]:
        """See Source."""
        pod, is_known = self._describer.describe(_log(followed))
        if self._asks and not is_known:
            self._tally.bare_lines.add(len(entries.texts))
        source, file = self._node, followed.path
        offsets: Iterable[int | UnsetType] = repeat(UNSET) if entries.offsets is None else entries.offsets
        if entries.flags is None:
            return [
                PodLine(source, ts, text, "log", UNSET, time, stream, pod, file, offset)
                for time, ts, stream, text, offset in zip(*entries[:4], offsets, strict=False)
            ]
        return [
            PodLine(source, ts, text, "log", UNSET, time, stream, pod, file, offset, flags or UNSET)
            for time, ts, stream, text, offset, flags in zip(*entries[:4], offsets, entries.flags, strict=False)
        ]


def _log(followed: Followed) -> LogPath:
    log = log_at(followed.path)
    assert log is not None, "no other files are meant"
    return log
