"""The start: a model made of the catalogue's names, conditions and words alone, so that suggestions work on day one."""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.intake.model import ClassModel, Facts, Floats
from engine.intake.pieces import cut, fold
from engine.intake.words import Lexicon

SHARPNESS = 50.0
"""How fast confidence grows with likeness. With it the tuning texts' confidences come true: fitted, see tests."""
NOTHING = 0.14
"""Likeness at which a text is as likely about nothing in the catalogue; fitted on the tuning texts."""


def start_model(lexicon: Lexicon) -> ClassModel:
    """Every class is the sum of what is said of it; the rarer a piece among the classes, the more it counts."""
    order = {of: at for at, of in enumerate(lexicon.classes)}
    counts: list[Counter[str]] = [Counter() for _ in lexicon.classes]
    for saying in lexicon.sayings:
        for text in Counter(piece.text for piece in cut(fold(saying.text))):
            counts[order[saying.of]][text] += saying.weight  # type: ignore[assignment]  # counts are weights here
    pieces = {text: at for at, text in enumerate(sorted({text for count in counts for text in count}))}
    said: Floats = np.zeros((len(pieces), len(counts)), dtype=np.float64)
    for column, count in enumerate(counts):
        for text, weight in count.items():
            said[pieces[text], column] = weight
    rarity: Floats = np.log((1 + len(counts)) / (1 + (said > 0).sum(axis=1))) + 1
    weights = likeness(said, rarity) * SHARPNESS
    return ClassModel(
        lexicon.classes, pieces, rarity.astype(np.float32), weights.astype(np.float32),
        np.zeros(len(counts), dtype=np.float32), NOTHING * SHARPNESS, Facts(lexicon.digest),
    )  # fmt: skip


def likeness(said: Floats, rarity: Floats) -> Floats:
    """Profiles of length 1 (pieces × classes): a vector of length 1 times them is its likeness to each class."""
    profiles = np.log1p(said) * rarity[:, None]
    lengths = np.sqrt((profiles**2).sum(axis=0))
    found: Floats = profiles / np.where(lengths > 0, lengths, 1)
    return found
