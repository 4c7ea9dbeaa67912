"""Organisation: everybody has a post that exists, every unit somebody to do its work, every grid a collector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.material import Material
from engine.city import City
from engine.errors import CityBroken
from engine.ground.layer_files import city_layers
from engine.loading.ground_folder import read_folder_layer
from engine.loading.organisation import DEPARTMENT, PERSON, POST
from engine.loading.tables import read_csv

FOLDER = "organisation"
KINDS = ("centre", "command", "department", "district", "subdistrict", "company")
SIDES = ("supervision", "command", "handling")
Rows = list[tuple[int, dict[str, str]]]


@dataclass
class Organisation:
    """The three tables, each with its line numbers, and the duty grids they may name."""

    departments: Rows = field(default_factory=list)
    posts: Rows = field(default_factory=list)
    people: Rows = field(default_factory=list)
    duty_grids: frozenset[str] | None = None

    @property
    def codes(self) -> set[str]:
        """Codes of all departments."""
        return {row["code"] for _, row in self.departments}


def check_organisation(material: Material) -> Iterator[Finding]:
    """Departments, posts, people, and whether they can do what the diagrams ask."""
    city, here = material.city, f"city {material.city.id}"
    found = Organisation()
    readable = True
    for name, columns in (("departments", DEPARTMENT), ("posts", POST), ("people", PERSON)):
        source = Source(f"{FOLDER}/{name}.csv", here)
        rows, findings = read_rows(city.root / FOLDER / f"{name}.csv", columns, source)
        readable = readable and not findings
        yield from findings
        setattr(found, name, rows)
    found.duty_grids = duty_grid_codes(city)
    if not readable:
        return
    yield from check_departments(found, Source(f"{FOLDER}/departments.csv", here))
    yield from check_posts(material, found, Source(f"{FOLDER}/posts.csv", here))
    yield from check_people(found, Source(f"{FOLDER}/people.csv", here))
    yield from check_staffing(material, found, Source(f"{FOLDER}/people.csv", here))


def read_rows(path: Path, columns: tuple[str, ...], source: Source) -> tuple[Rows, list[Finding]]:
    """All rows of a table, none when it cannot be read."""
    try:
        return list(read_csv(path, columns)), []
    except CityBroken as error:
        message, remedy = split_remedy(error.message.replace(f"{path}", path.name), "correct the header")
        return [], [source.error("file", message, remedy)]


def duty_grid_codes(city: City) -> frozenset[str] | None:
    """Codes of the city's duty grids; none when the file cannot be read, which the ground's check tells."""
    try:
        read = read_folder_layer(city, city_layers(city)["duty_grids"])
    except CityBroken:
        return None
    return frozenset(str(each.properties["code"]) for each in read[1].features) if read else None


def find_twice(rows: Rows, key: str, source: Source) -> Iterator[Finding]:
    """Codes that stand in two rows, and rows without one."""
    seen: dict[str, int] = {}
    for line, row in rows:
        code = row[key]
        if not code:
            yield source.error(f"line {line}", f"the row has no {key}", "give it one or delete the row", line)
        elif code in seen:
            yield source.error(code, f"{key} {code} stands in line {seen[code]} too", "give one row another", line)
        seen.setdefault(code, line)


def check_departments(found: Organisation, source: Source) -> Iterator[Finding]:
    """Codes once, kinds and sides known, parents that exist and lead up, one fallback unit."""
    yield from find_twice(found.departments, "code", source)
    parents = {row["code"]: row["parent"] for _, row in found.departments}
    in_ring: set[str] = set()
    for line, row in found.departments:
        code = row["code"]
        for column, known in (("kind", KINDS), ("side", SIDES)):
            if row[column] not in known:
                remedy = suggest(row[column], known, f"use one of {', '.join(known)}")
                yield source.error(code, f"{column} {row[column]!r} is unknown", remedy, line)
        if row["parent"] and row["parent"] not in parents:
            remedy = suggest(row["parent"], parents, "add it first")
            yield source.error(code, f"the parent {row['parent']!r} does not exist", remedy, line)
        ring = _ring(code, parents) if code else []
        if ring and code not in in_ring:
            in_ring |= set(ring)
            message = f"the parents lead in a circle: {' → '.join([*ring, ring[0]])}"
            yield source.error(code, message, "take the parent away from one of them", line)
    fallbacks = [(line, row["code"], row["side"]) for line, row in found.departments if row["fallback"] == "yes"]
    if len(fallbacks) != 1:
        names = ", ".join(code for _, code, _ in fallbacks) or "none"
        message = f"{len(fallbacks)} units take what nobody owns ({names})"
        yield source.error("fallback", message, "write yes in exactly one row", fallbacks[-1][0] if fallbacks else None)
    for line, code, side in fallbacks:
        if side != "handling":
            yield source.error(code, f"the fallback unit is of side {side}", "choose a unit of side handling", line)


def _ring(code: str, parents: dict[str, str]) -> list[str]:
    way, at = [code], parents.get(code, "")
    while at and at not in way:
        way.append(at)
        at = parents.get(at, "")
    return way if at == code else []


def check_posts(material: Material, found: Organisation, source: Source) -> Iterator[Finding]:
    """Codes once, roles and departments that exist."""
    yield from find_twice(found.posts, "code", source)
    for line, row in found.posts:
        if row["role"] not in material.roles:
            remedy = suggest(row["role"], material.roles, "add it to roles.csv")
            yield source.error(row["code"], f"role {row['role']!r} does not exist", remedy, line)
        department = row.get("department", "")
        if department and department not in found.codes:
            remedy = suggest(department, found.codes, "add it to departments.csv")
            yield source.error(row["code"], f"department {department!r} does not exist", remedy, line)


def check_people(found: Organisation, source: Source) -> Iterator[Finding]:
    """Posts, departments and duty grids that exist; a login belongs to one person."""
    posts = {row["code"] for _, row in found.posts}
    names: dict[str, tuple[str, int]] = {}
    held: set[tuple[str, ...]] = set()
    for line, row in found.people:
        login = row["login"]
        if not login:
            yield source.error(f"line {line}", "the row has no login", "give it one or delete the row", line)
        name, at = names.setdefault(login, (row["name"], line))
        if login and name != row["name"]:
            message = f"the login {login} belongs to {name} in line {at} and to {row['name']} here"
            yield source.error(login, message, "give one of them another login", line)
        for column, known, file in (("post", posts, "posts.csv"), ("department", found.codes, "departments.csv")):
            if row[column] not in known:
                remedy = suggest(row[column], known, f"add it to {file}")
                yield source.error(login, f"{column} {row[column]!r} does not exist", remedy, line)
        grid = row["duty_grid"]
        if grid and found.duty_grids is not None and grid not in found.duty_grids:
            remedy = suggest(grid, found.duty_grids, "add it to ground/duty_grids.geojson")
            yield source.error(login, f"duty grid {grid!r} does not exist", remedy, line)
        holding = (login, row["post"], row["department"], grid)
        if holding in held:
            yield source.error(login, "the same post of the same person stands twice", "delete one row", line)
        held.add(holding)


def check_staffing(material: Material, found: Organisation, source: Source) -> Iterator[Finding]:
    """Every role the diagrams ask for is held by somebody, in every unit and grid where it is asked for."""
    role_of = {row["code"]: row["role"] for _, row in found.posts}
    held = Counter((role_of.get(row["post"], ""), row["department"]) for _, row in found.people)
    asked: dict[str, str] = {}
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            role = (element.groups or "").partition("@")[0].strip()
            if element.kind == "userTask" and role in material.roles:
                asked.setdefault(role, f"{diagram.source}: {element.id}")
    for role, where in sorted(asked.items()):
        if not any(count for (each, _), count in held.items() if each == role):
            message = f"nobody has the role, but {where} asks for it"
            yield source.error(role, message, "give somebody a post with this role")
    handling = [row["code"] for _, row in found.departments if row["side"] == "handling"]
    for role in ("unit_clerk", "unit_handler"):
        missing = [code for code in handling if role in asked and not held[role, code]]
        for code in missing:
            message = f"the unit has no {role}, so its cases wait for nobody"
            yield source.warning(code, message, f"give somebody of {code} a post with the role {role}")
    if found.duty_grids is not None and "collector" in asked:
        covered = {row["duty_grid"] for _, row in found.people if role_of.get(row["post"]) == "collector"}
        for grid in sorted(found.duty_grids - covered):
            yield source.warning(grid, "the duty grid has no collector", "write it into a collector's row")
