"""How long simulated people take: by stage, by the time left until the task is due, by shift, by the unit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

from engine.calendar import Unit
from engine.simulation.chances import log_normal, stream
from engine.simulation.settings import Settings

ROUND_THE_CLOCK = "urgent_"
AFTER_OPENING_MIN = 35


class Pace:
    """When people get a task done."""

    def __init__(self, settings: Settings, units: Iterable[str], seed: int) -> None:
        self.settings = settings
        chance = stream(seed, "slow units")
        self.slow_units = frozenset(code for code in sorted(units) if chance.random() < settings.slow_share)

    def done_at(
        self, stage: str, unit: str | None, created: datetime, due: datetime | None, limit: str, chance: Random
    ) -> datetime:
        """When a task created then is done. ``limit`` is the case's; one that runs at night is worked on at night."""
        delay = self.settings.delay(stage)
        shift = self.settings.shifts[delay.shift]
        factor = self.settings.slow_factor if unit in self.slow_units else 1.0
        if delay.share is not None and due is not None and due > created:
            at = created + (due - created) * log_normal(chance, delay.share, delay.spread) * factor
            if limit.lstrip("0123456789. ").startswith(ROUND_THE_CLOCK) or shift.is_working_time(at):
                return at
            return shift.next_opening(at) + timedelta(minutes=chance.uniform(1, AFTER_OPENING_MIN))
        minutes = log_normal(chance, delay.median_min, delay.spread) * factor
        return shift.advance(created, timedelta(minutes=minutes), Unit.WORK_HOUR)
