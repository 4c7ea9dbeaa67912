"""The task list: mine and my groups', least time left first."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.frame import actor, back_to, is_fragment, render
from api.pages.languages import _
from api.pages.words import STAGES
from engine.cases.drafts import drafted
from engine.cases.task_list import list_tasks
from engine.cases.tasks import claim_task
from engine.errors import Conflict, NotFound

PAGE = 30
WHOSE = ("all", "mine", "group")


def inbox() -> BaseResponse:
    """The list, narrowed by whose it is and by stage."""
    whose = request.args.get("whose", "all")
    whose = whose if whose in WHOSE else "all"
    stage = request.args.get("stage", "")
    found = list_tasks(
        context.session(), context.platform(), actor(), context.now(), mine=whose == "mine", group=whose == "group",
        stage=stage or None, limit=PAGE, cursor=request.args.get("cursor") or None,
    )  # fmt: skip
    order = list(STAGES)
    stages = sorted(found.stages.items(), key=lambda item: order.index(item[0]) if item[0] in STAGES else len(order))
    following = url_for("pages.inbox", whose=whose, stage=stage or None, cursor=found.next_cursor)
    values: dict[str, Any] = {
        "found": found, "stages": stages, "total": sum(found.stages.values()), "whose": whose, "stage": stage,
        "late": sum(task.light == "red" for task in found.tasks), "first": not request.args.get("cursor"),
        "following": following if found.next_cursor else "",
        "drafted": drafted(context.session(), actor(), [task.id for task in found.tasks]),
    }  # fmt: skip
    return render("parts/inbox_list.html" if is_fragment() else "inbox.html", **values)


def claim_next() -> BaseResponse:
    """Claim the most urgent task nobody holds, and open it. One that a colleague takes first is passed over."""
    stage = request.form.get("stage") or None
    found = list_tasks(
        context.session(), context.platform(), actor(), context.now(), group=True, stage=stage, limit=PAGE
    )
    for task in found.tasks:
        try:
            claim_task(context.session(), actor(), task.id, context.now())
        except (Conflict, NotFound):
            continue
        return back_to("pages.one_case", number=task.case.number, task=task.id)
    return back_to("pages.inbox", said=_("没有可签收的任务。"))


ROUTES = (("/inbox", inbox, ("GET",)), ("/inbox/next", claim_next, ("POST",)))
