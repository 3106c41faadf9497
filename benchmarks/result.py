"""One measurement, as the suites give it, the JSON file keeps it, and the tables and the chart read it."""

from __future__ import annotations

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one program did with one input. Figures that were not taken stay at their defaults.

    Args:
        suite: `decode`, `end to end`, `latency`, `peers` ...
        case: what was done, `binlog -> Kafka`; results of one suite, case and input are compared with each other.
        who: `wlf`, or a peer's name.
        input: name of the corpus or the load.
        events: rows or lines that came out.
        seconds: wall time of the events' way, without the program's start where the suite can tell it apart.
        cpu_seconds: of the program with all its children, user and system, start included.
        start_cpu_seconds: what of them was used up before the first event came out.
        megabytes: size of the input.
        peak_rss_mb: of its largest process.
        lost: events of the input that never came out.
        duplicates: events that came out more than once.
        p50_ms, p99_ms: latency.
        missing: why there are no figures; the peer could not be had or does not do this.
        note: what one must know to read the figures.
        machine: what it was measured on, where that is not the machine of its book.
    """

    suite: str
    case: str
    who: str
    input: str = ""
    events: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    start_cpu_seconds: float = 0.0
    megabytes: float = 0.0
    peak_rss_mb: float = 0.0
    lost: int = 0
    duplicates: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    missing: str = ""
    note: str = ""
    machine: str = ""

    @property
    def events_per_second(self) -> float:
        """0 where no time was taken."""
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds a million events."""
        return self.cpu_seconds / self.events * 1e6 if self.events else 0.0

    @property
    def moving_cpu_per_million(self) -> float:
        """The same without the start."""
        return (self.cpu_seconds - self.start_cpu_seconds) / self.events * 1e6 if self.events else 0.0
