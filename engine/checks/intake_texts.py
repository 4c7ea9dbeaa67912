"""Standard texts of the intake desk: every row readable, for a class there is, in every language of the city."""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalogue.intake_texts import ANY, CLASS_DIGITS, COLUMNS, files_of, read_row
from engine.checks.finding import Finding, Source
from engine.checks.material import Material
from engine.checks.organisation import read_rows
from engine.errors import CityBroken
from engine.loading.catalogue import CLASS, catalogue_files
from engine.loading.tables import read_csv


def check_intake_texts(material: Material) -> Iterator[Finding]:
    """The rows of every layer's ``intake_texts.csv``."""
    city = material.city
    codes: set[tuple[str, str]] = set()
    for found in catalogue_files(city, "classes.csv"):
        try:
            codes |= {(row["kind"], row["full_code"]) for _line, row in read_csv(found.path, CLASS)}
        except CityBroken:
            return  # the check of the catalogue tells
    codes |= {(kind, code[:CLASS_DIGITS]) for kind, code in codes}
    codes |= {(ANY, code) for _kind, code in codes}
    for found in files_of(city):
        source = Source.of(found)
        rows, findings = read_rows(found.path, COLUMNS, source)
        yield from findings
        for line, row in rows:
            try:
                keys, text = read_row(row)
            except ValueError as error:
                yield source.error(f"line {line}", str(error), "correct the row", line)
                continue
            inherited = found.layer.root != city.root
            unknown = [code for kind, code, _use in keys if code != ANY and (kind, code) not in codes]
            if unknown and not inherited:
                message = f"the catalogue has no {row['kind']} {', '.join(unknown)}"
                yield source.error(f"line {line}", message, "correct kind and code, or delete the row", line)
            if text.text and not text.text_en and "en" in city.languages:
                yield source.warning(f"line {line}", "text_en is empty", "write the text in English, too", line)
