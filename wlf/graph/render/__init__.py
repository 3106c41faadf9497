"""A plan as a drawing: in the terminal, as SVG, PNG, DOT or Mermaid; and in words."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Literal, get_args

from wlf.errors import SetupError
from wlf.graph.plan import Plan
from wlf.graph.render.picture import picture_of

Format = Literal["text", "svg", "png", "dot", "mmd"]
FORMATS: tuple[Format, ...] = get_args(Format)

_ALSO: dict[Format, str] = {"text": "txt", "dot": "gv", "mmd": "mermaid"}

__all__ = ["FORMATS", "Format", "format_of", "render"]


def format_of(ending: str) -> Format:
    """The format that a file's name, or its ending, asks for.

    Raises:
        SetupError: no format is called like this.
    """
    last = ending.rpartition(".")[2].lower()
    for name in FORMATS:
        if last in (name, _ALSO.get(name)):
            return name
    raise SetupError(f"expected a name that ends in .svg, .png, .dot, .mmd or .txt, got {ending!r}")


def render(
    plan: Plan, format: str = "text", show_plan: bool = False, *, width: int | None = None, colour: bool | None = None
) -> str | bytes:
    """The drawing: bytes for png, text for all else.

    `show_plan` adds the compiled plan in words: below a terminal, svg or png drawing, as comments in dot and mmd.
    `width` (columns) and `colour` are for `text` alone; by default they are those of the terminal that standard output
    is, or 100 columns without colour. Secrets are masked in all formats.

    Raises:
        SetupError: an unknown format, or png without its library or without a font.
    """
    chosen = format_of(format)
    words = ""
    if show_plan:
        from wlf.graph.render.plan_text import plan_text

        words = plan_text(plan)
    if chosen == "text":
        from wlf.graph.render.terminal import terminal

        on_terminal = sys.stdout.isatty()
        width = width or (shutil.get_terminal_size((100, 24)).columns if on_terminal else 100)
        colour = on_terminal and "NO_COLOR" not in os.environ if colour is None else colour
        drawing = terminal(picture_of(plan), width=width, colour=colour)
        return f"{drawing}\n{words}" if words else drawing
    if chosen == "dot":
        from wlf.graph.render.dot import dot

        return _commented(words, "// ") + dot(picture_of(plan))
    if chosen == "mmd":
        from wlf.graph.render.mermaid import mermaid

        return _commented(words, "%% ") + mermaid(picture_of(plan))
    from wlf.graph.render.svg import svg

    drawing = svg(picture_of(plan), words)
    if chosen == "svg":
        return drawing
    from wlf.graph.render.png import png

    return png(drawing)


def _commented(words: str, sign: str) -> str:
    # Mermaid takes a comment sign alone on its line for the name of a diagram.
    return "".join(f"{sign}{line}\n" if line else "\n" for line in words.splitlines())
