"""What a simulated city reports: how much, when, of what class, from whom, where."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.opening import Report
from engine.catalogue.lookup import version_in_force
from engine.models import FilingCondition, Subclass
from engine.simulation.chances import pick
from engine.simulation.places import Places, Spot
from engine.simulation.settings import Settings

RECENT = 400


@dataclass(frozen=True)
class Kind:
    """A subclass that can be reported, with its filing conditions (number, text)."""

    kind: str
    full_code: str
    name: str
    conditions: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Earlier:
    """A case reported before, which somebody may report again."""

    number: str
    case_kind: Kind
    spot: Spot
    reported_at: datetime


@dataclass(frozen=True)
class Wish:
    """A report about to be made: ``duplicates`` names the case it repeats."""

    report: Report
    kind: Kind
    spot: Spot
    duplicates: str | None


class Demand:
    """Draws reports. Second reports repeat one of the last cases."""

    def __init__(
        self, session: Session, settings: Settings, places: Places, zone: ZoneInfo, day: date, english: bool
    ) -> None:
        self.settings = settings
        self.places = places
        self.zone = zone
        self.recent: deque[Earlier] = deque(maxlen=RECENT)
        self._kinds, self._weights = read_kinds(session, settings, places, day, english)

    def moments(self, day: date, cases: float, chance: Random) -> Iterator[tuple[datetime, str]]:
        """When and from which source the reports of a day come, in order of drawing."""
        busy = self.settings.demand["weekdays"][day.weekday()]
        mean = cases * busy
        count = max(0, round(chance.gauss(mean, mean**0.5)))
        for _ in range(count):
            source = pick(chance, self.settings.sources)
            hours = self.settings.rhythm[self.settings.rhythms.get(source, "citizens")]
            hour = chance.choices(range(24), weights=hours)[0]
            moment = datetime.combine(day, time(hour), self.zone) + timedelta(seconds=chance.randrange(3600))
            yield moment, source

    def draw(self, source: str, now: datetime, chance: Random) -> Wish:
        """A report from this source."""
        demand = self.settings.demand
        if self.recent and chance.random() < demand["second_reports"]:
            earlier = chance.choice(self.recent)
            if now - earlier.reported_at < timedelta(hours=12):
                return self._again(earlier, source, chance)
        kind = chance.choices(self._kinds, weights=self._weights)[0]
        spot = self.places.draw_component(chance, kind.full_code) if kind.kind == "component" else None
        spot = spot or self.places.draw(chance)
        return Wish(self._report(kind, spot, source, chance), kind, spot, None)

    def remember(self, wish: Wish, number: str, now: datetime) -> None:
        """A case that came of a wish; it may be reported again."""
        if wish.duplicates is None:
            self.recent.append(Earlier(number, wish.kind, wish.spot, now))

    def _again(self, earlier: Earlier, source: str, chance: Random) -> Wish:
        lon, lat = self.places.near(chance, earlier.spot.lon, earlier.spot.lat)
        spot = Spot(lon, lat, earlier.spot.address)
        return Wish(self._report(earlier.case_kind, spot, source, chance), earlier.case_kind, spot, earlier.number)

    def _report(self, kind: Kind, spot: Spot, source: str, chance: Random) -> Report:
        demand, texts = self.settings.demand, self.settings.texts
        number, condition = chance.choice(kind.conditions) if kind.conditions else (None, kind.name)
        citizen = source in ("hotline_12319", "hotline_12345", "public")
        sentence = chance.choice(texts.get(source) or texts["patrol"])
        # A component alone is no problem: what is wrong with it belongs to its name.
        name = texts["broken"].format(name=kind.name, condition=condition) if kind.kind == "component" else kind.name
        return Report(
            kind=kind.kind,
            full_code=kind.full_code,
            description=sentence.format(name=name, address=spot.address, condition=condition or name),
            source=source,
            lon=spot.lon,
            lat=spot.lat,
            address=spot.address,
            condition_no=number if chance.random() < demand["with_condition_share"] else None,
            component_code=spot.component,
            urgent=chance.random() < demand["urgent_share"],
            self_handled=source == "patrol" and kind.kind == "event" and chance.random() < demand["self_handled_share"],
            reporter_name=chance.choice(texts["names"]) if citizen else "",
            reporter_phone=f"1390000{chance.randrange(10_000):04}"
            if citizen and chance.random() < self.settings.with_phone_share
            else "",
        )


def read_kinds(
    session: Session, settings: Settings, places: Places, day: date, english: bool
) -> tuple[list[Kind], list[float]]:
    """The subclasses of the catalogue in force with their weights. Components only where the register has some."""
    version = version_in_force(session, day)
    conditions: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row in session.scalars(
        select(FilingCondition)
        .where(FilingCondition.version_id == version.id)
        .order_by(FilingCondition.kind, FilingCondition.full_code, FilingCondition.condition_no)
    ):
        text = row.text_en or row.text if english else row.text
        conditions.setdefault((row.kind, row.full_code), []).append((row.condition_no, text))
    registered, named = places.component_codes(), settings.demand["subclasses"]
    kinds: dict[str, list[tuple[Kind, float]]] = {"component": [], "event": []}
    for subclass in session.scalars(
        select(Subclass).where(Subclass.version_id == version.id).order_by(Subclass.kind, Subclass.full_code)
    ):
        if registered and subclass.kind == "component" and subclass.full_code not in registered:
            continue
        name = subclass.name_en or subclass.name if english else subclass.name
        kind = Kind(
            subclass.kind, subclass.full_code, name, tuple(conditions.get((subclass.kind, subclass.full_code), ()))
        )
        kinds.setdefault(subclass.kind, []).append((kind, float(named.get(subclass.name, settings.demand["others"]))))
    return balance(kinds, settings.demand["component_share"])


def balance(kinds: dict[str, list[tuple[Kind, float]]], component_share: float) -> tuple[list[Kind], list[float]]:
    """One list of kinds with weights in which components have their share."""
    shares = {"component": component_share, "event": 1 - component_share}
    drawn: list[Kind] = []
    weights: list[float] = []
    for name, members in kinds.items():
        whole = sum(weight for _, weight in members) or 1.0
        for kind, weight in members:
            drawn.append(kind)
            weights.append(weight / whole * shares.get(name, 1.0))
    return drawn, weights
