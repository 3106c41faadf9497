"""Which failures may pass by themselves, and how any of them reads."""

from __future__ import annotations

import asyncio
import traceback

from wlf.errors import ComponentError, Retryable, WlfError

PASSING = (Retryable, OSError, TimeoutError)
"""Failures that trying again may mend."""

STARTING = "not connected yet"
"""Why a node is not ready before its first connection."""


def reason_of(error: BaseException) -> str:
    """Why it failed, without the node's name."""
    if isinstance(error, ComponentError):
        return error.message
    return str(error) or ("took longer than timeout_ms" if isinstance(error, TimeoutError) else type(error).__name__)


def after_of(error: BaseException) -> float:
    """For how many seconds the other side wants to be left alone."""
    return (error.after_s or 0.0) if isinstance(error, Retryable) else 0.0


def is_told_to_end(error: BaseException) -> bool:
    """Did the runtime itself cancel this task?

    A library may cancel what its component waits for. That is a failure like any other: taken for an orderly end, a
    dispatcher would deliver nothing more, and a collector's input would seem to be over, without a word.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def describe(node: str, error: BaseException) -> str:
    """One problem as text. An unexpected error says where it was raised, as its own text might quote the payload."""
    if isinstance(error, ComponentError):
        error.node = error.node or node
        return str(error)
    if isinstance(error, WlfError):
        return f"{node}: {error}" if node else str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{node}: unexpected {type(error).__name__}{place}\n  hint: --log-level debug shows where it came from"
