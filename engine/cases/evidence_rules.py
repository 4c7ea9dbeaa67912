"""From when on evidence is told to contradict its claim: ``[settings.evidence]`` of a city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.city import City
from engine.errors import CityBroken
from engine.evidence.likeness import MOST_BITS


@dataclass(frozen=True)
class EvidenceRules:
    """``distance_m``: metres from the claimed place; ``age_min``: minutes from taking to uploading; ``bits``: of 64
    that may differ between photos that look alike."""

    distance_m: float = 200
    age_min: float = 1440
    bits: int = 5


MOST: Mapping[str, float] = {"distance_m": 1_000_000, "age_min": 525_600, "bits": MOST_BITS}


def evidence_rules(city: City) -> EvidenceRules:
    """The city's rules. Raises CityBroken naming the key at fault."""
    given = city.settings.get("evidence", {})
    for fault in rule_faults(given):
        raise CityBroken(f"city.toml: {fault}")
    return EvidenceRules(**given)


def rule_faults(given: Mapping[str, Any]) -> list[str]:
    """Every fault of ``[settings.evidence]``, with its remedy."""
    faults = []
    for key, value in given.items():
        if key not in MOST:
            faults.append(f"[settings.evidence] does not know {key}; it has {', '.join(MOST)}")
            continue
        number = isinstance(value, int if key == "bits" else (int, float)) and not isinstance(value, bool)
        if not number or not 0 <= value <= MOST[key]:
            what = "a whole number" if key == "bits" else "a number"
            faults.append(f"[settings.evidence] {key} is {value!r}; write {what} from 0 to {MOST[key]}")
    return faults
