"""Deployments: a city's diagrams, decisions and forms, stored together by content and pinned by running instances."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from engine.casefile.asking import Question
from engine.casefile.unit import Unit
from engine.city import City
from engine.errors import CityBroken, Invalid
from engine.models import Deployment, Instance
from engine.registry import Registry
from engine.workflow.definitions import Definition, prepare
from engine.workflow.expressions import CORE, Functions
from engine.workflow.language import city_functions

_now: Any = bindparam("now", type_=Deployment.__table__.c.effective_at.type)
IN_EFFECT = (
    select(Deployment.id)
    .where(Deployment.effective_at <= _now)
    .order_by(Deployment.effective_at.desc(), Deployment.id.desc())
    .limit(1)
)
CURRENT_DEPLOYMENT = Question(IN_EFFECT, "now")
"""The id of the deployment in effect ``now``."""

KINDS = {"processes": ".bpmn", "decisions": ".dmn", "forms": ".json"}


def collect_files(city: City) -> dict[str, str]:
    """The winning file of every diagram, decision and form (logical path -> text)."""
    return {
        found.logical: found.read() for folder, suffix in KINDS.items() for found in city.layers.listing(folder, suffix)
    }


def digest(files: Mapping[str, str]) -> str:
    """SHA-256 of a deployment's content."""
    return hashlib.sha256(orjson.dumps(dict(files), option=orjson.OPT_SORT_KEYS)).hexdigest()


def deploy(
    session: Session,
    city: City,
    now: datetime,
    *,
    author: str,
    reason: str,
    effective_at: datetime | None = None,
    registry: Registry | None = None,
) -> Deployment:
    """Make the city's present files the way new cases go from ``effective_at`` on.

    Without a moment it is now, unless the same content is deployed for later already: loading a folder again does not
    bring that forward. Returns the deployment in force then when nothing changed. Running cases stay on theirs. Raises
    CityBroken when the files cannot run, Invalid when the moment has passed.

    :param registry: the functions of plugins; the core's and the calendar's are always there.
    """
    moment = effective_at or now
    if moment < now:
        raise Invalid(f"{moment.isoformat()} has passed; a deployment takes effect now or later", field="effective_at")
    files = collect_files(city)
    mark = digest(files)
    current = current_deployment(session, moment)
    if current is not None and (current.digest == mark or (effective_at is None and _is_coming(session, mark, now))):
        return current
    definition = prepare(0, files, city_functions(city, registry))
    if city.process not in definition.diagrams:
        raise CityBroken(f"city.toml starts process {city.process!r}, but no diagram has that id; correct [lifecycle]")
    deployment = Deployment(
        digest=mark,
        files=files,
        versions=_versions(files, latest_deployment(session)),
        deployed_at=now,
        effective_at=moment,
        author=author,
        reason=reason,
    )
    session.add(deployment)
    session.flush()
    return deployment


def current_deployment(session: Session, now: datetime) -> Deployment | None:
    """The deployment new cases start on: of those in effect, the one that took effect last."""
    found = current_id(session, now)
    return session.get(Deployment, found) if found is not None else None


def current_id(session: Session, now: datetime) -> int | None:
    """The id of the deployment new cases start on.

    Before the first one took effect it is that first one: simulations and replays work on days gone by.
    """
    found = session.scalar(IN_EFFECT, {"now": now})
    if found is not None:
        return found
    return session.scalar(select(Deployment.id).order_by(Deployment.effective_at, Deployment.id).limit(1))


def _is_coming(session: Session, mark: str, now: datetime) -> bool:
    """Whether this content is deployed already, for later."""
    coming = select(Deployment.id).where(Deployment.digest == mark, Deployment.effective_at > now)
    return session.scalar(coming.limit(1)) is not None


def latest_deployment(session: Session) -> Deployment | None:
    """The deployment made last, in effect or not yet: versions of files count on from it."""
    return session.scalar(select(Deployment).order_by(Deployment.id.desc()).limit(1))


def _versions(files: Mapping[str, str], before: Deployment | None) -> dict[str, int]:
    """Version of every file: one more than before where its text changed."""
    versions: dict[str, int] = {}
    for path, text in files.items():
        last = int(before.versions.get(path, 0)) if before is not None else 0
        same = before is not None and before.files.get(path) == text
        versions[path] = last if same else last + 1
    return versions


def list_deployments(session: Session, now: datetime) -> list[dict[str, Any]]:
    """One row a deployment, newest first, with how many instances run on it; their files are not read."""
    running = dict(
        session.execute(
            select(Instance.deployment_id, func.count())
            .where(Instance.status == "running")
            .group_by(Instance.deployment_id)
        ).all()
    )
    columns = (
        Deployment.id, Deployment.digest, Deployment.deployed_at, Deployment.effective_at, Deployment.author,
        Deployment.reason,
    )  # fmt: skip
    in_force = current_id(session, now)
    return [
        {**row._mapping, "running": running.get(row.id, 0), "in_force": row.id == in_force}
        for row in session.execute(select(*columns).order_by(Deployment.id.desc()))
    ]


class Definitions:
    """Prepared deployments by id; each is parsed once a process. ``functions`` are what expressions may call."""

    def __init__(self, functions: Functions = CORE) -> None:
        self.functions = functions
        self._lock = Lock()
        self._prepared: dict[int, Definition] = {}

    def get(self, session: Session, deployment_id: int) -> Definition:
        """The prepared deployment."""
        found = self._prepared.get(deployment_id)
        if found is None:
            with self._lock:
                found = self._prepared.get(deployment_id)
                if found is None:
                    row = session.get_one(Deployment, deployment_id)
                    found = self._prepared[deployment_id] = prepare(row.id, row.files, self.functions)
        return found

    def of(self, unit: Unit, deployment_id: int) -> Definition:
        """The prepared deployment; the database is asked only the first time."""
        return self._prepared.get(deployment_id) or self.get(unit.session, deployment_id)

    def current(self, session: Session, now: datetime) -> Definition:
        """The deployment new cases start on. Raises CityBroken before the first one."""
        found = current_id(session, now)
        if found is None:
            raise CityBroken("nothing is deployed yet; run 'wangge init'")
        return self.get(session, found)
