"""What the rules of a filing condition say: evidence asked for (证据要求), and how its limit is extended (延期规则)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from engine.errors import Invalid
from engine.limits import Limit, LimitError, parse_limit

ROLES = (
    "before_photo", "after_photo", "near_photo", "far_photo", "reference_photo", "verify_photo", "check_photo",
    "document_photo", "video", "voice",
)  # fmt: skip
"""Roles of evidence a manual may ask for: all there are."""
NEVER = "none"
EVIDENCE = re.compile(r"(?P<role>\w+)\s+(?P<count>[1-9]\d?)")
EXTENDED = re.compile(r"(?P<times>[1-9])\s*[x×]\s*(?P<limit>.+)")


class RuleUnreadable(Invalid):
    """A rule of the manual is not written as rules are; the message names the text and the form it must have."""


@dataclass(frozen=True)
class ExtensionRule:
    """How often a limit may be extended, and by how much each time; ``times`` 0 and no ``each`` for never."""

    times: int
    each: Limit | None
    text: str


@dataclass(frozen=True)
class ConditionRules:
    """The rules of one filing condition as the manual's text; empty where the process alone decides."""

    evidence: str = ""
    extension: str = ""

    @property
    def asks(self) -> tuple[tuple[str, int], ...]:
        """Roles and how many files of each. Raises RuleUnreadable."""
        return read_evidence_rule(self.evidence)

    @property
    def extends(self) -> ExtensionRule | None:
        """The rule of extension, none where the manual says nothing. Raises RuleUnreadable."""
        return read_extension_rule(self.extension)


SILENT = ConditionRules()
"""Of a condition without rules, or of none."""


@lru_cache(maxsize=4096)
def read_evidence_rule(text: str) -> tuple[tuple[str, int], ...]:
    """``before_photo 1; after_photo 2`` as roles with counts, each role once; nothing for an empty text.

    :raises RuleUnreadable: anything else.
    """
    found = [EVIDENCE.fullmatch(part.strip()) for part in text.split(";")] if text.strip() else []
    asked = [(match["role"], int(match["count"])) for match in found if match]
    roles = {role for role, _ in asked}
    if None in found or len(roles) != len(asked) or not roles <= set(ROLES):
        raise RuleUnreadable(
            f"evidence {text!r} is no rule; write for example 'before_photo 1; after_photo 2', each role once, of"
            f" {', '.join(ROLES)}"
        )
    return tuple(asked)


@lru_cache(maxsize=4096)
def read_extension_rule(text: str) -> ExtensionRule | None:
    """``2 x 5 work_day`` or ``none``; none for an empty text.

    :raises RuleUnreadable: anything else.
    """
    words = text.strip()
    if not words:
        return None
    if words == NEVER:
        return ExtensionRule(0, None, NEVER)
    match = EXTENDED.fullmatch(words)
    try:
        if match is not None:
            return ExtensionRule(int(match["times"]), parse_limit(match["limit"]), words)
    except LimitError as error:
        raise RuleUnreadable(f"extension {text!r}: {error.message}") from None
    raise RuleUnreadable(f"extension {text!r} is no rule; write for example '2 x 5 work_day', or none for never")
