"""What is to be done about people on the ground from time to time. The scheduler calls ``look_after_patrols`` every
minute; each part runs when its own time has come, in whatever process.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.models import Counter
from engine.patrol.alarms import watch
from engine.patrol.coverage import keep_coverage
from engine.patrol.facts import find_facts
from engine.patrol.roster import has_shifts, roll_out
from engine.patrol.rules import load_patrol_rules
from engine.patrol.tracks import forget_tracks, thin_days
from engine.platform import Platform

EVERY = {
    "roster": timedelta(hours=6), "coverage": timedelta(minutes=10), "facts": timedelta(minutes=10),
    "tracks": timedelta(hours=6),
}  # fmt: skip


def look_after_patrols(session: Session, platform: Platform, now: datetime) -> list[str]:
    """Do what is due; commits. Returns the names of what was done. Nothing in a city without roster and teams."""
    city = platform.city
    done = []
    if load_patrol_rules(city).teams and _due(session, "roster", now):
        roll_out(session, city, now)
        done.append("roster")
    if not has_shifts(session):
        return done
    watch(session, platform, now)
    if _due(session, "coverage", now):
        keep_coverage(session, platform, now)
        done.append("coverage")
    if _due(session, "facts", now):
        find_facts(session, platform, now)
        done.append("facts")
    if _due(session, "tracks", now):
        thin_days(session, city, now)
        forget_tracks(session, city, now)
        done.append("tracks")
    return done


def _due(session: Session, name: str, now: datetime) -> bool:
    """Whether a part has not been done for its time; if so it counts as done now. Commits."""
    key, minute = f"patrol {name}", int(now.timestamp() // 60)
    row = session.get(Counter, key, populate_existing=True)
    if row is not None and 0 <= minute - row.value < EVERY[name] / timedelta(minutes=1):
        return False
    begin_write(session)
    session.merge(Counter(name=key, value=minute))
    session.commit()
    return True
