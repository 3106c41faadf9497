"""Which copies a reading begins, and which it goes on with."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from wlf.components.base import Context
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.snapshot.modes import options_of
from wlf.components.collectors._binlog.snapshot.progress import PREFIX, Progress, decode_progress
from wlf.components.collectors._binlog.snapshot.tables import (
    Table,
    chosen,
    count_of,
    count_prepared,
    tables_of,
    unmatched,
    without_key,
)
from wlf.errors import SetupError


class Plan(NamedTuple):
    """`known` are the names of all copies that are stored, by partition."""

    begun: list[Progress]
    unfinished: list[Progress]
    known: dict[str, str]
    keyless: set[Table] = set()
    """Tables whose rows must not come through the stream before they are copied."""


def plan(
    config: BinlogConfig,
    context: Context,
    wants: Callable[[str, str], bool],
    stored: Mapping[str, bytes],
    *,
    begins: bool,
    is_needed: bool,
    is_first: bool,
    marked: Mapping[str, str],
) -> Plan:
    """Decide. Blocks.

    Args:
        stored: the stored positions.
        begins: nothing is stored of the binlog.
        is_needed: the place to go on from is purged, the tables must be copied.
        is_first: this process has not opened the source before.
        marked: see `marks`: copies whose end was handed out already, by partition.

    Raises:
        SetupError: there is nothing to copy, though a snapshot was asked for.
        Retryable: the server is not there.
    """
    copies = [decode_progress(value) for name, value in sorted(stored.items()) if name.startswith(PREFIX)]
    known = {copy.partition: copy.run for copy in copies}
    options = options_of(config)
    wanted = {"never": False, "initial": begins, "when_needed": begins, "always": begins or is_first}[options.mode]
    if not wanted and not is_needed:
        left = _wanted(copies, context, wants)
        keyless = without_key(config, _tables(left)) if left else set()
        # Some dispatcher may have the whole of it, and from there on needs the stream: rows that come twice elsewhere.
        had = {(copy.database, copy.table) for copy in left if marked.get(copy.partition) == copy.run}
        return Plan([], _keyless_first(left, keyless), known, keyless - had)
    seen = tables_of(config)
    tables = chosen(seen, options, wants)
    if not tables:
        raise _nothing(config, seen)
    if patterns := unmatched(seen, options.include):
        context.logger.warning(
            "%s: snapshot.include: no table that the account sees fits %s", config.address, ", ".join(patterns)
        )
    run = uuid.uuid4().hex
    context.logger.info("snapshot of %s begins", count_of(len(tables)))
    if begins and (prepared := count_prepared(config)):
        context.logger.warning(
            "%s: %d transaction(s) are prepared by XA since before reading begins: neither the snapshot "
            "nor the stream has their changes; end them, and ask for their tables with wlf snapshot",
            config.address,
            prepared,
        )
    keyless = without_key(config, tables)
    begun = _keyless_first([Progress(run, *table) for table in tables], keyless)
    new = {copy.partition for copy in begun}
    left = [copy for copy in _wanted(copies, context, wants) if copy.partition not in new]
    # At a later start the sink has their rows already: then the stream goes on as ever.
    return Plan(begun, left, known, keyless if begins or is_needed else set())


def _nothing(config: BinlogConfig, seen: list[Table]) -> SetupError:
    if not seen:
        return SetupError(
            f"{config.address}: a snapshot is asked for, but the account {config.user} sees no table",
            hint=f"GRANT SELECT ON `database`.* TO '{config.user}', or set `snapshot: never`",
        )
    patterns = [*options_of(config).include, *config.tables.include]
    names = ", ".join(sorted(map(".".join, seen), key=lambda name: _distance(name, patterns))[:5])
    return SetupError(
        f"{config.address}: no table is there to copy: `tables`, `snapshot` or the graph below leave out all that the "
        f"account sees ({names}{', ...' if len(seen) > 5 else ''})",
        hint="check the globs, GRANT SELECT ON the tables that are meant, or set `snapshot: never`",
    )


def _distance(name: str, patterns: Sequence[str]) -> float:
    """How far a table's name is from what was asked for: what was probably meant comes first."""
    return -max((SequenceMatcher(None, name, pattern).ratio() for pattern in patterns), default=0.0)


def _wanted(copies: Iterable[Progress], context: Context, wants: Callable[[str, str], bool]) -> list[Progress]:
    """The copies to go on with: a table that is left out by now is copied no further."""
    left = []
    for copy in copies:
        if copy.done:
            continue
        if wants(copy.database, copy.table):
            left.append(copy)
        else:
            context.logger.warning(
                "snapshot of %s ends with %s: `tables` or the graph leaves it out now", copy.name, copy.describe()
            )
    return left


def _tables(copies: Iterable[Progress]) -> list[Table]:
    return [(copy.database, copy.table) for copy in copies]


def _keyless_first(copies: list[Progress], keyless: set[Table]) -> list[Progress]:
    """What is read in one piece, while the stream is held, had better be over before the stream is far behind."""
    return sorted(copies, key=lambda copy: (copy.database, copy.table) not in keyless)
