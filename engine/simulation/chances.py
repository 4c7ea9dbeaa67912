"""Chance that can be repeated: every case has its own stream, so one case more or less changes no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from random import Random
from typing import TypeVar

Thing = TypeVar("Thing")


def stream(seed: int, name: str) -> Random:
    """The stream of chance of this name. A text seeds it through SHA-512, alike in every process."""
    return Random(f"{seed}/{name}")


def pick(chance: Random, weights: Mapping[Thing, float]) -> Thing:
    """One key, by weight."""
    keys: Sequence[Thing] = list(weights)
    return chance.choices(keys, weights=list(weights.values()))[0]


def log_normal(chance: Random, median: float, spread: float) -> float:
    """Half of the values are above ``median``; ``spread`` is the standard deviation of their logarithm."""
    return chance.lognormvariate(log(median), spread)
