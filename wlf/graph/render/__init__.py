"""A plan as a drawing: in the terminal, as SVG, PNG, DOT or Mermaid; and in words."""

from __future__ import annotations

from typing import Literal, get_args

from wlf.graph.plan import Plan
from wlf.graph.render.picture import picture_of

Format = Literal["text", "svg", "png", "dot", "mmd"]
FORMATS: tuple[Format, ...] = get_args(Format)

__all__ = ["FORMATS", "Format", "format_of", "render"]


def format_of(path: str) -> Format:
    """The format that a file's name asks for.

    Raises:
        ValueError: no format ends like this.
    """
    ending = path.rpartition(".")[2].lower()
    for name in FORMATS:
        if ending in (name, {"text": "txt", "mmd": "mermaid", "dot": "gv"}.get(name)):
            return name
    raise ValueError(f"expected a name that ends in .svg, .png, .dot, .mmd or .txt, got {path!r}")


def render(
    plan: Plan, format: Format = "text", show_plan: bool = False, *, width: int = 100, colour: bool = False
) -> str | bytes:
    """The drawing: bytes for png, text for all else.

    `show_plan` adds the compiled plan in words: below a terminal, svg or png drawing, as comments in dot and mmd.
    `width` (columns) and `colour` are for `text` alone. Secrets are masked in all of them.

    Raises:
        SetupError: png without its library or without a font.
    """
    words = ""
    if show_plan:
        from wlf.graph.render.plan_text import plan_text

        words = plan_text(plan)
    if format == "text":
        from wlf.graph.render.terminal import terminal

        drawing = terminal(picture_of(plan), width=width, colour=colour)
        return f"{drawing}\n{words}" if words else drawing
    if format == "dot":
        from wlf.graph.render.dot import dot

        return _commented(words, "// ") + dot(picture_of(plan))
    if format == "mmd":
        from wlf.graph.render.mermaid import mermaid

        return _commented(words, "%% ") + mermaid(picture_of(plan))
    from wlf.graph.render.svg import svg

    drawing = svg(picture_of(plan), words)
    if format == "svg":
        return drawing
    from wlf.graph.render.png import png

    return png(drawing)


def _commented(words: str, sign: str) -> str:
    # Mermaid takes a comment sign alone on its line for the name of a diagram.
    return "".join(f"{sign}{line}\n" if line else "\n" for line in words.splitlines())
