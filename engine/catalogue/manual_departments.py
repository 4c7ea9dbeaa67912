"""Names of the catalogue's departments, from the city's files: what the manual's sheet of departments lists."""

from __future__ import annotations

from engine.city import City
from engine.loading.catalogue import catalogue_files
from engine.loading.tables import read_csv

COLUMNS = ("dept_code", "name", "name_en")


def department_names(city: City) -> dict[str, tuple[str, str]]:
    """Code -> Chinese and English name, merged by code over the layers."""
    return {
        row["dept_code"]: (row["name"], row["name_en"])
        for found in catalogue_files(city, "departments.csv")
        for _, row in read_csv(found.path, COLUMNS)
    }
