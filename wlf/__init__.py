"""A dataflow engine for change data and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wlf.version import __version__ as __version__

if TYPE_CHECKING:
    from wlf.pipeline import Pipeline as Pipeline
__all__ = ["Pipeline", "__version__"]


def __getattr__(name: str) -> Any:
    """`wlf.Pipeline` brings the graph and the runtime along: only for who asks for it."""
    if name == "Pipeline":
        from wlf.pipeline import Pipeline

        return Pipeline
    raise AttributeError(f"module 'wlf' has no attribute {name!r}")
