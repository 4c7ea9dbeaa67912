"""Derive Boston's departments, yards, posts and invented people.

    python -m tools.boston.derive_organisation REQUESTS.csv.gz cities/boston

Departments and the district yards of Public Works come from the queues of the requests; a yard's territory is the
neighborhood most of its requests name. People are invented: first and last names are drawn in a fixed order.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

from tools.boston.derive_catalogue import DEPARTMENTS, OTHERWISE
from tools.boston.derive_ground import NOWHERE, SAME
from tools.boston.rows import Request, read_requests

YARD = re.compile(r"PWDx_District (?P<number>\w+): (?P<name>.+)")
FIRST = "Ada Ben Clara Dan Edith Frank Grace Henry Ines Jack Kate Liam Mona Noah Olive Paul Quinn Rosa Sam Tess"
LAST = "Alder Birch Cedar Dove Elm Fern Gale Heath Ivory Jasper Knoll Lake Marsh North Oakes Pine Reed Stone Wells"
OFFICES = [
    ("acceptor", "Call taker", "CENTRE"),
    ("shift_leader", "Shift leader", "CENTRE"),
    ("dispatcher", "Dispatcher", "COMMAND"),
    ("command_head", "Head of operations", "COMMAND"),
    ("district_leader", "Neighborhood coordinator", "COMMAND"),
    ("leader", "City leader", "COMMAND"),
    ("analyst", "Process analyst", "CENTRE"),
    ("administrator", "Administrator", "CENTRE"),
]
UNIT_OFFICES = [("unit_clerk", "clerk"), ("unit_handler", "crew"), ("unit_head", "head")]
SHOWN_UNIT, SHOWN_DUTY_GRID = "PWD", "98000600101"
"""The demonstration accounts of the handling side work here, the collector walks here."""


def departments(requests: Sequence[Request], districts: dict[str, str]) -> Iterator[list[str]]:
    """Rows of departments.csv: the two sides, the departments of the catalogue, the yards of Public Works."""
    yield ["CENTRE", "Boston 311", "Boston 311", "centre", "supervision", "", "", "", ""]
    yield ["COMMAND", "Operations command", "Operations command", "command", "command", "", "", "", ""]
    for code, name in DEPARTMENTS.values():
        kind = "company" if code == "WATER" else "department"
        yield [code, name, name, kind, "handling", "", code, "", "yes" if code == OTHERWISE else ""]
    for code, name, territory in yards(requests, districts):
        yield [code, name, name, "district", "handling", "PWD", "", territory, ""]


def yards(requests: Sequence[Request], districts: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Code, name and territory of the district yards; of two yards in one neighborhood the busier has it."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for request in requests:
        name = SAME.get(request.neighborhood, request.neighborhood)
        if YARD.fullmatch(request.queue) and name not in NOWHERE:
            votes[request.queue][name] += 1
    taken: set[str] = set()
    rows = []
    for queue, counted in sorted(votes.items(), key=lambda item: -item[1].total()):
        match = YARD.fullmatch(queue)
        if match is None:
            raise AssertionError(queue)
        free = [name for name, _ in counted.most_common() if name not in taken]
        taken.add(free[0])
        rows.append(
            (f"PWD_{match['number']}", f"Public Works yard {match['number']}, {match['name']}", districts[free[0]])
        )
    return iter(sorted(rows))


def posts(codes: Iterable[str]) -> Iterator[list[str]]:
    """Rows of posts.csv: one per office, three per handling department, one for all collectors."""
    for role, name, department in OFFICES:
        yield [role, name, name, role, department]
    yield ["collector", "Street inspector", "Street inspector", "collector", "CENTRE"]
    for code in codes:
        for role, name in UNIT_OFFICES:
            yield [f"{code}_{role}", f"{code} {name}", f"{code} {name}", role, code]


def people(codes: Iterable[str], duty_grids: Iterable[str]) -> Iterator[list[str]]:
    """Rows of people.csv. Logins of the demonstration accounts are their roles."""
    names = (f"{first} {last}" for last in LAST.split() for first in FIRST.split())
    phones = cycle(range(100, 200))  # the numbers set aside for fiction

    def person(login: str, post: str, department: str, duty_grid: str = "", demo: str = "") -> list[str]:
        name = next(names)
        return [login, name, name, f"617-555-0{next(phones)}", post, department, duty_grid, demo]

    for role, _, department in OFFICES:
        yield person("admin" if role == "administrator" else role, role, department, demo="yes")
    for code in codes:
        shown = code == SHOWN_UNIT
        for role, _ in UNIT_OFFICES:
            login = role if shown else f"{code.lower()}_{role}"
            yield person(login, f"{code}_{role}", code, demo="yes" if shown else "")
    for duty_grid in duty_grids:
        shown = duty_grid == SHOWN_DUTY_GRID
        login = "collector" if shown else f"collector_{duty_grid}"
        yield person(login, "collector", "CENTRE", duty_grid, "yes" if shown else "")


def queue_departments(requests: Sequence[Request]) -> Iterator[list[str]]:
    """Rows that tell an import which department a queue or a department's code stands for."""
    for queue in sorted({r.queue for r in requests if YARD.fullmatch(r.queue)}):
        match = YARD.fullmatch(queue)
        yield ["QUEUE", queue, f"PWD_{match['number']}" if match else ""]
    for theirs in sorted({r.department for r in requests} | set(DEPARTMENTS)):
        yield ["Department", theirs, DEPARTMENTS.get(theirs, (OTHERWISE, ""))[0]]


def _write(path: Path, header: str, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def _named(path: Path) -> dict[str, str]:
    """Code by name of the features of a GeoJSON file."""
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return {feature["properties"]["name"]: feature["properties"]["code"] for feature in features}


def write_organisation(requests: Sequence[Request], root: Path) -> None:
    """Write the three files of the organisation and the import's department mapping."""
    divisions, duty_grids = _named(root / "ground/divisions.geojson"), _named(root / "ground/duty_grids.geojson")
    rows = list(departments(requests, divisions))
    handling = [row[0] for row in rows if row[4] == "handling"]
    folder = root / "organisation"
    _write(folder / "departments.csv", "code,name,name_en,kind,side,parent,duties,territory,fallback", rows)
    _write(folder / "posts.csv", "code,name,name_en,role,department", posts(handling))
    _write(
        folder / "people.csv",
        "login,name,name_en,phone,post,department,duty_grid,demo",
        people(handling, sorted(duty_grids.values())),
    )
    _write(root / "imports/boston311_departments.csv", "column,value,department", queue_departments(requests))


if __name__ == "__main__":
    write_organisation(list(read_requests(Path(sys.argv[1]))), Path(sys.argv[2]))
