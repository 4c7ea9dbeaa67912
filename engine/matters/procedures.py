"""``procedures.csv``: the procedure a case opens beside itself when its handler turns it over to enforcement.

Columns ``code,process``. A code is ``*`` (every case), ``event/01`` (a class), ``event/0110`` (a subclass) or
``event/0110/2`` (a filing condition); the most exact row wins, whatever layer has it. For one code a plugin wins over
the core and the city over both; two plugins with one code clash, unless the city settles it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.errors import CityBroken
from engine.layers import Found, Layers
from engine.loading.tables import read_csv
from engine.matters.declaring import Fault

FILE = "procedures.csv"
COLUMNS = ("code", "process")
ALL = "*"
CODE = re.compile(r"\*|(component|event)/([0-9A-Za-z]{2}|[0-9A-Za-z]{3,}(/[1-9]\d*)?)")


@dataclass(frozen=True)
class Row:
    """One row and where it stands."""

    code: str
    process: str
    found: Found
    line: int


@dataclass(frozen=True)
class Procedures:
    """Process by code."""

    rows: Mapping[str, str]

    def find(self, kind: str, full_code: str, condition_no: int | None) -> str:
        """The process a case of this class opens; empty when no row is for it."""
        exact = (f"{kind}/{full_code}/{condition_no}", f"{kind}/{full_code}", f"{kind}/{full_code[:2]}", ALL)
        return next((self.rows[code] for code in exact if code in self.rows), "")


class ProceduresBroken(CityBroken):
    """The files do not hold; ``faults`` are all of it, each with its file."""

    def __init__(self, faults: list[tuple[Found, int, Fault]]) -> None:
        told = (f"{found.layer.name}: {FILE}: {f.element}: {f.message}; {f.remedy}" for found, _, f in faults)
        super().__init__("\n".join(told))
        self.faults = faults


def load_procedures(layers: Layers) -> Procedures:
    """The procedures of core, plugins and city. Raises ProceduresBroken with every fault."""
    rows, faults = read_procedures(layers)
    if faults:
        raise ProceduresBroken(faults)
    return Procedures(MappingProxyType({code: row.process for code, row in rows.items()}))


def read_procedures(layers: Layers) -> tuple[dict[str, Row], list[tuple[Found, int, Fault]]]:
    """The winning row of every code, and all faults with their file and line."""
    faults: list[tuple[Found, int, Fault]] = []
    winners: dict[str, Row] = {}
    rivals: list[tuple[Row, Row]] = []
    core, city = layers.layers[0], layers.layers[-1]
    for found in layers.all_of(FILE):
        for row in list(_read(found, faults)):
            before = winners.get(row.code)
            if before is not None and before.found.layer == found.layer:
                fault = Fault(row.code, "the code stands twice in this file", "keep one row")
                faults.append((found, row.line, fault))
            elif before is not None and before.found.layer != core and found.layer != city:
                rivals.append((before, row))
            winners[row.code] = row
    for before, row in rivals:
        if winners[row.code].found.layer != city:
            names = f"{before.found.layer.name} and {row.found.layer.name}"
            message = f"{names} both say what a case of this class opens ({before.process}, {row.process})"
            remedy = f"write the row {row.code} in the city's own {FILE}, or disable one of them"
            faults.append((row.found, row.line, Fault(row.code, message, remedy)))
    return winners, faults


def _read(found: Found, faults: list[tuple[Found, int, Fault]]) -> Iterator[Row]:
    try:
        rows = list(read_csv(found.path, COLUMNS))
    except CityBroken as error:
        faults.append((found, 0, Fault("header", error.message, f"its columns are {','.join(COLUMNS)}")))
        return
    for line, row in rows:
        code, process = row["code"].strip(), row["process"].strip()
        if not CODE.fullmatch(code):
            remedy = "write *, event/01, event/0110 or event/0110/2"
            faults.append((found, line, Fault(code or "code", f"{code!r} is no code of a class", remedy)))
        elif not process:
            faults.append((found, line, Fault(code, "the row names no process", "add the id of a diagram")))
        else:
            yield Row(code, process, found, line)
