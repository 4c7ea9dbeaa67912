"""``wangge process`` and ``wangge case``: show what the diagrams say and how a case stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson
from sqlalchemy import inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from api.cli.context import city_option, database_option, database_url, find_city_folder, now, open_city
from api.cli.deploying import COMMANDS as DEPLOYING
from api.cli.explaining import explain_command
from api.cli.outline import Outline
from api.cli.testing import play_scenarios
from engine.casefile.unit import Unit
from engine.cases.deadlines import explain_deadline
from engine.cases.views import class_view, history, summarise, unit_view
from engine.city import City
from engine.errors import NotFound
from engine.models import Case, Deployment
from engine.platform import Platform, build_platform
from engine.translations import Translations
from engine.workflow.deployments import current_deployment
from engine.workflow.elements import DiagramUnreadable, read_diagram
from engine.workflow.step import open_tasks

JSON_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
WORDS = {
    "zh": {
        "version": "版本", "yes": "已部署", "changed": "文件已改，未部署", "no": "未部署", "broken": "无法读取",
        "status": "状态", "stage": "阶段", "class": "类别", "place": "地点", "reported": "上报", "due": "到期",
        "closed": "结案", "units": "责任单位", "tasks": "待办任务", "clocks": "计时", "history": "经过", "none": "无",
        "until": "截止", "provenance": "依据",
    },
    "en": {
        "version": "version", "yes": "deployed", "changed": "changed since it was deployed", "no": "not deployed",
        "broken": "unreadable", "status": "status", "stage": "stage", "class": "class", "place": "place",
        "reported": "reported", "due": "due", "closed": "closed", "units": "units", "tasks": "open tasks",
        "clocks": "clocks", "history": "history", "none": "none", "until": "due",
        "provenance": "provenance",
    },
}  # fmt: skip


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--json`` and ``--language`` beside city and database."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    command = click.option("--language", help="Language of names; the city's own when not given.")(command)
    return city_option(database_option(command))


@click.group("process")
def process_command() -> None:
    """What the diagrams say."""


process_command.add_command(play_scenarios)
for _command in DEPLOYING:
    process_command.add_command(_command)


@process_command.command("list")
@reading_options
def list_processes(city_name: str, database_url: str | None, language: str | None, as_json: bool) -> None:
    """All processes: id, name, version, the layer that supplies it, whether it is deployed."""
    city = find_city_folder(city_name)
    language = language or city.language
    with deployed(city, database_url) as deployment:
        rows = list(process_rows(city, deployment, language))
    if as_json:
        print_json(rows)
        return
    words = words_of(language)
    width = max((len(row["id"]) for row in rows), default=0)
    for row in rows:
        version = f"{words['version']} {row['version']}" if row["version"] else "-"
        click.echo(f"{row['id']:<{width}}  {version:<8}  {row['layer']:<12}  {words[row['deployed']]}  {row['name']}")


def process_rows(city: City, deployment: Deployment | None, language: str) -> Iterator[dict[str, Any]]:
    """One row a diagram of the city's files."""
    translations = Translations.load(city)
    for found in city.layers.listing("processes", ".bpmn"):
        text = found.read()
        try:
            diagram = read_diagram(text, found.logical)
            name = translations.say(language, f"process:{diagram.id}", diagram.name)
        except DiagramUnreadable:
            name = words_of(language)["broken"]
        there = deployment.files.get(found.logical) if deployment is not None else None
        yield {
            "id": found.path.stem,
            "name": name,
            "version": deployment.versions.get(found.logical) if deployment is not None else None,
            "layer": found.layer.name,
            "beaten": [layer.name for layer in found.beaten],
            "deployed": "no" if there is None else "yes" if there == text else "changed",
        }


@process_command.command("show")
@click.argument("process")
@reading_options
def show_process(process: str, city_name: str, database_url: str | None, language: str | None, as_json: bool) -> None:
    """One process in plain words: each step, who does it, by when, where it goes next."""
    city = find_city_folder(city_name)
    language = language or city.language
    found = city.layers.find(f"processes/{process}.bpmn")
    if found is None:
        known = ", ".join(each.path.stem for each in city.layers.listing("processes", ".bpmn"))
        raise NotFound(f"there is no process {process!r}; there are {known}")
    try:
        diagram = read_diagram(found.read(), found.logical)
    except DiagramUnreadable as error:
        raise NotFound(f"{error}") from error
    outline = Outline(city, diagram, language)
    if as_json:
        steps = [step.to_json() for step in outline.steps()]
        print_json({"id": diagram.id, "name": outline.name, "layer": found.layer.name, "steps": steps})
        return
    click.secho(f"{outline.name} ({diagram.id}, {found.layer.name})", bold=True)
    if diagram.documentation:
        click.echo(diagram.documentation)
    click.echo()
    for line in outline.lines():
        click.echo(line)


@click.group("case")
def case_command() -> None:
    """How a case stands."""


case_command.add_command(explain_command)


