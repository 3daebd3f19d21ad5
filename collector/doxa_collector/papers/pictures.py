"""Pictures of a document: SVG for the printed page, and the same as PNG for a format that wants pixels."""

from typing import Final

import segno
import typst

from doxa_collector.papers import bars, trend
from doxa_collector.papers.fonts import FontSettings, load
from doxa_collector.papers.model import BarChart, Picture, Qr

_PPI: Final = 220.0
_QUIET: Final = 4
"""Modules of white around a QR picture (ISO/IEC 18004 §5.3.8)."""
QR_MM: Final = 30.0
_PAGE: Final = b"""#set page(width: auto, height: auto, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg")
"""


def chart_svg(chart: Picture, family: str) -> str:
    """A chart as SVG, 468 pt (165 mm) wide."""
    return bars.draw(chart, family) if isinstance(chart, BarChart) else trend.draw(chart, family)


def qr_svg(qr: Qr) -> str:
    """A QR picture as one path, 30 mm wide; level M restores 15 % (ISO/IEC 18004)."""
    rows = [list(row) for row in segno.make(qr.text, error="m", micro=False).matrix]
    size = len(rows) + 2 * _QUIET
    path = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{QR_MM}mm" height="{QR_MM}mm" viewBox="0 0 {size} {size}" '
        f'shape-rendering="crispEdges"><rect width="{size}" height="{size}" fill="#ffffff"/>'
        f'<path d="{path}" fill="#000000"/></svg>'
    )


def png(svg: str, fonts: FontSettings) -> bytes:
    """The picture in pixels, 220 an inch."""
    return typst.compile(_PAGE, font_paths=load(fonts), sys_inputs={"svg": svg}, format="png", ppi=_PPI)
