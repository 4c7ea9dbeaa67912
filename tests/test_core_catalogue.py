"""The catalogue and the roles every city inherits."""

import csv
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from engine.limits import parse_limit

CORE = Path(__file__).parents[1] / "processes"
SIDES = {"supervision", "command", "handling", "collection", "administration"}
PERMISSIONS = {
    "case.create", "case.read_all", "case.read_own_department", "case.read_own_grid", "case.cancel",
    "case.merge", "case.supervise", "case.appeal", "case.resume", "case.extend", "evidence.add",
    "organisation.read", "catalogue.read", "catalogue.edit", "catalogue.sign", "process.read", "process.deploy",
    "patrol.read", "patrol.track", "patrol.plan", "patrol.assign", "patrol.judge", "patrol.report", "patrol.audit",
    "admin", "component.propose", "component.confirm", "component.export", "caller.read",
    "case.link", "case.split", "ground.read", "recurring.read", "sensor.manage", "sensor.read",
    "document.deliver", "document.void",
}  # fmt: skip


def read(name: str) -> list[dict[str, str]]:
    with (CORE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_core_catalogue_has_242_subclasses_and_650_filing_conditions() -> None:
    assert len(read("catalogue/classes.csv")) == 242
    assert len(read("catalogue/conditions.csv")) == 650


def test_every_key_of_the_catalogue_is_unique() -> None:
    for name, columns in (
        ("catalogue/classes.csv", ("kind", "full_code")),
        ("catalogue/conditions.csv", ("kind", "full_code", "condition_no")),
        ("catalogue/departments.csv", ("dept_code",)),
        ("roles.csv", ("role",)),
    ):
        keys = Counter(tuple(row[column] for column in columns) for row in read(name))
        assert [key for key, count in keys.items() if count > 1] == [], name


def test_every_limit_is_a_number_and_a_known_unit() -> None:
    for row in read("catalogue/conditions.csv"):
        assert parse_limit(row["limit"]).value > 0, row


def test_every_subclass_names_a_known_department_and_has_a_filing_condition() -> None:
    departments = {row["dept_code"] for row in read("catalogue/departments.csv")}
    conditions = {(row["kind"], row["full_code"]) for row in read("catalogue/conditions.csv")}
    classes = read("catalogue/classes.csv")
    assert {row["dept_code"] for row in classes} <= departments
    assert {(row["kind"], row["full_code"]) for row in classes} == conditions


def test_a_full_code_is_class_and_subclass() -> None:
    for row in read("catalogue/classes.csv"):
        assert row["full_code"] == row["class_code"] + row["subclass_code"]
        assert row["kind"] in ("component", "event")
        assert row["geometry"] in ("point", "line", "polygon")


def test_every_row_says_where_it_comes_from() -> None:
    known = {"found", "memory", "provisional"}
    assert {row["source"] for row in read("catalogue/conditions.csv")} <= known
    assert {row["code_source"] for row in read("catalogue/classes.csv")} <= known


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("catalogue/classes.csv", ("class_name", "class_name_en", "subclass_name", "subclass_name_en")),
        ("catalogue/conditions.csv", ("filing_condition", "filing_condition_en", "closing_condition")),
        ("catalogue/departments.csv", ("name", "name_en")),
        ("roles.csv", ("name", "name_en")),
    ],
)
def test_names_are_complete_in_both_languages(name: str, columns: tuple[str, ...]) -> None:
    empty = [row for row in read(name) if not all(row[column].strip() for column in columns)]
    assert empty == []


def test_the_catalogue_has_a_version() -> None:
    version = tomllib.loads((CORE / "catalogue/version.toml").read_text(encoding="utf-8"))
    assert version["name"] and version["valid_from"].isoformat() <= "2026-12-31"


def test_roles_use_known_sides_and_permissions() -> None:
    for row in read("roles.csv"):
        assert row["side"] in SIDES, row
        assert set(row["permissions"].split()) <= PERMISSIONS, row


def test_a_handling_department_may_neither_file_nor_void_nor_supervise() -> None:
    refused = {"case.create", "case.read_all", "case.cancel", "case.merge", "case.supervise", "case.extend"}
    for row in read("roles.csv"):
        if row["side"] == "handling":
            assert not set(row["permissions"].split()) & refused, row
