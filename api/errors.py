"""Domain errors become HTTP here and nowhere else: one table, RFC 9457 problems for every failure."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import uuid4

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from api.problems import FieldError, problem_response, split_remedy, validation_errors
from engine.documents.filling import FillFailed
from engine.documents.pdf import PdfFailed
from engine.errors import CityBroken, Conflict, DomainError, Invalid, NotAllowed, NotFound, OperatorRefused
from engine.evidence.store import StoreFailed
from engine.workflow.forms import FormFailed, FormInvalid
from engine.workflow.step import StepFailed

log = logging.getLogger("wangge.api")


class NotAuthenticated(DomainError):
    """Nobody is logged in, or the token has expired."""


class TooManyAttempts(DomainError):
    """Somebody tries passwords; wait."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class FileTooLarge(DomainError):
    """The request or an uploaded file is larger than the host takes."""


@dataclass(frozen=True)
class Problem:
    """How one kind of error is told: the last part of ``type``, the status and the titles."""

    error: type[Exception]
    status: int
    kind: str
    title: str
    title_en: str


TABLE = (
    Problem(NotAuthenticated, 401, "not-authenticated", "请先登录", "Log in first"),
    Problem(NotAllowed, 403, "not-allowed", "无权限", "Your post does not allow this"),
    Problem(NotFound, 404, "not-found", "未找到", "Not found"),
    Problem(Conflict, 409, "conflict", "状态已变化", "Somebody else was faster"),
    Problem(FileTooLarge, 413, "too-large", "文件过大", "Too large"),
    Problem(TooManyAttempts, 429, "too-many-attempts", "尝试次数过多", "Too many attempts"),
    Problem(FormInvalid, 422, "form-invalid", "表单填写有误", "The form is not filled in correctly"),
    Problem(Invalid, 422, "invalid", "输入有误", "The input does not hold"),
    Problem(OperatorRefused, 422, "refused", "操作被拒绝", "Refused by a rule"),
    Problem(FormFailed, 500, "form-failed", "表单配置有误", "A rule of the form fails"),
    Problem(StepFailed, 500, "step-failed", "流程步骤出错", "A step of the diagram failed"),
    Problem(FillFailed, 500, "fill-failed", "文书模板有误", "A template of a document fails"),
    Problem(PdfFailed, 503, "pdf-failed", "无法生成 PDF", "No PDF can be made here"),
    Problem(StoreFailed, 503, "store-failed", "证据存储不可用", "The store of the evidence fails"),
    Problem(CityBroken, 503, "city-broken", "城市配置不完整", "The city's files do not hold together"),
    Problem(DomainError, 400, "refused", "操作被拒绝", "Refused"),
)
"""The first row whose class fits decides."""

PLAIN = ("invalid", "not-found", "too-large")
"""Kinds that Flask and the validation of input speak of too."""

HTTP_TITLES = {400: "请求无法读取", 405: "不支持的方法", 406: "无法提供所需格式", 415: "不支持的内容类型"}
"""Chinese titles of what only HTTP knows."""


def register_errors(app: Flask) -> None:
    """Answer every error of the app with a problem."""
    app.register_error_handler(DomainError, domain_problem)
    app.register_error_handler(FormInvalid, form_problem)
    app.register_error_handler(HTTPException, http_problem)
    app.register_error_handler(Exception, unexpected_problem)


def row_for(error: Exception) -> Problem:
    """The row of the table for an error."""
    return next(row for row in TABLE if isinstance(error, row.error))


def domain_problem(error: DomainError) -> Response:
    """A problem for a domain error; its message names the thing and the remedy."""
    row = row_for(error)
    errors: list[FieldError] = []
    if isinstance(error, Invalid) and error.errors:
        errors = [FieldError(field, *split_remedy(message)) for field, message in error.errors.items()]
    elif error.field:
        errors = [FieldError(error.field, *split_remedy(error.message))]
    headers: dict[str, str] = {}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="wangge"'
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.retry_after_s)
    extra = {}
    if row.status >= 500:
        extra = incident_of(error)
    return problem_response(row.status, row.kind, row.title, row.title_en, error.message, errors, headers, **extra)


def incident_of(error: DomainError) -> dict[str, str]:
    """The id under which the log, and the incident list where a case is concerned, hold the failure."""
    incident = getattr(error, "incident_id", None)
    mark = f"incident-{incident}" if incident is not None else str(uuid4())
    log.error("problem %s: %s", mark, error.message, exc_info=error)
    return {"instance": f"urn:wangge:{mark}"}


def form_problem(error: FormInvalid) -> Response:
    """A problem with the messages of every field, in the reader's language."""
    from api.context import form_message, language

    row = row_for(error)
    errors = [
        FieldError(field, " ".join(form_message(each, language()) for each in messages))
        for field, messages in error.errors.items()
    ]
    return problem_response(row.status, row.kind, row.title, row.title_en, str(error), errors)


def http_problem(error: HTTPException) -> Response:
    """A problem for what Flask or the validation of input refuses; keeps headers such as ``Allow``."""
    status = error.code or 500
    errors, detail = validation_errors(error)
    headers = {
        name: value for name, value in error.get_headers() if name.lower() not in ("content-type", "content-length")
    }
    row = next((row for row in TABLE if row.status == status and row.kind in PLAIN), None)
    if row is not None:
        return problem_response(status, row.kind, row.title, row.title_en, detail, errors, headers)
    kind = error.name.lower().replace(" ", "-")
    return problem_response(status, kind, HTTP_TITLES.get(status, error.name), error.name, detail, errors, headers)


def unexpected_problem(error: Exception) -> Response:
    """A problem for a fault of ours: the id leads to the log, the text tells nothing of the inside."""
    mark = str(uuid4())
    log.exception("problem %s", mark, exc_info=error)
    detail = f"something went wrong on our side; tell the administrator the id {mark}"
    return problem_response(500, "unexpected", "系统错误", "Unexpected error", detail, [], instance=f"urn:uuid:{mark}")