@case_command.command("show")
@click.argument("number")
@reading_options
def show_case(number: str, city_name: str, database_url: str | None, language: str | None, as_json: bool) -> None:
    """A case: its facts, open tasks, clocks with every run and pause, and its history."""
    with open_city(city_name, database_url) as (city, engine, session):
        if not inspect(engine).has_table(Case.__tablename__):
            raise NotFound(f"{engine.url.render_as_string()} holds no city yet; run 'wangge init' first")
        case = session.scalar(select(Case).where(Case.number == number))
        if case is None:
            raise NotFound(f"there is no case {number}; check the number")
        platform = build_platform(session, city)
        told = case_told(session, platform, case, now())
        if as_json:
            print_json(told)
        else:
            print_case(platform, told, language or city.language)


def case_told(session: Session, platform: Platform, case: Case, moment: datetime) -> dict[str, Any]:
    """Everything the command shows, as plain values."""
    tasks = [
        {
            "id": str(task.id), "element": task.element, "name": task.name, "stage": task.stage, "role": task.role,
            "scope": task.scope, "created_at": task.created_at, "due_at": task.due_at,
        }
        for task in open_tasks(session, case.id)
    ]  # fmt: skip
    return {
        "summary": asdict(summarise(platform, case, moment)),
        "catalogue": asdict(found) if (found := class_view(session, case)) is not None else None,
        "facts": platform.host.facts(Unit(session), case, moment),
        "units": [asdict(unit_view(platform, unit)) for unit in case.units],
        "tasks": tasks,
        "clocks": [asdict(clock) for clock in explain_deadline(platform, case, moment).clocks],
        "history": [asdict(line) for line in history(session, platform, case)],
    }


def print_case(platform: Platform, told: dict[str, Any], language: str) -> None:
    """The case for people's eyes, times as the city's clocks show them."""
    words, summary = words_of(language), told["summary"]

    def local(moment: datetime | None) -> str:
        return f"{platform.host.calendar.local(moment):%Y-%m-%d %H:%M}" if moment else "-"

    def named(value: dict[str, str] | None) -> str:
        return "-" if value is None else value["name" if language == "zh" else "name_en"] or value["code"]

    click.secho(f"{summary['number']}  {summary['title']}", bold=True)
    for word, value in (
        ("status", summary["status"]), ("stage", summary["stage"] or "-"),
        (
            "class",
            named(summary["matter"])
            if summary["matter"]
            else f"{summary['kind']}/{summary['full_code']}/{summary['condition_no'] or '-'}",
        ),
        ("place", f"{summary['address'] or '-'} ({named(summary['subdistrict'])}, {summary['grid'] or '-'})"),
        ("reported", local(summary["reported_at"])), ("due", local(summary["due_at"])),
        ("closed", local(summary["closed_at"])),
    ):  # fmt: skip
        click.echo(f"  {words[word]}: {value}")
    entry = told["catalogue"]
    if entry is not None:
        click.echo(
            f"  {words['provenance']}: {named(entry['subclass'])} {entry['provenance']}; "
            f"{entry['condition']} {entry['condition_provenance']}"
        )
    _heading(words["units"], told["units"], words)
    for unit in told["units"]:
        click.echo(f"  {named(unit['department'])} ({unit['part']})  {local(unit['since'])} – {local(unit['until'])}")
    _heading(words["tasks"], told["tasks"], words)
    for task in told["tasks"]:
        whom = f"{task['role']}{' @ ' + task['scope'] if task['scope'] else ''}"
        click.echo(f"  {task['name']} [{task['element']}]  {whom}  {words['until']} {local(task['due_at'])}")
    _heading(words["clocks"], told["clocks"], words)
    for clock in told["clocks"]:
        _print_clock(clock, language)
    _heading(words["history"], told["history"], words)
    for line in told["history"]:
        where = f"{line['element_name']} " if line["element_name"] else ""
        click.echo(f"  {local(line['at'])}  {where}{line['kind']}  {line['actor']}")


def _heading(text: str, rows: list[Any], words: dict[str, str]) -> None:
    click.secho(text if rows else f"{text}: {words['none']}", bold=True)


def _print_clock(clock: dict[str, Any], language: str) -> None:
    view = clock["clock"]
    click.echo(f"  {view['name']}  {view['limit']}  {view['share']:.0%}  {view['state']}")
    for sentence in clock["sentences" if language == "zh" else "sentences_en"]:
        click.echo(f"    {sentence}")


def words_of(language: str) -> dict[str, str]:
    """The command's own words: Chinese, or English for every other language."""
    return WORDS["zh" if language == "zh" else "en"]


def print_json(value: Any) -> None:
    """JSON for other programs; moments are ISO texts in UTC."""
    click.echo(orjson.dumps(value, default=str, option=JSON_OPTIONS).decode())


@contextmanager
def deployed(city: City, given: str | None) -> Iterator[Deployment | None]:
    """The current deployment of a city's database; none where there is no database yet, and none is made."""
    url = make_url(database_url(city, given))
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        yield None
        return
    with open_city(str(city.root), given) as (_, engine, session):
        yield current_deployment(session, now()) if inspect(engine).has_table(Deployment.__tablename__) else None


__all__ = ["case_command", "process_command"]
