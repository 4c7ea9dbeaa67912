"""The model a city uses: the latest trained one while its words hold, otherwise the start made of the words."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from engine.catalogue.lookup import version_in_force
from engine.city import City
from engine.database import begin_write
from engine.intake.model import ClassModel, Facts
from engine.intake.model_file import digest_of, read_model, write_model
from engine.intake.starting import start_model
from engine.intake.training import Example, train_model
from engine.intake.words import Lexicon, read_lexicon
from engine.models import Case, IntakeModel

MOST_CASES = 60_000
KEPT = 3
"""Trained models that stay in the database."""
FRESH = timedelta(hours=20)


@dataclass(frozen=True)
class InUse:
    """A model and where it comes from. ``version`` is the digest of its file, of its words for the start."""

    model: ClassModel
    version: str
    catalogue_id: int
    trained_at: datetime | None = None


@dataclass(frozen=True)
class Trained:
    """What a training came to. ``kept`` is false when the start did better: then the start stays in use."""

    facts: Facts
    version: str
    kept: bool


@dataclass
class ModelShelf:
    """The model in use, kept in memory of one process; another process's training is noticed with the next question."""

    city: City
    _used: tuple[tuple[int | None, int], InUse] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def model(self, session: Session, day: date) -> InUse:
        """The model for the catalogue of a day."""
        version = version_in_force(session, day).id
        latest = session.scalar(select(IntakeModel.id).order_by(IntakeModel.id.desc()).limit(1))
        used = self._used
        if used is not None and used[0] == (latest, version):
            return used[1]
        with self._lock:
            if self._used is None or self._used[0] != (latest, version):
                found = find_model(session, read_lexicon(session, self.city, version), version)
                self._used = (latest, version), found
            return self._used[1]


def find_model(session: Session, lexicon: Lexicon, version: int) -> InUse:
    """The latest model trained with these words; the start when there is none."""
    row = session.scalar(
        select(IntakeModel).where(IntakeModel.words == lexicon.digest).order_by(IntakeModel.id.desc()).limit(1)
    )
    if row is None:
        return InUse(start_model(lexicon), lexicon.digest, version)
    facts = Facts(row.words, row.cases, row.held_out, row.top1, row.top3, row.start_top1, row.start_top3)
    return InUse(read_model(row.content, row.sha256, facts), row.sha256, version, row.trained_at)


def closed_examples(session: Session) -> list[Example]:
    """Texts and classes of the closed cases, the latest first, at most ``MOST_CASES``."""
    rows = session.execute(
        select(Case.description, Case.kind, Case.full_code)
        .where(Case.status == "closed", Case.matter.is_(None))
        .order_by(Case.id.desc())
        .limit(MOST_CASES)
    )
    return [Example(text, f"{kind}/{code}") for text, kind, code in rows]


def train_and_keep(session: Session, city: City, day: date, now: datetime) -> Trained:
    """Train on the closed cases and keep what came out when it is no worse than the start; commits.

    Raises Invalid when there are too few cases.
    """
    lexicon = read_lexicon(session, city, version_in_force(session, day).id)
    cases = closed_examples(session)
    session.rollback()
    model = train_model(lexicon, cases)
    facts, content = model.facts, write_model(model)
    version = digest_of(content)
    assert None not in (facts.top1, facts.top3, facts.start_top1, facts.start_top3)
    kept = (facts.top1 or 0) + (facts.top3 or 0) >= (facts.start_top1 or 0) + (facts.start_top3 or 0)
    if kept:
        begin_write(session)
        session.execute(delete(IntakeModel).where(IntakeModel.sha256 == version))  # the same cases gave the same model
        session.add(
            IntakeModel(
                sha256=version, words=facts.words, trained_at=now, cases=facts.cases, held_out=facts.held_out,
                top1=facts.top1, top3=facts.top3, start_top1=facts.start_top1, start_top3=facts.start_top3,
                content=content,
            )
        )  # fmt: skip
        session.flush()
        latest = select(IntakeModel.id).order_by(IntakeModel.id.desc()).limit(KEPT)
        session.execute(delete(IntakeModel).where(IntakeModel.id.not_in(list(session.scalars(latest)))))
        session.commit()
    return Trained(facts, version, kept)


def training_is_due(session: Session, now: datetime) -> bool:
    """Whether cases were closed since the latest model was trained, and that was long enough ago."""
    trained = session.scalar(select(IntakeModel.trained_at).order_by(IntakeModel.id.desc()).limit(1))
    closed = select(Case.id).where(Case.status == "closed", Case.matter.is_(None)).limit(1)
    if trained is not None:
        if now - trained < FRESH:
            return False
        closed = closed.where(Case.closed_at > trained)
    return session.scalar(closed) is not None
