"""What the decoder left out or had to replace: nothing of it may go unnoticed."""

from __future__ import annotations

from dataclasses import dataclass, field

from wlf.binlog.charset import Undecodable


@dataclass
class Counts:
    """Running totals of one decoder."""

    filtered_events: int = 0
    """Rows events of unwanted tables, which were not decoded."""
    skipped_events: int = 0
    """Events of an unknown type that the server marked as ignorable."""
    discarded_events: int = 0
    """Rows events that never took effect: rolled back (whole, to a savepoint, by XA), or cut off by a crash."""
    escaped_events: int = 0
    """Rollbacks that came after rows of the transaction were streamed already, for it was too long to be held."""
    unfit_events: int = 0
    """Rows events of tables whose columns are not known, see `Decoder.refuse`."""
    undecodable: Undecodable = field(default_factory=Undecodable)
    """Texts with bytes that their character set does not define; U+FFFD stands for those."""
