"""The command manual: its changes on a list, one change row by row, the workbook out and in, the signature."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.frame import actor, back_to, render
from api.pages.languages import _, noop, page_language
from api.pages.refusals import Refusal, refusal_of
from api.resources.manual import change_view, read_upload, workbook_answer
from engine.cases.access import require
from engine.catalogue.lookup import version_in_force
from engine.catalogue.manual import TABLES
from engine.catalogue.manual_change import (
    EDIT,
    PROPOSED,
    SIGN,
    effect_on_cases,
    find_change,
    list_changes,
    manual_of,
    propose_change,
    sign_change,
    withdraw_change,
)
from engine.catalogue.manual_departments import department_names
from engine.catalogue.manual_diff import SORTS, RowChange, diff_of
from engine.catalogue.manual_faults import ManualInvalid
from engine.errors import DomainError, Invalid
from engine.models import CatalogueVersion, ManualChange

READ = "catalogue.read"
ROWS = 100
"""Rows of a diff on one page."""
SORT_NAMES = {"added": noop("新增"), "removed": noop("删除"), "changed": noop("修改")}
STATUS_NAMES = {"proposed": noop("待签署"), "signed": noop("已签署"), "withdrawn": noop("已撤回")}


def manual_changes() -> BaseResponse:
    """All changes, and the forms to take the workbook and to send it."""
    require(actor(), READ, "read the catalogue")
    return show_list()


def show_list(refusal: Refusal | None = None, faults: list[tuple[str, str]] | None = None) -> BaseResponse:
    """The list, with what was wrong with a workbook that was just sent."""
    db, today = context.session(), context.platform().host.today(context.now())
    return render(
        "manual.html", refusal.status if refusal else 200, refusal=refusal, faults=faults or [], today=today,
        version=version_in_force(db, today), changes=[change_view(change) for change in list_changes(db)],
        may_edit=actor().may(EDIT), statuses=STATUS_NAMES, sent=request.form,
    )  # fmt: skip


def manual_workbook() -> BaseResponse:
    """The manual of a version, the one in force unless another is named."""
    require(actor(), READ, "read the catalogue")
    asked = request.args.get("version", type=int)
    return workbook_answer(
        asked or version_in_force(context.session(), context.platform().host.today(context.now())).id
    )


def send_manual() -> BaseResponse:
    """Stage what a workbook changes, or say what is wrong with it."""
    moment, platform = context.now(), context.platform()
    try:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise Invalid("no workbook was chosen; choose one", field="file")
        change, _new = propose_change(
            context.session(), actor(), read_upload(file), file_name=file.filename, name=request.form.get("name", ""),
            note=request.form.get("note", "")[:2000], effective=read_day(request.form.get("effective_date", "")),
            today=platform.host.today(moment), now=moment, departments=list(department_names(platform.city)),
        )  # fmt: skip
    except ManualInvalid as error:
        context.session().rollback()
        faults = [(fault.where, fault.said(page_language())) for fault in error.faults]
        what = _("工作簿有 %(count)s 处不符合要求，没有接收。", count=len(faults))
        return show_list(Refusal(422, _("工作簿未接收"), what, _("请按下表改正后重新导入。")), faults)
    except DomainError as error:
        refusal, _errors = refusal_of(error)
        context.session().rollback()
        return show_list(refusal)
    return back_to("pages.manual_change", change_id=change.id, said=_("修订已提交，请核对差异；签署前不生效。"))


def read_day(text: str) -> date:
    """A day of a form. Raises Invalid."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("the effective date is no date; choose one", field="effective_date") from error


def manual_change(change_id: int) -> BaseResponse:
    """One change: what differs, what it means for running cases, who signed."""
    require(actor(), READ, "read the catalogue")
    db = context.session()
    change = find_change(db, change_id)
    diff = diff_of(change.diff)
    sort = request.args.get("sort", "")
    rows = [each for each in diff.changes if sort not in SORTS or each.sort == sort]
    page = max(0, request.args.get("page", 0, type=int))
    shown = rows[page * ROWS : (page + 1) * ROWS]
    base, manual = manual_of(db, change.base_id)
    names = {key: row["name"] for key, row in manual.classes.items()}
    names |= {each.key: each.row["name"] for each in diff.changes if each.table is TABLES[0]}
    more = url_for("pages.manual_change", change_id=change_id, sort=sort, page=page + 1)
    return render(
        "manual_change.html", change=change_view(change), base=base, effect=effect_on_cases(db, change),
        version=db.get(CatalogueVersion, change.version_id) if change.version_id else None,
        rows=[told(each, names) for each in shown], total=len(rows), first=page * ROWS, sort=sort,
        counts={each: sum(table[each] for table in diff.counts.values()) for each in SORTS},
        sorts=SORT_NAMES, statuses=STATUS_NAMES, more=more if len(rows) > (page + 1) * ROWS else "",
        may_sign=may_sign(change), may_withdraw=change.status == PROPOSED and (actor().may(SIGN) or mine(change)),
        is_mine=mine(change),
    )  # fmt: skip


def told(change: RowChange, names: dict[tuple[str, ...], str]) -> dict[str, Any]:
    """A row of the diff in the reader's language: where it stands, and each value before and after."""
    chinese = page_language() == "zh"
    columns = {column.key: column.name if chinese else column.name_en for column in change.table.columns}
    hidden = () if change.sort == "changed" else change.table.key
    source = change.row["code_source" if change.table is TABLES[0] else "source"].split(":")[0].strip()
    return {
        "sort": change.sort, "table": change.table.name if chinese else change.table.name_en,
        "key": change.key, "name": names.get(change.key[:2], ""), "source": source,
        "values": [(columns[name], old, new) for name, (old, new) in change.values.items() if name not in hidden],
    }  # fmt: skip


def mine(change: ManualChange) -> bool:
    """Whether the person proposed it."""
    return change.author_id == actor().person_id


def may_sign(change: ManualChange) -> bool:
    """Whether the person may sign it now."""
    return change.status == PROPOSED and actor().may(SIGN) and not mine(change)


def decide_manual(change_id: int) -> BaseResponse:
    """Sign or withdraw a change."""
    db, moment = context.session(), context.now()
    if request.form.get("act") == "withdraw":
        withdraw_change(db, actor(), change_id, now=moment)
        return back_to("pages.manual_change", change_id=change_id, said=_("修订已撤回。"))
    today = context.platform().host.today(moment)
    change = sign_change(db, actor(), change_id, request.form.get("diff_digest", ""), today=today, now=moment)
    said = _("修订已签署，自 %(day)s 起生效。", day=change.effective_date.isoformat())
    return back_to("pages.manual_change", change_id=change_id, said=said)


ROUTES = (
    ("/manual", manual_changes, ("GET",)),
    ("/manual", send_manual, ("POST",)),
    ("/manual/workbook", manual_workbook, ("GET",)),
    ("/manual/changes/<int:change_id>", manual_change, ("GET",)),
    ("/manual/changes/<int:change_id>", decide_manual, ("POST",)),
)
