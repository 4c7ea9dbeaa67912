"""What the scheduler does for intake: note what the model says of fresh reports, and train it once a night."""

from __future__ import annotations

import logging
from datetime import date, datetime

from flask import Flask

from api.context import now, platform, session
from api.resources.intake import shelf
from engine.errors import Invalid
from engine.intake.keeping import train_and_keep, training_is_due
from engine.intake.noting import note_suggestions

log = logging.getLogger("wangge.intake")

NIGHT_HOURS = range(2, 5)
"""Hours of the city's clocks in which training may begin."""
TRIED = "wangge.intake.tried"


def judge_intake(app: Flask) -> int:
    """One round. Returns how many reports were noted; training is tried once a night by each process that leads."""
    with app.app_context():
        moment = now()
        today = platform().host.today(moment)
        noted = note_suggestions(session(), shelf(), today, moment)
        at_night = moment.astimezone(platform().city.time_zone).hour in NIGHT_HOURS
        if at_night and app.extensions.get(TRIED) != today:
            app.extensions[TRIED] = today
            if training_is_due(session(), moment):
                train_quietly(today, moment)
        return noted


def train_quietly(today: date, moment: datetime) -> None:
    """Train; a city with too few closed cases goes on with the catalogue's words."""
    try:
        trained = train_and_keep(session(), platform().city, today, moment)
    except Invalid as error:
        log.info("the model of suggestions was not trained: %s", error.message)
        return
    kept = f"kept as {trained.version[:12]}" if trained.kept else "not kept, the words alone do better"
    log.info("the model of suggestions was trained on %s cases: %s", trained.facts.cases, kept)
