"""What a class is called: its names, its filing conditions, and the words people use on the street.

``catalogue/synonyms.csv``: ``kind,full_code,words``, the words separated by ``;``. The files of core, plugins and city
are put together: a city adds words, and one it writes with ``-`` before it is taken back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.city import City
from engine.layers import Found
from engine.loading.tables import read_csv
from engine.models import FilingCondition, Subclass

SYNONYMS = ("kind", "full_code", "words")
NAME, WORD, CONDITION = 3.0, 1.0, 0.5
"""How much a name, a word and a filing condition count; chosen on the tuning texts."""


@dataclass(frozen=True)
class Saying:
    """Something that is said of a class (``event/0110``), and how much it counts."""

    of: str
    text: str
    weight: float


@dataclass(frozen=True)
class Lexicon:
    """All that the catalogue and the city's words say of the classes of one version."""

    classes: tuple[str, ...]
    sayings: tuple[Saying, ...]

    @property
    def digest(self) -> str:
        """Names the content: another catalogue or another word is another lexicon."""
        said = "\n".join(f"{each.of}\t{each.text}\t{each.weight}" for each in self.sayings)
        return hashlib.sha256("\n".join((*self.classes, said)).encode()).hexdigest()


def read_lexicon(session: Session, city: City, version_id: int) -> Lexicon:
    """The lexicon of a catalogue version. Raises CityBroken when a file of synonyms cannot be read."""
    rows = session.scalars(
        select(Subclass).where(Subclass.version_id == version_id).order_by(Subclass.kind, Subclass.full_code)
    ).all()
    names = {f"{row.kind}/{row.full_code}": row.name for row in rows}
    sayings = [
        Saying(f"{row.kind}/{row.full_code}", text, NAME if text == row.name else WORD)
        for row in rows
        for text in dict.fromkeys((row.name, row.name_en))
        if text
    ]
    sayings += [Saying(of, word, WORD) for of, words in read_synonyms(city).items() if of in names for word in words]
    conditions = select(FilingCondition).where(FilingCondition.version_id == version_id)
    for row in session.scalars(
        conditions.order_by(FilingCondition.kind, FilingCondition.full_code, FilingCondition.condition_no)
    ):
        of = f"{row.kind}/{row.full_code}"
        sayings += [
            Saying(of, f"{names.get(of, '')} {text}", CONDITION)
            for text in dict.fromkeys((row.text, row.text_en))
            if text
        ]
    return Lexicon(tuple(names), tuple(sayings))


def synonym_files(city: City) -> list[Found]:
    """The layers' files of synonyms, lowest first; without the core's when the city does not inherit its catalogue."""
    files = city.layers.all_of("catalogue/synonyms.csv")
    return files if city.inherit_catalogue else [found for found in files if found.layer.name != "core"]


def read_synonyms(city: City) -> Mapping[str, Sequence[str]]:
    """The words people use, by class (``event/0110``)."""
    words: dict[str, dict[str, None]] = {}
    for found in synonym_files(city):
        for _, row in read_csv(found.path, SYNONYMS):
            known = words.setdefault(f"{row['kind']}/{row['full_code']}", {})
            for word in split_words(row["words"]):
                if word.startswith("-"):
                    known.pop(word[1:].strip(), None)
                else:
                    known[word] = None
    return {of: tuple(known) for of, known in words.items()}


def split_words(text: str) -> list[str]:
    """The words of a cell."""
    return [word.strip() for word in text.replace("；", ";").split(";") if word.strip()]
