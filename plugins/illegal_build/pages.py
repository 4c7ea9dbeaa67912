"""What the page of a case shows of an illegal building: its file, how far it is, what is frozen."""

from __future__ import annotations

from flask import url_for
from markupsafe import Markup
from sqlalchemy import select

from api.context import platform, session
from api.hooks import Panel
from engine.models import Case, RegisterEntry
from engine.organisation.actor import Actor
from engine.registers.declaring import Register
from plugins.illegal_build.operators import BUILDINGS

FILE = "illegal_build_file"
FREEZES = "illegal_build_freezes"
WORDS = {
    "zh": ("违建编号", "建设地址", "阶段", "复议诉讼期至", "冻结", "案卷"),
    "en": ("Code", "Address", "Stage", "Remedies until", "Frozen", "File"),
}


def show_building(case: Case, actor: Actor, language: str) -> Markup | None:
    """The building of a file, or of the files that were opened beside a street case; none without one."""
    if case.matter == FILE:
        numbers = [case.number]
    else:
        query = select(Case.number).where(Case.origin == case.number, Case.matter == FILE).order_by(Case.id)
        numbers = list(session().scalars(query))
    parts = [part for number in numbers if (part := _one(number, case.number, language)) is not None]
    return Markup("").join(parts) if parts else None


def _one(number: str, here: str, language: str) -> Markup | None:
    """One file with its building, as a list of words."""
    registers = platform().host.registers
    row = session().scalars(
        select(RegisterEntry).where(
            RegisterEntry.register == BUILDINGS, RegisterEntry.values["case"].as_string() == number
        )
    ).first()  # fmt: skip
    code, address, stage, until, frozen, file = WORDS.get(language, WORDS["zh"])
    told: list[tuple[str, object]] = []
    if number != here:
        told.append((file, Markup('<a href="{}">{}</a>').format(url_for("pages.one_case", number=number), number)))
    if row is not None:
        link = url_for("pages.register_entry", name=BUILDINGS, key=row.key)
        told += [
            (code, Markup('<a href="{}">{}</a>').format(link, row.key)), (address, row.title),
            (stage, _named(registers[BUILDINGS], "stage", row.values.get("stage"), language)),
        ]  # fmt: skip
        if row.values.get("remedy_until"):
            told.append((until, row.values["remedy_until"]))
        units = _frozen(row.key, language)
        if units:
            told.append((frozen, "、".join(units) if language == "zh" else ", ".join(units)))
    if not told:
        return None
    items = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in told)
    return Markup("<dl>{}</dl>").format(items)


def _frozen(building: str, language: str) -> list[str]:
    """The departments that froze something of a building."""
    rows = session().scalars(
        select(RegisterEntry).where(
            RegisterEntry.register == FREEZES, RegisterEntry.gone_at.is_(None),
            RegisterEntry.values["building"].as_string() == building,
            RegisterEntry.values["status"].as_string() == "frozen",
        ).order_by(RegisterEntry.key)
    )  # fmt: skip
    directory = platform().host.directory
    return [directory.name(row.values.get("department"), language) for row in rows]


def _named(register: Register, column: str, value: object, language: str) -> str:
    """The name of a choice."""
    found = next((each for each in register.columns[column].choices if each.value == value), None)
    return "" if found is None else (found.en if language == "en" else found.zh)


PANELS = (Panel("building", "违法建设", "Illegal building", "illegal_build.read", show_building),)
