"""Initialise or refresh a city's database from its folder, in one transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from engine.city import City
from engine.database import begin_write
from engine.ground.address_index import index_if_stale
from engine.loading.catalogue import load_catalogue
from engine.loading.ground import load_ground
from engine.loading.organisation import load_organisation
from engine.loading.tables import Progress, Rejection, no_progress
from engine.registry import Registry
from engine.workflow.deployments import current_deployment, deploy


def take_up_changes(session: Session, city: City, now: datetime, registry: Registry | None = None) -> bool:
    """Take up what has changed in a city's diagrams, decisions, forms and catalogue since it was loaded; commits.

    Cheap when nothing has. Organisation and ground change with ``load_city_folder`` (``wangge init``);
    addresses that an earlier release stored are indexed. Returns whether new cases now go another way.
    """
    begin_write(session)
    before = current_deployment(session, now)
    load_catalogue(session, city, now)
    index_if_stale(session)
    after = deploy(session, city, now, author="start", reason="the city's folder changed", registry=registry)
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
    """Load everything and deploy the diagrams; commits. Returns rejected component and address rows."""
    begin_write(session)
    load_organisation(session, city, password_hash=password_hash)
    rejected = load_ground(session, city, now, progress) if ground else []
    load_catalogue(session, city, now)
    deploy(session, city, now, author="init", reason="city folder loaded", registry=registry)
    session.commit()
    return rejected
