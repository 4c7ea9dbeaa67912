"""Intake: channels that hold, and words for classes the catalogue has."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding, Source, suggest
from engine.checks.material import Material
from engine.checks.organisation import find_twice, read_rows
from engine.errors import CityBroken
from engine.intake.channels import COLUMNS, FILE, faults_of
from engine.intake.words import SYNONYMS, split_words, synonym_files
from engine.loading.catalogue import read_classes

MANY_CLASSES = 12
"""A word that stands for more classes than this tells none of them apart."""


def check_intake(material: Material) -> Iterator[Finding]:
    """``channels.csv`` and ``catalogue/synonyms.csv`` of every layer."""
    yield from check_channels(material)
    yield from check_synonyms(material)


def check_channels(material: Material) -> Iterator[Finding]:
    """Codes, names, reporters and parts of the channels."""
    for found in material.city.layers.all_of(FILE):
        source = Source.of(found)
        rows, findings = read_rows(found.path, COLUMNS, source)
        yield from findings
        yield from find_twice(rows, "channel", source)
        for line, row in rows:
            for message, remedy in faults_of(row):
                yield source.error(row["channel"], message, remedy, line)


def check_synonyms(material: Material) -> Iterator[Finding]:
    """Words for classes there are; a word for too many of them is a doubt."""
    try:
        classes = {f"{kind}/{code}" for kind, code in read_classes(material.city)}
    except CityBroken:
        return  # told by the catalogue's check
    for found in synonym_files(material.city):
        source = Source.of(found)
        rows, findings = read_rows(found.path, SYNONYMS, source)
        yield from findings
        meant: dict[str, set[str]] = {}
        for line, row in rows:
            of = f"{row['kind']}/{row['full_code']}"
            if of not in classes:
                remedy = suggest(of, classes, "add the class to classes.csv, or delete the row")
                yield source.error(of, f"the catalogue has no {row['kind']} {row['full_code']}", remedy, line)
            for word in split_words(row["words"]):
                meant.setdefault(word, set()).add(of)
        for word, of_word in sorted(meant.items()):
            if len(of_word) > MANY_CLASSES:
                message = f"the word {word!r} stands for {len(of_word)} classes, so it tells none of them apart"
                yield source.warning(word, message, "leave it to the classes people mean by it")
