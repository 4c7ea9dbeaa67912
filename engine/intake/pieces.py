"""Texts cut into the pieces a class is known by: Chinese characters and pairs of them, words and pairs of words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_RUNS = re.compile(r"[㐀-鿿]+|[a-z]+")
_GAP = re.compile(r"[^a-z㐀-鿿]*")
LONGEST = 2_000
"""Characters of a text that are looked at."""


@dataclass(frozen=True)
class Piece:
    """A piece and where it stands in the folded text."""

    text: str
    start: int
    end: int


def fold(text: str) -> str:
    """A text in one shape: full-width and compatibility characters made plain, small letters."""
    return unicodedata.normalize("NFKC", text[:LONGEST]).lower()


def cut(folded: str) -> Iterator[Piece]:
    """The pieces of a folded text. Numbers and signs are no pieces and part those beside them; plurals lose their s."""
    before: Piece | None = None
    for run in _RUNS.finditer(folded):
        start, end = run.span()
        if folded[start] > "z":
            for at in range(start, end):
                yield Piece(folded[at], at, at + 1)
                if at + 1 < end:
                    yield Piece(folded[at : at + 2], at, at + 2)
            before = None
            continue
        word = Piece(_singular(run.group()), start, end)
        yield word
        if before is not None and _near(folded, before.end, start):
            yield Piece(f"{before.text} {word.text}", before.start, end)
        before = word


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _near(folded: str, end: int, start: int) -> bool:
    """Whether nothing but a space or a sign or two stands between."""
    return start - end <= 3 and _GAP.fullmatch(folded, end, start) is not None
