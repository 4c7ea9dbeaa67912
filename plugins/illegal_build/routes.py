"""Findings by file: an address of the API and a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Blueprint, request
from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response as BaseResponse

from api.auth import current_actor
from api.context import now, platform, session
from api.pages.csrf import refuse_forged
from api.pages.frame import actor, know_actor, refused, render, secure
from api.pages.refusals import Refusal, refusal_of
from api.resources.blueprint import group
from engine.cases.access import require
from engine.database import begin_write
from engine.errors import DomainError, Invalid
from engine.ground.datums import system_named
from plugins.illegal_build.findings import Imported, import_findings
from plugins.illegal_build.schemas import FindingsFileSchema, FindingsImportedSchema

WRITE = "illegal_build.write"
SOURCES = ("satellite", "drone", "video")

api = group("illegal_build", "Illegal buildings: findings by file.")
api.url_prefix = "/api/v1/illegal_build"
pages = Blueprint("illegal_build_pages", __name__, template_folder="templates", url_prefix="/illegal_build")
pages.before_request(know_actor)
pages.before_request(refuse_forged)
pages.after_request(secure)
pages.register_error_handler(DomainError, refused)


@api.route("/findings/file", methods=["POST"])
@api.arguments(FindingsFileSchema, location="upload")
@api.response(200, FindingsImportedSchema)
@api.problems(403, 422)
def send_findings(body: dict[str, Any]) -> dict[str, Any]:
    """Import findings of satellites and drones. The same file twice changes nothing."""
    require(current_actor(), WRITE, "import findings")
    taken = take(body["file"], body["source"], body["system"], current_actor().person_id)
    return {**vars(taken), "refused": [vars(each) for each in taken.refused]}


@pages.route("/findings")
def show_findings() -> BaseResponse:
    """The form to send a file."""
    require(actor(), WRITE, "import findings")
    return shown()


@pages.route("/findings", methods=["POST"])
def take_findings() -> BaseResponse:
    """Take a file and show what came of it."""
    require(actor(), WRITE, "import findings")
    try:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise Invalid("no file was chosen; choose one", field="file")
        source = request.form.get("source", "")
        if source not in SOURCES:
            raise Invalid(f"there is no source {source!r}; choose one of {', '.join(SOURCES)}", field="source")
        return shown(outcome=take(file, source, request.form.get("system", ""), actor().person_id))
    except DomainError as error:
        session().rollback()
        return shown(refusal_of(error)[0])


def shown(refusal: Refusal | None = None, outcome: Imported | None = None) -> BaseResponse:
    """The page, with what was wrong with a file or what came of it."""
    status = refusal.status if refusal else 200
    return render("illegal_build/findings.html", status, refusal=refusal, outcome=outcome, sources=SOURCES)


def take(file: FileStorage, source: str, system: str, person_id: int | None) -> Imported:
    """Import an uploaded file and commit."""
    with kept(file) as path:
        begin_write(session())
        named = system_named(system) if system.strip() else None
        outcome = import_findings(session(), platform(), path, now(), person_id, source=source, system=named)
        session().commit()
    return outcome


@contextmanager
def kept(file: FileStorage) -> Iterator[Path]:
    """An uploaded file on disk, as long as it is read."""
    with TemporaryDirectory(prefix="wangge-findings-") as folder:
        name = secure_filename(file.filename or "") or "findings"
        suffix = Path(file.filename or "").suffix
        path = Path(folder) / (name if Path(name).suffix else f"findings{suffix}")
        file.save(path)
        yield path
