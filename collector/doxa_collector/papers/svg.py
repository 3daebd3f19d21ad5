"""A small writer of SVG: shapes and texts with everything escaped. Lengths are in points."""

from html import escape
from typing import Final

from doxa_collector.papers.cleaning import one_line

INK: Final = "#222222"
FAINT: Final = "#c8c8c8"
TARGET: Final = "#b3261e"
SERIES: Final = ("#2f6690", "#d98e04", "#5b8e7d", "#7a5195")
"""Told apart in black and white too: dark, light, middle."""


class Drawing:
    """Shapes in the order in which they were added."""

    def __init__(self, width: float, family: str, size: float = 10.0) -> None:
        self.width = width
        self._family = family
        self._size = size
        self._shapes: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, fill: str, *, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        self._shapes.append(
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(0.0, width):.2f}" height="{max(0.0, height):.2f}" '
            f'fill="{fill}" fill-opacity="{opacity:g}"/>'
        )

    def line(
        self, x1: float, y1: float, x2: float, y2: float, ink: str = INK, *, width: float = 0.8, dash: str = ""
    ) -> None:
        """A straight line."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._shapes.append(
            f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" stroke="{ink}" '
            f'stroke-width="{width:g}"{dashes}/>'
        )

    def dot(self, x: float, y: float, fill: str, radius: float = 2.4) -> None:
        """A point of a curve."""
        self._shapes.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:g}" fill="{fill}"/>')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        ink: str = INK,
        bold: bool = False,
        italic: bool = False,
    ) -> None:
        """Words with their baseline at `y`; `anchor` is start, middle or end."""
        look = (' font-weight="bold"' if bold else "") + (' font-style="italic"' if italic else "")
        self._shapes.append(
            f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}" fill="{ink}" font-family="{escape(self._family)}" '
            f'font-size="{self._size:g}"{look}>{escape(one_line(words))}</text>'
        )

    def finish(self, height: float) -> str:
        """The whole picture on white."""
        shapes = "".join(self._shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}pt" height="{height:.2f}pt" '
            f'viewBox="0 0 {self.width:g} {height:.2f}"><rect width="100%" height="100%" fill="#ffffff"/>{shapes}</svg>'
        )


def extent(words: str, size: float = 10.0) -> float:
    """About how wide words are in a Times-like face, rather too much than too little."""
    return sum(0.68 if c.isupper() or c in "mwMW%—–@" else 0.5 for c in words) * size


def shortened(words: str, width: float, size: float = 10.0) -> str:
    """The words, cut with an ellipsis where they are wider than `width`."""
    found = one_line(words)
    if extent(found, size) <= width:
        return found
    while found and extent(found + "…", size) > width:
        found = found[:-1]
    return found.rstrip() + "…"


def ticks(highest: float) -> list[float]:
    """Round values from 0 to at least `highest`, four to seven of them."""
    if highest <= 0:
        return [0.0, 1.0]
    size = 1e-9
    for power in range(-3, 12):
        for step in (1, 2, 5):
            size = step * 10.0**power
            if highest / size <= 6:
                count = int(-(-highest // size))
                return [round(at * size, 9) for at in range(count + 1)]
    return [0.0, highest]
