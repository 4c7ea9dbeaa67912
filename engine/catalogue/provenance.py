"""Where a code or a condition comes from, and the words that mark what nobody has confirmed wherever it appears."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import Subclass

DOUBTS = {
    "provisional": ("暂编代码，待核定", "provisional code, to be confirmed"),
    "memory": ("经验值，待核定", "from memory, to be confirmed"),
}
"""Word of provenance -> its mark in Chinese and English; words that are not here need none."""


def doubt_of(source: str) -> str:
    """``provisional`` or ``memory`` for a provenance that begins so (``memory: city template``), else empty."""
    return next((word for word in DOUBTS if source.startswith(word)), "")


def class_sources(session: Session, kind: str) -> Mapping[str, str]:
    """Code of a subclass -> where it comes from, as the last version that has the code says."""
    query = select(Subclass.full_code, Subclass.code_source).where(Subclass.kind == kind).order_by(Subclass.version_id)
    return {row.full_code: row.code_source for row in session.execute(query)}


def marked(label: str, *sources: str, english: bool = False) -> str:
    """A label with the mark of the first source in doubt, in brackets; the label itself when none is."""
    word = next(filter(None, map(doubt_of, sources)), "")
    if not word:
        return label
    mark = DOUBTS[word][english]
    return f"{label} ({mark})" if english else f"{label}（{mark}）"
