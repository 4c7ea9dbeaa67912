"""Measure, wrap and write the texts of a diagram's picture. Chinese breaks anywhere, other scripts between words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from xml.sax.saxutils import escape

_PIECES = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+|\s+")
_NEVER_FIRST = frozenset(",。、;:?!)》”’")
LINE_HEIGHT = 1.24


def measure_text(text: str, size: float) -> float:
    """About how wide a text is, in pixels, at a font size in pixels."""
    return size * sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.56 for letter in text)


def wrap_text(text: str, width: float, size: float, most: int) -> list[str]:
    """Break a text into even lines of at most ``width`` pixels; what ``most`` lines cannot hold ends in an ellipsis."""
    lines = _fill(text, width, size)
    narrower = width - size / 2
    while len(lines) > 1 and narrower > 0 and len(even := _fill(text, narrower, size)) == len(lines):
        lines, narrower = even, narrower - size / 2
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][:-1].rstrip() + "…"]
    return lines


def _fill(text: str, width: float, size: float) -> list[str]:
    """Lines that are each as full as they can be."""
    lines: list[str] = []
    line = ""
    for piece in _PIECES.findall(text.strip()):
        too_wide = measure_text((line + piece).rstrip(), size) > width
        if line and too_wide and piece not in _NEVER_FIRST:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def write_lines(
    lines: Sequence[str],
    x: float,
    first: float,
    size: float,
    colour: str,
    *,
    anchor: str = "middle",
    weight: str = "normal",
    halo: str = "",
) -> str:
    """SVG text of several lines; ``first`` is the base line of the first, ``halo`` a colour that keeps lines off it."""
    spans = "".join(
        f'<tspan x="{x:g}" y="{first + number * size * LINE_HEIGHT:g}">{escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    look = f'font-size="{size:g}" text-anchor="{anchor}"' + (f' font-weight="{weight}"' if weight != "normal" else "")
    text = f'<text {look} fill="{colour}">{spans}</text>'
    if not halo:
        return text
    under = f'<text {look} fill="{halo}" stroke="{halo}" stroke-width="3" stroke-linejoin="round" aria-hidden="true">'
    return f"{under}{spans}</text>{text}"
