"""SVG to PNG with resvg, a renderer in one wheel: no external program, no system library."""

from __future__ import annotations

from wlf.errors import SetupError

_FAMILY = "DejaVu Sans"
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'


def png(svg: str, zoom: float = 2.0) -> bytes:
    """The picture with `zoom` pixels to a unit.

    Raises:
        SetupError: resvg is not installed, or the machine has no font.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise SetupError("PNG needs the library resvg_py", hint='pip install "wlf[png]", or write .svg') from error
    # Without a font the text is left out in silence.
    blank, letter = (
        bytes(resvg_py.svg_to_bytes(svg_string=_PROBE.format(inner), sans_serif_family=_FAMILY))
        for inner in ("", '<text y="16" font-family="DejaVu Sans, sans-serif">W</text>')
    )
    if letter == blank:
        raise SetupError("PNG needs a font, and this machine has none", hint="install one (DejaVu), or write .svg")
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, sans_serif_family=_FAMILY))
