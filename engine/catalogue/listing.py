"""Browse the catalogue: versions, subclasses by search, conditions with limits and provenance."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine.errors import NotFound
from engine.models import CatalogueVersion, FilingCondition, Subclass


def list_versions(session: Session) -> Sequence[CatalogueVersion]:
    """All versions, newest first."""
    return session.scalars(
        select(CatalogueVersion).order_by(CatalogueVersion.valid_from.desc(), CatalogueVersion.id.desc())
    ).all()


def search_subclasses(
    session: Session, version_id: int, *, kind: str | None = None, class_code: str | None = None, q: str | None = None
) -> Sequence[Subclass]:
    """Subclasses of a version, by kind and code; ``q`` is looked for in code, names and scope."""
    query = select(Subclass).where(Subclass.version_id == version_id).order_by(Subclass.kind, Subclass.full_code)
    if kind:
        query = query.where(Subclass.kind == kind)
    if class_code:
        query = query.where(Subclass.class_code == class_code)
    if q:
        columns = (Subclass.full_code, Subclass.name, Subclass.name_en, Subclass.class_name, Subclass.class_name_en)
        query = query.where(or_(*(column.icontains(q, autoescape=True) for column in columns)))
    return session.scalars(query).all()


def one_subclass(session: Session, version_id: int, kind: str, full_code: str) -> Subclass:
    """A subclass. Raises NotFound."""
    found = session.get(Subclass, (version_id, kind, full_code))
    if found is None:
        raise NotFound(f"the catalogue has no {kind} subclass {full_code}; search /api/v1/catalogue/subclasses")
    return found


def conditions_of(session: Session, version_id: int, kind: str, full_code: str) -> Sequence[FilingCondition]:
    """Filing conditions of a subclass, by number."""
    return session.scalars(
        select(FilingCondition)
        .where(
            FilingCondition.version_id == version_id,
            FilingCondition.kind == kind,
            FilingCondition.full_code == full_code,
        )
        .order_by(FilingCondition.condition_no)
    ).all()
