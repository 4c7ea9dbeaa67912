"""What expressions may ask about a case: the keys of ``case``, described in fact_names.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fact:
    """One key of ``case``: the type of its value (as in signatures of functions) and what it says in two languages."""

    name: str
    type: str
    zh: str
    en: str


def _read_facts() -> tuple[Fact, ...]:
    with Path(__file__).with_name("fact_names.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Fact(**row) for row in csv.DictReader(file))


CASE_FACTS = _read_facts()
FACTS = frozenset(fact.name for fact in CASE_FACTS)
