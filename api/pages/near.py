"""What stands beside a case on its page: likely duplicates, earlier times, and what one may do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api import context
from api.pages.frame import actor
from api.pages.languages import page_language
from engine.cases.view_values import CaseDetail
from engine.duplicates.finding import Likely, duplicates_of
from engine.duplicates.reasons import explain
from engine.duplicates.recurring import recurrence_of
from engine.models import Case

SHOWN = 5
GOING_ON = ("reported", "filed", "dispatched", "suspended")


@dataclass(frozen=True)
class NearCase:
    """A likely duplicate with its reasons in the reader's language."""

    found: Likely
    why: str


def beside(case: Case, detail: CaseDetail) -> dict[str, Any]:
    """What the page's template needs of it. Cases that are linked already are no news."""
    db, platform, who = context.session(), context.platform(), actor()
    known = {link.number for link in detail.links}
    near: list[Likely] = []
    if case.status in GOING_ON:
        near = duplicates_of(db, platform, who, case, context.now(), limit=SHOWN + len(known))
    return {
        "near": [NearCase(each, explain(each, page_language())) for each in near if each.number not in known][:SHOWN],
        "recurring": recurrence_of(db, platform, who, case),
        "may_merge": "merge" in detail.actions,
        "may_unmerge": case.status == "merged" and case.merged_into_id is not None and who.may("case.merge"),
        "may_split": case.status in GOING_ON and who.may("case.split") and not case.matter,
        "may_link": who.may("case.link"),
    }
