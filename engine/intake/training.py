"""Train the model further on the city's own closed cases: the start and what logistic regression learns, added up.

scikit-learn is imported only here and only when training begins. What comes out is a linear model like the start.

Texts are parted by their own digest: a fifth is held out and never trained on, by this model or a later one, so that
hit rates of models that follow each other can be compared; a tenth chooses how much start and learning count.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.errors import Invalid
from engine.intake.model import ClassModel, Facts, Floats, confidences
from engine.intake.pieces import Piece, cut, fold
from engine.intake.starting import start_model
from engine.intake.words import Lexicon

LEAST_CASES = 100
MOST_OF_A_CLASS = 300
"""Cases of one class that are trained on, the newest; more of the same teach little and take long."""
SEEN_IN = 3
"""A piece is learnt when so many texts have it."""
MOST_PIECES = 12_000
STRENGTH = 20.0
"""Inverse of the regularisation, for vectors of length 1."""
SHARES = (0.0, 0.15, 0.3, 0.5, 0.75, 1.0)
LEARNT = (0.5, 0.75, 1.0, 1.4, 2.0)
QUIET = 0.01
"""The score of "none of these" is half-way between that of a text without any known piece and that of the weakest of
the choosing texts, this share of them left out."""


@dataclass(frozen=True)
class Example:
    """The text of a closed case and the class it had in the end (``event/0110``)."""

    text: str
    of: str


@dataclass(frozen=True)
class Told:
    """The pieces of a text, the number of its class, and how often it was told."""

    pieces: tuple[Piece, ...]
    of: int
    times: float


def train_model(lexicon: Lexicon, cases: Sequence[Example]) -> ClassModel:
    """A model trained on closed cases, newest first, with its hit rates on the held-out ones.

    Cases of classes the lexicon does not have are left out. Raises Invalid when fewer than ``LEAST_CASES`` are left.
    """
    known = set(lexicon.classes)
    cases = [case for case in cases if case.of in known and case.text.strip()]
    if len(cases) < LEAST_CASES:
        raise Invalid(
            f"there are {len(cases)} closed cases to learn from; training begins with {LEAST_CASES}, "
            "until then suggestions come from the catalogue's words"
        )
    start = start_model(lexicon)
    order = {of: at for at, of in enumerate(lexicon.classes)}
    parts: dict[str, Counter[tuple[str, int]]] = {"train": Counter(), "choose": Counter(), "hold": Counter()}
    for case in cases:
        folded = fold(case.text)
        parts[part_of(folded)][folded, order[case.of]] += 1
    train, choose, hold = (told(parts[name]) for name in ("train", "choose", "hold"))
    if not train or not hold:
        raise Invalid(
            f"the texts of {len(cases)} closed cases are too much alike to learn from and to measure on; "
            "suggestions come from the catalogue's words until there are more"
        )
    wider = widened(start, [text.pieces for text in train])
    weights, bias = learn(wider, lexicon, thinned(train))
    model = balanced(wider, weights, bias, choose or train)
    top1, top3 = hit_rates(model, hold)
    start_top1, start_top3 = hit_rates(start, hold)
    trained, held = (sum(text.times for text in part) for part in (train + choose, hold))
    return replace(model, facts=Facts(lexicon.digest, round(trained), round(held), top1, top3, start_top1, start_top3))


def told(texts: Counter[tuple[str, int]]) -> list[Told]:
    """Every text once with how often it was told, in the order of the first."""
    return [Told(tuple(cut(folded)), of, times) for (folded, of), times in texts.items()]


def thinned(texts: Sequence[Told]) -> list[Told]:
    """At most ``MOST_OF_A_CLASS`` texts of a class; they count for those that are left out, too."""
    every: Counter[int] = Counter()
    kept: list[Told] = []
    amounts: Counter[int] = Counter()
    for text in texts:
        every[text.of] += 1
        if every[text.of] <= MOST_OF_A_CLASS:
            kept.append(text)
            amounts[text.of] += 1
    return [replace(text, times=text.times * every[text.of] / amounts[text.of]) for text in kept]


def part_of(folded: str) -> str:
    """``hold``, ``choose`` or ``train``: the same text is always in the same part."""
    number = int.from_bytes(hashlib.sha256(folded.encode()).digest()[:4])
    if number % 5 == 0:
        return "hold"
    return "choose" if number % 10 == 1 else "train"


def widened(start: ClassModel, texts: Sequence[Sequence[Piece]]) -> ClassModel:
    """The start, with pieces it does not know but the cases have; these say nothing of any class yet."""
    seen = Counter(text for pieces in texts for text in {piece.text for piece in pieces})
    fresh = [text for text, times in seen.most_common() if times >= SEEN_IN and text not in start.pieces]
    fresh = fresh[: max(MOST_PIECES - len(start.pieces), 0)]
    rarest = float(start.rarity.max(initial=1))
    found = np.array([min(np.log((1 + len(texts)) / (1 + seen[text])) + 1, rarest) for text in fresh])
    return replace(
        start,
        pieces={**start.pieces, **{text: len(start.pieces) + at for at, text in enumerate(fresh)}},
        rarity=np.concatenate([start.rarity, found]).astype(np.float32),
        weights=np.vstack([start.weights, np.zeros((len(fresh), len(start.classes)), dtype=np.float32)]),
    )


def learn(model: ClassModel, lexicon: Lexicon, texts: Sequence[Told]) -> tuple[Floats, Floats]:
    """Weights and bias of every class, centred, from the cases and the words; the words keep classes without cases."""
    from sklearn.linear_model import LogisticRegression

    order = {of: at for at, of in enumerate(lexicon.classes)}
    rows = [*texts, *(Told(tuple(cut(fold(each.text))), order[each.of], each.weight) for each in lexicon.sayings)]
    regression = LogisticRegression(C=STRENGTH, max_iter=60, tol=1e-3)
    regression.fit(
        matrix(model, [row.pieces for row in rows]), [row.of for row in rows],
        sample_weight=[row.times for row in rows],
    )  # fmt: skip
    weights: Floats = np.zeros((len(model.pieces), len(model.classes)))
    bias: Floats = np.full(len(model.classes), regression.intercept_.min())
    weights[:, regression.classes_] = regression.coef_.T
    bias[regression.classes_] = regression.intercept_
    return weights - weights.mean(axis=1, keepdims=True), bias - bias.mean()


def matrix(model: ClassModel, texts: Sequence[Sequence[Piece]]) -> Any:
    """The vectors of texts as rows of a sparse matrix."""
    from scipy.sparse import csr_matrix

    found = [model.vector(pieces) for pieces in texts]
    ends = np.cumsum([0, *(len(at) for at, _ in found)])
    columns = np.concatenate([at for at, _ in found])
    return csr_matrix((np.concatenate([v for _, v in found]), columns, ends), shape=(len(texts), len(model.pieces)))


def balanced(start: ClassModel, weights: Floats, bias: Floats, texts: Sequence[Told]) -> ClassModel:
    """Start and learning added up so that the confidences of the choosing texts come true as far as they can."""
    rows = matrix(start, [text.pieces for text in texts])
    right, times = np.array([text.of for text in texts]), np.array([text.times for text in texts])
    old, new = rows @ start.weights.astype(np.float64), rows @ weights + bias

    def wrong(share: float, learnt: float) -> float:
        scores = share * old + learnt * new
        scores -= scores.max(axis=1, keepdims=True)
        chosen = scores[np.arange(len(right)), right] - np.log(np.exp(scores).sum(axis=1))
        return -float((chosen * times).sum())

    share, learnt = min(((a, b) for a in SHARES for b in LEARNT), key=lambda pair: wrong(*pair))
    tops, silence = (share * old + learnt * new).max(axis=1), (learnt * bias).max()
    return replace(
        start,
        weights=(share * start.weights + learnt * weights).astype(np.float32),
        bias=(learnt * bias).astype(np.float32),
        nothing=float((max(np.quantile(tops, QUIET), silence) + silence) / 2),
    )


def hit_rates(model: ClassModel, texts: Sequence[Told]) -> tuple[float, float]:
    """Shares of texts whose class is the first suggestion, and among the first three; no suggestion is a miss."""
    first = third = amount = 0.0
    for text in texts:
        amount += text.times
        scores = model.scores(text.pieces)
        best = np.argsort(-scores, kind="stable")[:3]
        shares = confidences(scores, model.nothing)
        if not text.pieces or shares[best[0]] < 1 - shares.sum():
            continue
        first += text.times * (int(best[0]) == text.of)
        third += text.times * (text.of in best)
    return first / (amount or 1), third / (amount or 1)
