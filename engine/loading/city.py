"""Initialise or refresh a city's database from its folder: in one transaction, then its components in batches."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from engine.city import City
from engine.components.rules import load_rules, read_attributes
from engine.database import begin_write
from engine.ground.address_index import index_if_stale
from engine.ground.versions import settle_history
from engine.hooks.host import load_registry
from engine.loading.catalogue import load_catalogue
from engine.loading.catalogue_plugins import follow_plugins
from engine.loading.ground import load_ground
from engine.loading.organisation import load_organisation
from engine.loading.rivals import refuse_rivals
from engine.loading.sensors import load_devices
from engine.loading.survey_file import open_survey
from engine.loading.surveys import FOLDER, import_survey
from engine.loading.tables import Progress, Rejection, no_progress
from engine.registry import Registry
from engine.workflow.deployments import current_deployment, deploy

COMPONENTS = "components.csv"


def take_up_changes(session: Session, city: City, now: datetime, registry: Registry | None = None) -> bool:
    """Take up what has changed in a city's diagrams, decisions, forms and catalogue since it was loaded; commits.

    Cheap when nothing has. Organisation and ground change with ``load_city_folder`` (``wangge init``);
    addresses that an earlier release stored are indexed. Returns whether new cases now go another way.
    """
    refuse_rivals(city.layers)
    begin_write(session)
    before = current_deployment(session, now)
    load_catalogue(session, city, now)
    follow_plugins(session, city, now)
    index_if_stale(session)
    settle_history(session, city.time_zone, now)
    after = deploy(
        session, city, now, author="start", reason="the city's folder changed", registry=registry or load_registry(city)
    )
    session.commit()
    return before is not after


def load_city_folder(
    session: Session,
    city: City,
    now: datetime,
    *,
    password_hash: str | None = None,
    progress: Progress = no_progress,
    ground: bool = True,
    registry: Registry | None = None,
) -> list[Rejection]:
    """Load everything and deploy the diagrams; commits. Returns rejected component and address rows.

    Components are a survey of their own after the rest: what was surveyed or confirmed since the last time stays.
    """
    refuse_rivals(city.layers)
    components = city.root / "ground" / COMPONENTS
    surveyed = ground and components.is_file()
    if surveyed:
        open_survey(components, frozenset(field for _, field in read_attributes(city)))
    begin_write(session)
    load_organisation(session, city, password_hash=password_hash)
    rejected = load_ground(session, city, now, progress) if ground else []
    load_catalogue(session, city, now)
    follow_plugins(session, city, now)
    deploy(session, city, now, author="init", reason="city folder loaded", registry=registry or load_registry(city))
    session.commit()
    if surveyed:
        rules = load_rules(session, city)
        import_survey(session, components, rules, lambda: now, progress=progress, refuse=rejected.append, origin=FOLDER)
    begin_write(session)
    rejected += load_devices(session, city, now)
    session.commit()
    return rejected
