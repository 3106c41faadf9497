"""Which copies in one piece were handed out to their end: noted in the state before that is done.

The changes of a table without a key are kept from the stream up to the view of its copy. After a restart with two
dispatchers, one may have that copy, and the other not: the table is copied once more, for the other one, and what is
kept from the stream meanwhile would be lost to the first. So it is not kept back where a copy may have arrived.
"""

from __future__ import annotations

from wlf.components.base import State
from wlf.components.collectors._binlog.snapshot.progress import Progress

_PREFIX = "copied/"


async def put(state: State, progress: Progress) -> None:
    """Note that the end of this copy is about to be handed out."""
    await state.save({_PREFIX + progress.partition: progress.run.encode()})


async def load(state: State) -> dict[str, str]:
    """The names of the copies that are noted, by partition."""
    found = await state.load(_PREFIX)
    return {name.removeprefix(_PREFIX): run.decode("ascii", "replace") for name, run in found.items()}
