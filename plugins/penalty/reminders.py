"""The daily job: certificates that end, fines overdue with what has been added, acts that time will bar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks.settings import plugin_settings
from engine.models import Case, CaseEvent, OutboxMessage, Task
from engine.platform import Platform
from plugins.penalty.arithmetic import barred_after, days_overdue, fen_of, surcharge_fen, yuan_of
from plugins.penalty.ledger import LEDGER
from plugins.penalty.officers import OFFICERS
from plugins.penalty.operators import PAY_WITHIN_DAYS
from plugins.penalty.reading import as_date, day_of, entries

NOTIFY = "notify"
ROLES = ("unit_head", "unit_clerk")
REPEATED = 7
"""Days after which an overdue fine is told again."""


WORDS = {
    "zh": {
        "ends": "{name}的执法证 {key} 将于 {until} 到期，请及时换证。",
        "ended": "{name}的执法证 {key} 已于 {until} 到期，不得办案。",
        "overdue": "{number}（{party}）逾期 {days} 日，加处罚款至今日为 {added} 元。",
        "barred": "案件 {number} 的违法行为将于 {last} 届满二年追诉时效，请尽快核查。",
    },
    "en": {
        "ends": "The certificate {key} of {name} ends on {until}; renew it.",
        "ended": "The certificate {key} of {name} ended on {until}; no cases until it is renewed.",
        "overdue": "{number} ({party}) is {days} days overdue; the surcharge to this day is {added} yuan.",
        "barred": "The act of case {number} can no longer be punished after {last} (two years); verify it soon.",
    },
}
"""What is told, in the language of the city."""


def remind(session: Session, platform: Platform, now: datetime) -> str:
    """Tell head and clerk of each department what needs them. The same day tells the same once. Says how many lines."""
    today = day_of(platform, now)
    told: dict[str, list[str]] = defaultdict(list)
    counts = []
    for find in (_certificates, _overdue, _limitation):
        found = list(find(session, platform, today))
        counts.append(len(found))
        for department, line in found:
            told[department].append(line)
    known = _told_already(session, now)
    for department, lines in sorted(told.items()):
        new = [line for line in lines if (department, line) not in known]
        if new:
            recipients = [f"{role}@{department}" for role in ROLES]
            payload = {"recipients": recipients, "text": "\n".join(new), "penalty": [department, *new]}
            session.add(
                OutboxMessage(
                    topic=NOTIFY,
                    case_id=None,
                    payload=payload,
                    created_at=now,
                    due_at=now,
                    attempts=0,
                    done_at=None,
                    last_error=None,
                )
            )
    return f"{counts[0]} certificates, {counts[1]} overdue fines, {counts[2]} limitations"


def _words(platform: Platform) -> dict[str, str]:
    return WORDS["en" if platform.city.language == "en" else "zh"]


def _certificates(session: Session, platform: Platform, today: date) -> Iterator[tuple[str, str]]:
    column = platform.host.registers[OFFICERS].columns["valid_until"]
    warn = column.warn_days or 0
    for entry in entries(session, OFFICERS):
        until = as_date(entry.values.get("valid_until"))
        if until is None or (until - today).days > warn:
            continue
        words = _words(platform)["ends" if until >= today else "ended"]
        yield str(entry.values["department"]), words.format(name=entry.title, key=entry.key, until=until)


def _overdue(session: Session, platform: Platform, today: date) -> Iterator[tuple[str, str]]:
    for entry in entries(session, LEDGER):
        values = entry.values
        served, amount = as_date(values.get("served_on")), values.get("amount") or 0
        pending = values.get("remedy_lodged_on") and not values.get("remedy_result")
        if served is None or not amount or values.get("paid") or values.get("annulled") or pending:
            continue
        pay_by = as_date(values.get("pay_by")) or served + timedelta(days=PAY_WITHIN_DAYS)
        days = days_overdue(pay_by, today, int(values.get("remedy_days") or 0))
        if days < 1 or (days - 1) % REPEATED:
            continue
        added = yuan_of(surcharge_fen(fen_of(amount), days))
        number = values.get("decision_number") or entry.key
        text = _words(platform)["overdue"].format(number=number, party=entry.title, days=days, added=f"{added:.2f}")
        yield str(values.get("department") or ""), text


def _limitation(session: Session, platform: Platform, today: date) -> Iterator[tuple[str, str]]:
    """Leads still being verified whose act can soon no longer be punished. Told as the party's act was registered."""
    warn = int(plugin_settings(platform.city, "penalty")["limitation_warn_days"])
    query = (
        select(Case, CaseEvent.data)
        .join(Task, Task.case_id == Case.id)
        .join(CaseEvent, CaseEvent.case_id == Case.id)
        .where(Task.element == "register_source", Task.status == "open", CaseEvent.kind == "matter_opened")
        .order_by(Case.id)
    )
    for case, data in session.execute(query).all():
        happened = as_date((data.get("answers") or {}).get("happened_on"))
        if happened is None:
            continue
        last = barred_after(happened, life_safety=False)
        if 0 <= (last - today).days <= warn:
            yield str(case.lead_department or ""), _words(platform)["barred"].format(number=case.number, last=last)


def _told_already(session: Session, now: datetime) -> set[tuple[str, str]]:
    """Department and line of what was told since yesterday."""
    rows = session.scalars(
        select(OutboxMessage).where(OutboxMessage.topic == NOTIFY, OutboxMessage.created_at > now - timedelta(hours=20))
    )
    found = set()
    for row in rows:
        department, *lines = row.payload.get("penalty") or [""]
        found |= {(department, line) for line in lines}
    return found
