"""The model that tells a class from a text: one weight for every piece and class, a sum, and a confidence.

A text is a vector: every piece in it counts with its rarity, and the whole has the length 1; pieces the model has never
met lengthen it, too, so that a text about something else comes out weak. The vector times the weights gives a score a
class; the scores and a fixed one for "none of these" give confidences that sum to 1. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.intake.pieces import Piece, cut, fold

Floats = NDArray[np.floating[Any]]
STRANGER = 0.8
"""How much a piece the model has never met counts, as a share of the rarest it knows; chosen on the tuning texts."""
WORDS_TOLD = 4
LOUD = 0.25
"""Characters are told when they speak at least so much as the loudest one."""


@dataclass(frozen=True)
class Likely:
    """A class (``event/0110``), how sure the model is of it (0 to 1) and the words that spoke for it, loudest first."""

    of: str
    confidence: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """What a model says of a text. Not ``known``: "none of these" is the likeliest, and there are no classes."""

    known: bool
    likely: tuple[Likely, ...]


@dataclass(frozen=True)
class Facts:
    """Where a model comes from and how good it is. Hit rates are shares of the held-out cases, none without such.

    ``words``: digest of the lexicon; ``cases``: closed cases it was trained on, 0 for the start; ``start_top1`` and
    ``start_top3``: what the start reaches on the same held-out cases.
    """

    words: str
    cases: int = 0
    held_out: int = 0
    top1: float | None = None
    top3: float | None = None
    start_top1: float | None = None
    start_top3: float | None = None


@dataclass(frozen=True)
class ClassModel:
    """``rarity`` (pieces), ``weights`` (pieces × classes), ``bias`` (classes); ``nothing`` is the score of no class."""

    classes: tuple[str, ...]
    pieces: Mapping[str, int]
    rarity: Floats
    weights: Floats
    bias: Floats
    nothing: float
    facts: Facts

    @cached_property
    def _stranger(self) -> float:
        return STRANGER * float(self.rarity.max(initial=0))

    @cached_property
    def _order(self) -> dict[str, int]:
        return {of: at for at, of in enumerate(self.classes)}

    def vector(self, pieces: Sequence[Piece]) -> tuple[NDArray[np.intp], Floats]:
        """Numbers of the known pieces of a text, and how much each counts."""
        texts = {piece.text for piece in pieces}
        known = sorted(self.pieces[text] for text in texts if text in self.pieces)
        at = np.array(known, dtype=np.intp)
        values = self.rarity[at].astype(np.float64)
        length = np.sqrt((values**2).sum() + (len(texts) - len(known)) * self._stranger**2)
        return at, values / length if length else values

    def scores(self, pieces: Sequence[Piece]) -> Floats:
        """One score a class; the higher the likelier."""
        at, values = self.vector(pieces)
        found: Floats = values @ self.weights[at].astype(np.float64) + self.bias
        return found

    def judge(self, text: str, *, limit: int = 5, least: float = 0.02) -> Judgement:
        """The likeliest classes of a text, best first, with a confidence of ``least`` or more each."""
        folded = fold(text)
        pieces = list(cut(folded))
        scores = self.scores(pieces)
        shares = confidences(scores, self.nothing)
        order = np.argsort(-scores, kind="stable")[:limit]
        if not len(order) or not pieces or shares[order[0]] < 1 - shares.sum():
            return Judgement(False, ())
        likely = [
            Likely(self.classes[at], float(shares[at]), self._words(folded, pieces, int(at)))
            for at in order
            if shares[at] >= least
        ]
        return Judgement(True, tuple(likely))

    def words_for(self, text: str, of: str) -> tuple[str, ...]:
        """The words of a text that speak for a class, loudest first."""
        folded = fold(text)
        return self._words(folded, list(cut(folded)), self._order[of])

    def _words(self, folded: str, pieces: Sequence[Piece], of: int) -> tuple[str, ...]:
        at, values = self.vector(pieces)
        rows = self.weights[at].astype(np.float64)
        speaks = dict(zip(at.tolist(), (values * (rows[:, of] - rows.mean(axis=1))).tolist(), strict=True))
        loud = [0.0] * len(folded)
        for piece in pieces:
            share = speaks.get(self.pieces.get(piece.text, -1), 0.0) / (piece.end - piece.start)
            for place in range(piece.start, piece.end):
                loud[place] += share
        least = LOUD * max(loud, default=0.0)
        told: dict[str, float] = {}
        start = 0
        while least > 0 and start < len(folded):
            end = start
            while end < len(folded) and loud[end] >= least:
                end += 1
            if end > start:
                told[folded[start:end]] = max(told.get(folded[start:end], 0.0), sum(loud[start:end]))
            start = end + 1
        longer = [word for word in told if len(word) > 1] or list(told)
        return tuple(sorted(longer, key=lambda word: -told[word])[:WORDS_TOLD])


def confidences(scores: Floats, nothing: float) -> Floats:
    """Shares of the classes; what is missing to 1 is that of no class."""
    top = max(float(scores.max(initial=nothing)), nothing)
    raised = np.exp(scores - top)
    shares: Floats = raised / (raised.sum() + np.exp(nothing - top))
    return shares
