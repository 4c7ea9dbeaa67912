"""The catalogue of core, plugins and city into the database, as a new version when its content is new."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from engine.calendar import LimitError
from engine.catalogue.condition_rules import RuleUnreadable, read_evidence_rule, read_extension_rule
from engine.catalogue.lookup import limit_for
from engine.city import City
from engine.errors import CityBroken
from engine.layers import Found
from engine.loading.tables import read_csv
from engine.models import CatalogueVersion, FilingCondition, Subclass

CLASS = (
    "kind", "class_code", "class_name", "class_name_en", "full_code", "subclass_name", "subclass_name_en", "geometry",
    "dept_code", "code_2007", "scope", "code_source",
)  # fmt: skip
CONDITION = (
    "kind", "full_code", "condition_no", "defect_code", "filing_condition", "filing_condition_en", "limit",
    "closing_condition", "source",
)  # fmt: skip
RULES = ("evidence", "extension")
"""Columns of conditions.csv that may be left out."""
PLUGIN = "plugin "
"""How names of plugins' layers begin."""
PROVENANCE = ("found", "memory", "provisional", "city")


def catalogue_files(city: City, name: str) -> list[Found]:
    """The layers' files of this name, lowest first; without the core's when the city does not inherit."""
    files = city.layers.all_of(f"catalogue/{name}")
    return files if city.inherit_catalogue else [found for found in files if found.layer.name != "core"]


def read_classes(city: City) -> dict[tuple[str, str], dict[str, Any]]:
    """Subclasses by (kind, full code), merged by key."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for found in catalogue_files(city, "classes.csv"):
        for _, row in read_csv(found.path, CLASS):
            rows[row["kind"], row["full_code"]] = {
                "kind": row["kind"], "full_code": row["full_code"], "class_code": row["class_code"],
                "class_name": row["class_name"], "class_name_en": row["class_name_en"], "name": row["subclass_name"],
                "name_en": row["subclass_name_en"], "geometry": row["geometry"], "dept_code": row["dept_code"],
                "code_2007": row["code_2007"], "scope": row["scope"], "code_source": row["code_source"],
            }  # fmt: skip
    return rows


def read_conditions(city: City) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Filing conditions by (kind, full code, number), merged by key. Raises CityBroken with every unreadable limit
    or rule."""
    rows: dict[tuple[str, str, int], dict[str, Any]] = {}
    faults: list[str] = []
    for found in catalogue_files(city, "conditions.csv"):
        for line, row in read_csv(found.path, CONDITION):
            try:
                number = int(row["condition_no"])
                limit_for(row["limit"], "A")
                rules = rules_of(row)
            except (ValueError, LimitError, RuleUnreadable) as error:
                faults.append(f"{found.path}, line {line}: {error}")
                continue
            rows[row["kind"], row["full_code"], number] = {
                "kind": row["kind"], "full_code": row["full_code"], "condition_no": number,
                "defect_code": row["defect_code"], "text": row["filing_condition"],
                "text_en": row["filing_condition_en"], "limit": row["limit"],
                "closing_condition": row["closing_condition"], "source": row["source"], **rules,
            }  # fmt: skip
    if faults:
        raise CityBroken("; ".join(faults))
    return rows


def plugins_with_rows(city: City) -> set[str]:
    """The enabled plugins that have rows of the catalogue."""
    files = [found for name in ("classes.csv", "conditions.csv") for found in catalogue_files(city, name)]
    return {found.layer.name.removeprefix(PLUGIN) for found in files if found.layer.name.startswith(PLUGIN)}


def rules_of(row: Mapping[str, str]) -> dict[str, str]:
    """The rules of evidence and extension of a condition's row; files without these columns have none.

    :raises RuleUnreadable: a rule is not written as rules are.
    """
    rules = {name: row.get(name, "") for name in RULES}
    read_evidence_rule(rules["evidence"])
    read_extension_rule(rules["extension"])
    return rules


def _without_empty_rules(row: dict[str, Any]) -> dict[str, Any]:
    """What a condition counts with in the digest: files written before there were rules keep theirs."""
    return {name: value for name, value in row.items() if name not in RULES or value}


def load_catalogue(session: Session, city: City, now: datetime) -> CatalogueVersion:
    """Store the catalogue as a new version unless it is the one last stored; earlier versions end where it begins."""
    classes, conditions = read_classes(city), read_conditions(city)
    orphans = sorted({key[:2] for key in conditions} - set(classes))
    if orphans:
        kind, code = orphans[0]
        raise CityBroken(f"catalogue: filing conditions for {kind} {code}, which has no class; add it to classes.csv")
    meta = read_version(city)
    said = [_without_empty_rules(row) for row in conditions.values()]
    content = orjson.dumps([list(classes.values()), said, meta], default=str)
    digest = hashlib.sha256(content).hexdigest()
    known = session.scalar(select(CatalogueVersion).where(CatalogueVersion.digest == digest))
    if known is not None:
        return known
    version = CatalogueVersion(
        name=meta["name"], digest=digest, valid_from=meta["valid_from"], valid_to=None, note=meta["note"],
        loaded_at=now, plugins=" ".join(sorted(plugins_with_rows(city))),
    )  # fmt: skip
    for earlier in session.scalars(select(CatalogueVersion).where(CatalogueVersion.valid_to.is_(None))):
        if earlier.valid_from < version.valid_from:
            earlier.valid_to = version.valid_from
    session.add(version)
    session.flush()
    session.execute(insert(Subclass), [{**row, "version_id": version.id} for row in classes.values()])
    if conditions:
        session.execute(insert(FilingCondition), [{**row, "version_id": version.id} for row in conditions.values()])
    return version


def read_version(city: City) -> dict[str, Any]:
    """Name, first day and note of the winning ``version.toml``."""
    files = catalogue_files(city, "version.toml")
    if not files:
        raise CityBroken(f"{city.id}: no catalogue/version.toml; give name and valid_from")
    meta = tomllib.loads(files[-1].read())
    valid_from = meta.get("valid_from")
    if not isinstance(valid_from, date):
        raise CityBroken(f"{files[-1].path}: valid_from is no date; write valid_from = 2026-01-01")
    return {"name": str(meta.get("name", "")), "valid_from": valid_from, "note": str(meta.get("note", ""))}
