"""The command manual: exported as a workbook, compared, changed by a proposal and a signature."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, url_for
from flask.views import MethodView
from werkzeug.datastructures import FileStorage

from api.auth import current_actor, require_permission
from api.context import now, platform, session
from api.errors import FileTooLarge
from api.resources.blueprint import group
from api.resources.catalogue import VersionQuery, edition
from api.schemas.manual import (
    ManualChangeDetailSchema,
    ManualChangeSchema,
    ManualChangesSchema,
    ManualComparisonSchema,
    ManualProposalSchema,
    ManualSignatureSchema,
    ManualWorkbookSchema,
    rows_of,
)
from engine.catalogue.manual_change import (
    EDIT,
    compare_workbook,
    effect_on_cases,
    find_change,
    list_changes,
    manual_of,
    people_of,
    propose_change,
    sign_change,
    withdraw_change,
)
from engine.catalogue.manual_departments import department_names
from engine.catalogue.manual_diff import diff_of
from engine.catalogue.manual_package import FILE_LIMIT, MIB
from engine.catalogue.manual_writing import write_workbook
from engine.models import ManualChange

blueprint = group("manual", "The command manual (指挥手册): a workbook out, differences in, a signature in between.")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.route("/catalogue/manual")
class ManualWorkbook(MethodView):
    """The manual as a workbook."""

    @blueprint.arguments(VersionQuery, location="query")
    @blueprint.response(200, content_type=XLSX)
    @blueprint.problems(403, 404)
    def get(self, query: dict[str, Any]) -> Response:
        """The manual of a version as XLSX: subclasses, filing conditions, departments, codes of 2007."""
        require_permission("catalogue.read", "read the catalogue")
        return workbook_answer(edition(query["version"]))


@blueprint.route("/catalogue/manual/comparison")
class ManualComparison(MethodView):
    """A workbook against the manual."""

    @blueprint.arguments(ManualWorkbookSchema, location="upload")
    @blueprint.response(200, ManualComparisonSchema)
    @blueprint.problems(403, 409, 413, 422)
    def post(self, upload: dict[str, Any]) -> dict[str, Any]:
        """What a workbook would change from a day on, and what that means for running cases. Writes nothing.

        422 lists every fault with sheet and cell. Needs `catalogue.edit`.
        """
        require_permission(EDIT, "change the command manual")
        content, today = read_upload(upload["file"]), platform().host.today(now())
        known = list(department_names(platform().city))
        compared = compare_workbook(session(), content, upload["effective_date"], today, known)
        diff = compared.diff
        return {
            "base": compared.base.id, "counts": diff.counts, "effect": asdict(compared.effect),
            "diff_digest": diff.digest, "changes": rows_of(diff),
        }  # fmt: skip


@blueprint.route("/catalogue/manual/changes")
class ManualChanges(MethodView):
    """Changes of the manual."""

    @blueprint.response(200, ManualChangesSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """All changes with who proposed and who signed, newest first."""
        require_permission("catalogue.read", "read the catalogue")
        return {"changes": [change_view(change) for change in list_changes(session())]}

    @blueprint.arguments(ManualProposalSchema, location="upload")
    @blueprint.response(201, ManualChangeSchema)
    @blueprint.problems(403, 409, 413, 422)
    def post(self, upload: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Stage what a workbook changes; nothing takes effect before somebody else signs. Needs `catalogue.edit`.

        The same change sent again answers with the one that is there.
        """
        actor, moment = require_permission(EDIT, "change the command manual"), now()
        content = read_upload(upload["file"])
        change, _new = propose_change(
            session(), actor, content, file_name=upload["file"].filename or "manual.xlsx", name=upload["name"],
            note=upload["note"], effective=upload["effective_date"], today=platform().host.today(moment), now=moment,
            departments=list(department_names(platform().city)),
        )  # fmt: skip
        return change_view(change), 201, {"Location": url_for("manual.OneManualChange", change_id=change.id)}


@blueprint.route("/catalogue/manual/changes/<int:change_id>")
class OneManualChange(MethodView):
    """One change."""

    @blueprint.response(200, ManualChangeDetailSchema)
    @blueprint.problems(403, 404)
    def get(self, change_id: int) -> dict[str, Any]:
        """A change with every row that differs and its effect on running cases."""
        require_permission("catalogue.read", "read the catalogue")
        change = find_change(session(), change_id)
        rows = rows_of(diff_of(change.diff))
        return {**change_view(change), "effect": effect_on_cases(session(), change), "changes": rows}


@blueprint.route("/catalogue/manual/changes/<int:change_id>/signature")
class ManualSignature(MethodView):
    """The signature under a change."""

    @blueprint.arguments(ManualSignatureSchema)
    @blueprint.response(200, ManualChangeSchema)
    @blueprint.problems(403, 404, 409, 422)
    def put(self, body: dict[str, Any], change_id: int) -> dict[str, Any]:
        """Sign somebody else's change: it becomes a version, valid from its day on. Needs `catalogue.sign`."""
        moment = now()
        change = sign_change(
            session(), current_actor(), change_id, body["diff_digest"],
            today=platform().host.today(moment), now=moment,
        )  # fmt: skip
        return change_view(change)


@blueprint.route("/catalogue/manual/changes/<int:change_id>/withdrawal")
class ManualWithdrawal(MethodView):
    """The end of a proposal."""

    @blueprint.response(200, ManualChangeSchema)
    @blueprint.problems(403, 404, 409)
    def put(self, change_id: int) -> dict[str, Any]:
        """Put a proposed change aside, one's own or, with `catalogue.sign`, anybody's. It stays on record."""
        return change_view(withdraw_change(session(), current_actor(), change_id, now=now()))


def read_upload(file: FileStorage) -> bytes:
    """The bytes of an uploaded workbook. Raises FileTooLarge."""
    content = file.stream.read(FILE_LIMIT + 1)
    if len(content) > FILE_LIMIT:
        raise FileTooLarge(f"the workbook has more than {FILE_LIMIT // MIB} MB; remove pictures", field="file")
    return content


def workbook_answer(version_id: int) -> Response:
    """The workbook of a version, to be saved as a file."""
    version, manual = manual_of(session(), version_id)
    answer = Response(write_workbook(version, manual, department_names(platform().city)), content_type=XLSX)
    answer.headers["Content-Disposition"] = f'attachment; filename="command-manual-{version.id}.xlsx"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def change_view(change: ManualChange) -> dict[str, Any]:
    """A change with the names of those who acted."""
    people = people_of(session(), [change])
    names = (
        "id", "status", "name", "note", "file_name", "file_digest", "diff_digest", "effective_date", "base_id",
        "version_id", "proposed_at", "decided_at",
    )  # fmt: skip
    values = {name: getattr(change, name) for name in names}
    decided_by = people.get(change.decided_by_id or 0, "")
    counts = diff_of(change.diff).counts
    return {**values, "author": people.get(change.author_id, ""), "decided_by": decided_by, "counts": counts}
