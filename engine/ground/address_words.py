"""How an address is read and taken apart: its searched form, its house number, its pinyin and its tokens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

TOKENS_VERSION = 1
"""Raise it when tokens change: databases are then indexed anew at the next start."""

PINYIN, INITIAL = "π", "ι"
"""Marks of tokens that are pinyin letters or initials; tokens of the text itself bear none."""

# Stem, number, and what may follow a number without being a name of its own: 号, 甲, 3栋2单元501室.
_NUMBERED = re.compile(
    r"(.{2,}?)(?<![0-9])([0-9]{1,6})((?:号|hao|h)?(?:之[0-9]+号?)?"
    r"(?:[甲乙丙丁]|[0-9]+(?:号楼|号院|栋|幢|座|单元|楼|层|室|号))*)"
)
_NUMBER_FIRST = re.compile(r"([0-9]{1,6})([a-z][a-z0-9]{2,})")
_DASH = re.compile(r"(?<=[0-9])\s*[-‐-―－~]\s*(?=[0-9])")


def fold(text: str) -> str:
    """The searched form: widths and case made equal, blanks and punctuation gone, 12-3 read as 12之3."""
    even = _DASH.sub("之", unicodedata.normalize("NFKC", text)).casefold()
    return "".join(letter for letter in even if letter.isalnum())


def split_number(folded: str) -> tuple[str, int, bool]:
    """Stem, house number (0 for none), and whether more digits may follow: 人民路12 may become 人民路123号."""
    found = _NUMBERED.fullmatch(folded)
    if found:
        return found[1], int(found[2]), not found[3]
    found = _NUMBER_FIRST.fullmatch(folded)
    return (found[2], int(found[1]), False) if found else (folded, 0, False)


@lru_cache(maxsize=65_536)
def syllables(stem: str) -> tuple[str, ...]:
    """Pinyin without tones, a syllable a Chinese character; other letters stay together."""
    return tuple(part for part in lazy_pinyin(stem, style=Style.NORMAL) if part)


def initials(parts: Sequence[str]) -> str:
    """The first letter of every syllable."""
    return "".join(part[0] for part in parts)


def pairs(stem: str) -> list[tuple[str, int, int]]:
    """Neighbours, and letters with one between them, with their positions: one wrong letter leaves some of them."""
    found = [(stem[at : at + 2], at, at + 1) for at in range(len(stem) - 1)]
    return found + [(stem[at] + stem[at + 2], at, at + 2) for at in range(len(stem) - 2)]


def grams(letters: str, mark: str, size: int = 3) -> list[tuple[str, int, int]]:
    """Runs of ``size`` letters with their positions, or all letters when there are fewer."""
    if len(letters) <= size:
        return [(mark + letters, 0, len(letters) - 1)] if letters else []
    return [(mark + letters[at : at + size], at, at + size - 1) for at in range(len(letters) - size + 1)]


def tokens_of(stem: str, parts: Sequence[str]) -> Iterator[str]:
    """Every token under which a name is filed; some come twice."""
    yield from stem
    yield from (token for token, _first, _last in pairs(stem))
    letters, firsts = "".join(parts), initials(parts)
    yield from (token for token, _first, _last in grams(letters, PINYIN))
    yield from (PINYIN + letters[at : at + 2] for at in range(len(letters) - 1))
    for size in (1, 2, 3):
        yield from (INITIAL + firsts[at : at + size] for at in range(len(firsts) - size + 1))
