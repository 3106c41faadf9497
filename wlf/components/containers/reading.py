"""Log files of containers: records of two streams, merged into events across chunks, rotations and restarts.

A position may lie behind records that are not delivered, because a line of the other stream was: it names the streams
that are, and a restart reads these again from where their first record lies.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from wlf.components.base import Clock
from wlf.components.containers.logs import ContainerLog
from wlf.components.containers.records import UNKNOWN, Columns, LineRecords, as_text
from wlf.components.containers.source import Entries, Source, Verdict
from wlf.components.containers.streams import LogStream, Made, Record
from wlf.components.containers.tally import ContainerTally
from wlf.components.containers.times import seconds_of
from wlf.components.containers.waiting import Waiting
from wlf.components.following.contents import Unpacked
from wlf.components.following.follow import Followed
from wlf.components.following.options import FollowConfig
from wlf.components.following.position import SKIPPING, WHOLE
from wlf.components.following.reading import CHUNK_BYTES, NOTHING_YET, Read, find_place, wanted_bytes
from wlf.events import Event

GROUP_SECONDS = 1.0
"""How long lines wait for others that belong to them, where only an annotation asks for groups."""
ENVELOPE_BYTES = 65_536
"""What a record may have beside its line."""
MALFORMED = "malformed"


class ContainerReading:
    """The Reading of the collectors of container logs.

    Args:
        records: how the files are written.
        want_offsets: is each event to say where it begins?
    """

    def __init__(
        self,
        config: FollowConfig,
        source: Source,
        records: LineRecords,
        tally: ContainerTally,
        clock: Clock,
        *,
        want_offsets: bool = False,
    ) -> None:
        self._source = source
        self._records = records
        self._tally = tally
        self._clock = clock
        self._want_offsets = want_offsets
        self._max_line_bytes = config.max_line_bytes
        self._max_record_bytes = 6 * config.max_line_bytes + ENVELOPE_BYTES  # of a line that is all escapes
        self._group_seconds = GROUP_SECONDS if config.multiline is None else config.multiline.timeout_ms / 1000
        self._part_seconds = config.partial_line_timeout_ms / 1000
        self._groups = Waiting(self._group_seconds)
        self._parts = Waiting(self._part_seconds)
        self._logs: dict[str, ContainerLog] = {}
        self._log_of: dict[str, ContainerLog] = {}
        self._parked: dict[str, Followed] = {}
        self._urged: set[str] = set()
        """Files whose turn has come though others of their log go before them: these wait for it."""

    # What the session asks

    def arrived(self, followed: Followed) -> None:
        """See Reading."""
        key, _ = self._source.log_of(followed.path)
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = ContainerLog(key, lambda path: self._source.log_of(path)[1])
        log.add(followed)
        self._log_of[followed.id] = log

    def departed(self, followed: Followed) -> None:
        """See Reading."""
        log = self._log_of.get(followed.id)
        if log is None:
            return
        log.remove(followed)
        if self._parked.get(followed.id) is followed:
            self._unpark(followed)
        if all(file.id != followed.id for file in log.files()):
            del self._log_of[followed.id]
        if not log:
            del self._logs[log.key]

    def may_read(self, followed: Followed) -> bool:
        """See Reading."""
        is_urged = followed.id in self._urged
        self._urged.discard(followed.id)
        if not is_urged and not self._is_due(followed):
            self._parked[followed.id] = followed
            followed.is_parked = True
            self._tally.held.set(len(self._parked))
            return False
        return True

    def released(self) -> list[Followed]:
        """See Reading."""
        due = [followed for followed in self._parked.values() if self._is_due(followed)]
        due = due or self._stuck()
        for followed in due:
            self._unpark(followed)
        return due

    def _stuck(self) -> list[Followed]:
        """Files of logs in which each waits for another one: that whose copy is not judged yet goes first."""
        found: dict[ContainerLog, list[Followed]] = {}
        for followed in self._parked.values():
            if self._source.verdict(followed) is not Verdict.LATER:
                found.setdefault(self._log_of[followed.id], []).append(followed)
        first = []
        for log, parked in found.items():
            files = list(log.files())
            if not any(file.is_queued for file in files):
                copied = [file for file in parked if any(file in other.originals for other in files)]
                first.append((copied or [file for file in files if file in parked])[0])
        self._urged.update(followed.id for followed in first)
        return first

    def _unpark(self, followed: Followed) -> None:
        del self._parked[followed.id]
        followed.is_parked = False
        self._tally.held.set(len(self._parked))

    @property
    def is_held(self) -> bool:
        """See Reading."""
        return bool(self._parked)

    def read(self, followed: Followed) -> Read | None:
        """See Reading."""
        if self._source.verdict(followed) is Verdict.SKIP:
            return self._pass_over(followed)
        contents = followed.contents
        assert contents is not None, "it is open"
        if isinstance(contents, Unpacked) and not find_place(followed, contents, followed.unread_from):
            return NOTHING_YET if not contents.is_whole or contents.reached else None
        if followed.rereads:
            return self._read_again(followed, followed.unread_from)
        chunk = contents.read(wanted_bytes(followed), followed.offset)
        if followed.within == SKIPPING:
            return self._find_record(followed, chunk)
        end = self._records.last_end(chunk)
        if not end:
            return self._want_more(followed, chunk)
        first = followed.offset
        followed.move(chunk, end)
        return self._made(followed, chunk[:end], first)

    def wait(self, followed: Followed, now: float) -> None:
        """See Reading."""

    def read_rest(self, followed: Followed) -> Read | None:
        """See Reading."""
        return None

    def overdue(self, now: float) -> Read | None:
        """See Reading."""
        ended = []
        for log in self._groups.due(now):
            if not self._is_any_busy(log.files()):
                ended += [(log, name, stream.end_lines()) for name, stream in log.streams.items()]
        for log in self._parts.due(now):
            if not self._is_any_busy(log.files()):
                ended += [(log, name, stream.end_lines() + stream.end_part()) for name, stream in log.streams.items()]
        return self._ended(ended)

    def due_at(self) -> float:
        """See Reading."""
        waiting = min(self._groups.due_at(), self._parts.due_at())
        return min(waiting, self._source.due_at()) if self._parked else waiting

    def end(self) -> Read | None:
        """See Reading."""
        return self._ended(
            [
                (log, name, stream.end_lines() + stream.end_part())
                for log in self._logs.values()
                for name, stream in log.streams.items()
            ]
        )

    # One chunk

    def _is_any_busy(self, files: Iterable[Followed]) -> bool:
        """Is there something in one of them that is only not read yet?"""
        return any(file.awaits_turn for file in files)

    def _is_due(self, followed: Followed) -> bool:
        if self._source.verdict(followed) is Verdict.LATER:
            return False
        log = self._log_of.get(followed.id)
        if log is None:
            return True
        older = list(log.older_than(followed))
        # One that is not judged yet may hold what comes before; but its own original is what it waits for.
        return not self._is_any_busy(older) and not any(
            file.originals and followed not in file.originals for file in older
        )

    def _pass_over(self, followed: Followed) -> Read | None:
        """Nobody wants what it holds."""
        followed.held, followed.rereads = (), False
        if followed.is_packed:
            if not followed.is_ended:
                self._tally.passed_bytes.add(followed.size)
            return None
        passed = followed.size - followed.offset
        if passed <= 0:
            return None
        self._tally.passed_bytes.add(passed)
        followed.start_at(followed.size)
        return Read([], {followed.id: followed.reached()})

    def _find_record(self, followed: Followed, chunk: bytes) -> Read | None:
        """What was passed over ended within a record."""
        end = chunk.find(b"\n") + 1
        if not end and not chunk:
            return None
        followed.move(chunk, end or len(chunk))
        self._tally.cut_bytes.add(end or len(chunk))
        if end:
            followed.within = WHOLE
        return NOTHING_YET

    def _want_more(self, followed: Followed, chunk: bytes) -> Read | None:
        """A record is larger than the chunk, or its end is not written yet."""
        asked = followed.want_bytes or CHUNK_BYTES
        if len(chunk) < asked:
            return None
        if asked < self._max_record_bytes:
            followed.want_bytes = 2 * asked
            return NOTHING_YET
        first = followed.offset
        followed.move(chunk, len(chunk))
        followed.within = SKIPPING
        return self._made(followed, chunk + b"\n", first)

    def _made(self, followed: Followed, body: bytes, first: int) -> Read:
        log = self._log_of[followed.id]
        columns = self._records.parse(body)
        self._tally.read_bytes.add(len(body))
        ended = self._regroup(followed, log)
        log.latest = followed
        if (
            not ended
            and columns.parts is None
            and not columns.bad
            and not columns.has_bytes
            and len(body) <= self._max_line_bytes
            and log.is_plain
        ):
            offsets = self._records.offsets(body, first) if self._want_offsets else None
            entries = Entries(columns.times, columns.seconds, columns.streams, columns.texts, None, offsets)
            return Read(self._source.events(followed, entries), self._positions(followed, log))
        made = self._assemble(followed, log, columns, self._records.offsets(body, first))
        return self._delivered(followed, log, ended + made + self._outlived(log, max(columns.seconds)))

    def _regroup(self, followed: Followed, log: ContainerLog) -> list[tuple[str, Made]]:
        """Whoever knows whose log it is may say by now that other lines are one event: what is kept ends here."""
        grouping = self._source.grouping(followed)
        if grouping == log.grouping:
            return []
        log.grouping = grouping
        return [(name, each) for name, stream in log.streams.items() for each in stream.regroup(grouping)]

    def _assemble(
        self, followed: Followed, log: ContainerLog, columns: Columns, offsets: list[int]
    ) -> list[tuple[str, Made]]:
        """Record by record, in the order in which events become complete."""
        made: list[tuple[str, Made]] = []
        parts = columns.parts or [False] * len(offsets)
        bad = frozenset(columns.bad)
        rows = zip(columns.streams, columns.times, columns.texts, parts, offsets, range(len(offsets)), strict=True)
        for name, run in groupby(rows, itemgetter(0)):
            if name == UNKNOWN:
                for _, time, text, _, offset, index in run:
                    if index in bad:
                        self._tally.malformed.add()
                        made.append((name, Made(time, text, (MALFORMED,), (followed.id, offset))))
                continue
            records = [Record(time, text, is_part, (followed.id, at)) for _, time, text, is_part, at, _ in run]
            made += [(name, each) for each in self._stream(log, name).take(records)]
        return made

    def _outlived(self, log: ContainerLog, newest: float) -> list[tuple[str, Made]]:
        """What the engine itself had no end for, while it wrote records that came long after."""
        made: list[tuple[str, Made]] = []
        for name, stream in log.streams.items():
            lines, part = stream.lines, stream.part
            if lines is not None and newest - seconds_of(lines.time) > self._group_seconds:
                made += [(name, each) for each in stream.end_lines()]
            if part is not None and newest - seconds_of(part.time) > self._part_seconds:
                made += [(name, each) for each in stream.end_lines() + stream.end_part()]
        return made

    def _stream(self, log: ContainerLog, name: str, within: int = WHOLE) -> LogStream:
        stream = log.streams.get(name)
        if stream is None:
            stream = log.streams[name] = LogStream(log.grouping, self._max_line_bytes, self._tally)
            stream.within = within
        return stream

    def _read_again(self, followed: Followed, start: int) -> Read:
        """What a restart forgot: the records before the offset that were not delivered."""
        contents, log = followed.contents, self._log_of[followed.id]
        assert contents is not None
        log.grouping = log.grouping or self._source.grouping(followed)
        log.latest = followed
        first_of = {name: at for name, at, _ in followed.held}
        for name, _, within in followed.held:
            self._stream(log, name, within)
        made: list[tuple[str, Made]] = []
        at = start
        while at < followed.offset:
            chunk = contents.read(min(self._max_record_bytes, followed.offset - at), at)
            body = chunk[: self._records.last_end(chunk)]
            if not body:
                break
            columns, offsets = self._records.parse(body), self._records.offsets(body, at)
            kept = [
                index
                for index, (name, offset) in enumerate(zip(columns.streams, offsets, strict=True))
                if offset >= first_of.get(name, followed.offset)
            ]
            made += self._assemble(followed, log, _only(columns, kept), [offsets[index] for index in kept])
            at += len(body)
        followed.rereads = False
        return self._delivered(followed, log, made)

    # Events and positions

    def _delivered(self, followed: Followed, log: ContainerLog, made: list[tuple[str, Made]]) -> Read:
        now = self._clock.monotonic()
        self._groups.note(log, now, [stream.lines for stream in log.streams.values()])
        self._parts.note(log, now, [stream.part for stream in log.streams.values()])
        return Read(self._events(followed, made) if made else [], self._positions(followed, log))

    def _ended(self, ended: Iterable[tuple[ContainerLog, str, list[Made]]]) -> Read | None:
        """What was kept of some streams."""
        events: list[Event] = []
        positions: dict[str, bytes | None] = {}
        for log, name, made in ended:
            if made and log.latest is not None:
                events += self._events(log.latest, [(name, each) for each in made])
                # Of a log whose files are all gone nothing is left to go on from.
                positions |= self._positions(log.latest, log) or {log.latest.id: None}
        return Read(events, positions) if events else None

    def _events(self, followed: Followed, made: list[tuple[str, Made]]) -> list[Event]:
        now = self._clock.time()
        return self._source.events(
            followed,
            Entries(
                [each.time for _, each in made],
                [seconds_of(each.time) if each.time else now for _, each in made],
                [name for name, _ in made],
                [self._text(each.text) for _, each in made],
                [each.flags for _, each in made],
                [each.place[1] for _, each in made] if self._want_offsets else None,
            ),
        )

    def _text(self, text: str) -> str:
        whole, is_replaced = as_text(text)
        if is_replaced:
            self._tally.replaced.add()
        return whole

    def _positions(self, followed: Followed, log: ContainerLog) -> dict[str, bytes | None]:
        """Of the file that was read, and of all in which something was held until now, or is."""
        held = log.held()
        positions: dict[str, bytes | None] = {}
        for file in log.files():
            streams = held.get(file.id, ())
            if file is followed or streams != file.held:
                if not file.rereads:
                    file.held = streams
                positions[file.id] = file.reached()
        return positions


def _only(columns: Columns, kept: list[int]) -> Columns:
    """The records at these indices."""
    times, seconds, streams, texts = ([column[index] for index in kept] for column in columns[:4])
    parts = None if columns.parts is None else [columns.parts[index] for index in kept]
    return Columns(times, seconds, streams, texts, parts)  # type: ignore[arg-type]
