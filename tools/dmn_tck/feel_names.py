"""Names of a DMN model: FEEL allows spaces and signs in them, our expressions want words."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.workflow.expression_syntax import CONSTANTS

_SIMPLE = re.compile(r"[^\W\d]\w*")


class NotOurs(Exception):
    """Something our language does not have; ``reason`` says what, in words that can be counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def make_word(name: str) -> str:
    """Return the word that stands for a FEEL name: ``Approved/Declined`` is ``Approved_Declined``."""
    word = re.sub(r"\W+", "_", name.strip()).strip("_") or f"n{len(name)}"
    if not word[0].isalpha():
        word = "n" + word
    return word + "_of" if keyword.iskeyword(word) or word in CONSTANTS else word


@dataclass
class Names:
    """The names an expression may meet, longest first, and what is known of the values behind them.

    ``kinds`` maps a name to ``list``, ``text`` and the like; ``insides`` maps a decision's name to the one output
    its table has, because our tables give a dictionary where FEEL gives the value alone.
    """

    known: set[str] = field(default_factory=set)
    kinds: Mapping[str, str] = field(default_factory=dict)
    insides: Mapping[str, str] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)
    """Names whose value our language cannot reach, with the reason."""

    def __post_init__(self) -> None:
        plain = sorted({" ".join(name.split()) for name in self.known if name.strip()}, key=len, reverse=True)
        words = {make_word(name) for name in plain}
        if len(words) < len(plain):
            raise NotOurs("two names that differ in signs only")
        self._pattern = _alternatives(plain)

    def match(self, text: str, at: int) -> tuple[str, int] | None:
        """Return the longest name that starts at ``at`` and where it ends; a plain word when none is known."""
        found = self._pattern.match(text, at) if self._pattern else None
        simple = _SIMPLE.match(text, at)
        if found and (simple is None or found.end() >= simple.end()):
            return " ".join(found.group().split()), found.end()
        return (simple.group(), simple.end()) if simple else None


def _alternatives(names: Iterable[str]) -> re.Pattern[str] | None:
    parts = [r"\s+".join(map(re.escape, name.split())) for name in names]
    return re.compile(f"(?:{'|'.join(parts)})(?!\\w)") if parts else None
