"""Rules: when readings become an alarm, when it is over, and which case it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.workflow.expressions import Expression, Template

ON_READING, ON_SILENCE = "reading", "silence"
SEVERITIES = ("notice", "minor", "major", "critical")
PER_DEVICE, PER_PLACE = "device", "place"
MERGE_CLASS, MERGE_DEVICE, MERGE_NONE = "class", "device", "none"
BACK_NOTE, BACK_CANCEL, BACK_NONE = "note", "cancel", "none"
NAMES = frozenset({"reading", "device", "fence", "local", "silent_min"})
"""What conditions may ask; see docs/reference/sensors.md."""
TEXT_NAMES = NAMES | {"rule", "since", "minutes"}
"""What texts and decisions may ask besides."""


@dataclass(frozen=True)
class CaseOrder:
    """The case an alarm becomes. ``decide`` names a decision table whose outputs win over what stands here."""

    kind: str
    full_code: str
    condition_no: int | None
    urgent: bool
    title: Template
    text: Template
    decide: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule. It holds once ``when`` has held for ``lasting``, and is over once ``clear`` has for ``clear_lasting``.

    ``hold_off``: how long after an alarm the same device (or place, ``place_m`` wide) opens no further case.
    ``merge``: into an open case of the same device and class, of the same device, or none.
    """

    code: str
    name: str
    name_en: str
    kinds: frozenset[str]
    on: str
    when: Expression | None
    clear: Expression | None
    lasting: timedelta
    clear_lasting: timedelta
    severity: str
    per: str
    place_m: float
    hold_off: timedelta
    merge: str
    back: str
    case: CaseOrder | None


@dataclass(frozen=True)
class Verdict:
    """What a reading means for a rule: its new standing; ``raised`` since when it held, or that it is ``over``."""

    standing: dict[str, Any]
    raised: datetime | None = None
    over: bool = False


def judge(rule: Rule, standing: Mapping[str, Any], names: Mapping[str, Any], at: datetime) -> Verdict:
    """Ask a rule of one reading.

    ``standing``: ``since`` when the condition holds (ISO), ``alarm`` while one is raised, ``clear`` since when it looks
    over. Raises ExpressionError.
    """
    holds = rule.when is not None and bool(rule.when.evaluate(names))
    if not standing.get("alarm"):
        if not holds:
            return Verdict({})
        since = datetime.fromisoformat(standing["since"]) if standing.get("since") else at
        after = {"since": since.isoformat()}
        return Verdict({**after, "alarm": True}, raised=since) if at - since >= rule.lasting else Verdict(after)
    clear = not holds and (rule.clear is None or bool(rule.clear.evaluate(names)))
    if not clear:
        return Verdict({name: standing[name] for name in ("since", "alarm") if name in standing})
    began = datetime.fromisoformat(standing["clear"]) if standing.get("clear") else at
    if at - began >= rule.clear_lasting:
        return Verdict({}, over=True)
    return Verdict({**standing, "clear": began.isoformat()})
