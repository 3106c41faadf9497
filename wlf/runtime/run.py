"""Runs a plan as a program does: with signals, a status line, and an event loop of its own."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wlf.graph.plan import Plan
from wlf.graph.render.plan_text import guarantee_lines
from wlf.runtime.heap import keep_memory
from wlf.runtime.report import RunReport
from wlf.runtime.runner import Runner

SHOW_SECONDS = 1.0
READY_POLL_SECONDS = 0.1
LOG_SECONDS = 30.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)
GC_THRESHOLDS = (25_000, 1, 1)
"""More objects than the usual 700 before the cyclic collector looks at them: of a run's millions it frees nearly none,
as batches hold no cycles. All generations soon after: classes of rows lie in the oldest, and only it frees them."""
logger = logging.getLogger("wlf")


def run_pipeline(
    plan: Plan,
    state_dir: Path,
    *,
    until_end: bool = False,
    show: Callable[[str], None] | None = None,
) -> RunReport:
    """Run until the end, a failure or SIGTERM/SIGINT; a second signal leaves at once with exit code 1.

    Args:
        plan: what the graph was compiled to.
        state_dir: where the cursors are kept.
        until_end: stop when every collector has reached what was its end at the start.
        show: takes the status line, once a second; without it the same goes to the log, less often.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as loop:
        return loop.run(_run(Runner(plan, state_dir, until_end=until_end), plan, show))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where that is installed: it takes less of the CPU for sockets."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    factory: Any = uvloop.new_event_loop
    return factory  # type: ignore[no-any-return]


async def _run(runner: Runner, plan: Plan, show: Callable[[str], None] | None) -> RunReport:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, _on_signal, runner, number)
    for line in guarantee_lines(plan):
        logger.info("%s", line)
    _tune_gc()
    keep_memory()
    showing = asyncio.create_task(_show(runner, show))
    try:
        return await runner.run()
    finally:
        showing.cancel()
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _tune_gc() -> None:
    """The modules and the plan stay for good: the cyclic collector need not look at them again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _on_signal(runner: Runner, number: signal.Signals) -> None:
    """The first time wind down; from then on the next signal, handled by the kernel's turn, ends at once."""
    if runner.is_stopping:
        _leave(number, None)
    for each in SIGNALS:
        signal.signal(each, _leave)
    logger.info("%s: collecting no more, delivering what is under way; once more to leave at once", number.name)
    runner.stop()


def _leave(number: int, frame: object) -> None:
    os.write(sys.stderr.fileno(), b"left at once: the next run reads again from the stored cursors\n")
    os._exit(1)


async def _show(runner: Runner, show: Callable[[str], None] | None) -> None:
    while runner.troubles():  # noqa: ASYNC110 - a state of many objects, asked for as the endpoint does
        await asyncio.sleep(READY_POLL_SECONDS)
    logger.info("every node is ready")
    while True:
        await asyncio.sleep(SHOW_SECONDS if show else LOG_SECONDS)
        text = str(runner.status())
        if show:
            show(text)
        else:
            logger.info("%s", text)
