"""``wangge process deploy | versions | diff | migrate`` and ``wangge incident``: change how a running city works."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import click
import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.cli.context import city_option, database_option, now, open_city, progress_bar
from engine.cases.migrating import (
    count_items,
    list_items,
    pause_migration,
    resume_migration,
    run_migration,
    start_migration,
    undo_migration,
)
from engine.cases.migration_preview import Order, Selection, preview_migration
from engine.checks import check_city, refuse_broken
from engine.city import City
from engine.database import begin_write
from engine.errors import Invalid, NotFound
from engine.models import Deployment, Migration
from engine.platform import Platform, build_platform
from engine.workflow.definitions import prepare
from engine.workflow.deployment_diff import compare_deployments
from engine.workflow.deployments import current_id, deploy, list_deployments
from engine.workflow.language import city_functions
from engine.workflow.migration_nodes import Words


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--json`` and ``--language`` beside city and database."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    command = click.option("--language", help="Language of the answer; the city's own when not given.")(command)
    return city_option(database_option(command))


def author_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--author NAME``."""
    return click.option("--author", default=getpass.getuser, help="Who does it, for the record. Default: your login.")(
        command
    )


def print_json(value: Any) -> None:
    """JSON for other programs; moments are ISO texts in UTC."""
    click.echo(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())


@click.command("deploy")
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--at", "effective", type=click.DateTime(), help="From when on new cases go this way; city time.")
@author_option
@shared_options
def deploy_command(
    city_name: str, database_url: str | None, language: str | None, as_json: bool, reason: str, author: str,
    effective: datetime | None,
) -> None:  # fmt: skip
    """Make the city's diagrams, decisions and forms the way new cases go. Running cases stay as they are."""
    with open_city(city_name, database_url) as (city, _, session):
        refuse_broken(check_city(city))
        moment = now()
        at = effective.replace(tzinfo=city.time_zone) if effective is not None else moment
        begin_write(session)
        known = session.scalar(select(func.max(Deployment.id)))
        found = deploy(session, city, moment, author=author, reason=reason, effective_at=at)
        session.commit()
        fresh = known is None or found.id > known
        if as_json:
            print_json({"id": found.id, "new": fresh, "digest": found.digest, "effective_at": found.effective_at})
        elif fresh:
            click.echo(f"deployment {found.id} is in effect from {_local(city, found.effective_at)} on")
        else:
            click.echo(f"nothing changed: deployment {found.id} has the same content")


@click.command("versions")
@shared_options
def versions_command(city_name: str, database_url: str | None, language: str | None, as_json: bool) -> None:
    """All deployments: author, reason, when, and how many cases run on each."""
    with open_city(city_name, database_url) as (city, _, session):
        rows = list_deployments(session, now())
        if as_json:
            print_json(rows)
            return
        for row in rows:
            mark = "*" if row["in_force"] else " "
            click.echo(
                f"{mark} {row['id']:>3}  {_local(city, row['effective_at'])}  {row['running']:>6} running  "
                f"{row['author']}: {row['reason']}  {row['digest'][:12]}"
            )


@click.command("diff")
@click.argument("before", type=int)
@click.argument("after", type=int)
@shared_options
def diff_command(
    city_name: str, database_url: str | None, language: str | None, as_json: bool, before: int, after: int
) -> None:
    """What changed between two deployments, in words."""
    with open_city(city_name, database_url) as (city, _, session):
        old, new = (_deployment(session, each) for each in (before, after))
        functions = city_functions(city)
        changes = compare_deployments(old, new, *(prepare(each.id, each.files, functions) for each in (old, new)))
        if as_json:
            print_json([{"place": c.place, "element": c.element, "zh": c.words.zh, "en": c.words.en} for c in changes])
            return
        place = None
        for change in changes:
            if change.place != place:
                place = change.place
                click.secho(place, bold=True)
            click.echo(f"  {change.words.say(language or city.language)}")
        if not changes:
            click.echo("nothing changed")


def _deployment(session: Session, deployment_id: int) -> Deployment:
    found = session.get(Deployment, deployment_id)
    if found is None:
        raise NotFound(f"there is no deployment {deployment_id}; 'wangge process versions' lists them")
    return found


@click.command("migrate")
@click.option("--to", "target", type=int, help="The deployment to move to; the one in force when not given.")
@click.option("--from", "source", type=int, help="Only cases on this deployment.")
@click.option("--process", default="", help="Only cases of this process.")
@click.option("--stage", default="", help="Only cases in this stage.")
@click.option("--case", "cases", multiple=True, help="Only this case; may be given several times.")
@click.option("--map", "pairs", multiple=True, metavar="OLD=NEW", help="Map an element by hand: id or process/id.")
@click.option("--apply", "apply_now", is_flag=True, help="Do it. Without this it is a preview.")
@click.option("--reason", default="", help="Why; needed with --apply.")
@click.option("--batch", type=click.IntRange(1), help="Stop after that many cases; --resume goes on.")
@click.option("--list", "show", is_flag=True, help="All migrations so far.")
@click.option("--show", "shown", type=int, metavar="ID", help="What became of every case of a migration.")
@click.option("--pause", "paused", type=int, metavar="ID", help="Let a running migration stop.")
@click.option("--resume", "resumed", type=int, metavar="ID", help="Go on with a migration.")
@click.option("--undo", "undone", type=int, metavar="ID", help="Put back every case that has not moved on since.")
@author_option
@shared_options
def migrate_command(
    city_name: str, database_url: str | None, language: str | None, as_json: bool, author: str, **given: Any
) -> None:
    """Move running cases to another deployment: a preview first, then --apply."""
    with open_city(city_name, database_url) as (city, _, session):
        platform = build_platform(session, city)
        spoken = language or city.language
        if given["show"]:
            for row in session.scalars(select(Migration).order_by(Migration.id)):
                _print_migration(session, row, as_json)
        elif given["shown"] is not None:
            _print_items(session, given["shown"], spoken, as_json)
        elif given["paused"] is not None:
            _print_migration(session, pause_migration(session, given["paused"], now()), as_json)
        elif given["undone"] is not None:
            _print_migration(session, undo_migration(session, platform, given["undone"], now()), as_json)
        elif given["resumed"] is not None:
            stopped = session.get(Migration, given["resumed"])
            if stopped is not None and stopped.status == "paused":
                resume_migration(session, stopped.id, now())
            _run(session, platform, given["resumed"], given["batch"], as_json)
        elif given["apply_now"]:
            order = _order(session, given)
            row = start_migration(session, platform, order, now(), author=author, reason=given["reason"])
            _run(session, platform, row.id, given["batch"], as_json)
        else:
            _print_preview(session, platform, _order(session, given), spoken, as_json)


def _order(session: Session, given: dict[str, Any]) -> Order:
    target = given["target"] or current_id(session, now())
    if target is None:
        raise NotFound("nothing is deployed yet; run 'wangge init'")
    mapping = dict(_pair(text) for text in given["pairs"])
    chosen = Selection(given["process"], given["stage"], given["source"], tuple(given["cases"]))
    return Order(target, chosen, mapping)


def _pair(text: str) -> tuple[str, str]:
    old, sign, new = (part.strip() for part in text.partition("="))
    if not (old and sign and new):
        raise Invalid(f"--map {text} is no pair; write old_id=new_id or process/old_id=new_id", field="mapping")
    return old, new


def _run(session: Session, platform: Platform, migration_id: int, most: int | None, as_json: bool) -> None:
    waiting = count_items(session, migration_id).get("waiting", 0)
    if as_json:
        run_migration(session, platform, migration_id, now(), most=most)
    else:
        with progress_bar("moving", min(waiting, most or waiting)) as progress:
            run_migration(session, platform, migration_id, now(), most=most, progress=progress)
    _print_migration(session, session.get_one(Migration, migration_id), as_json)


def _print_preview(session: Session, platform: Platform, order: Order, language: str, as_json: bool) -> None:
    found = list(preview_migration(session, platform, order, now()))
    if as_json:
        print_json(
            [
                {
                    "case": each.case, "deployment": each.deployment, "moves": not each.refusals,
                    "changes": [vars(words) for words in each.changes],
                    "refusals": [vars(words) for words in each.refusals],
                }
                for each in found
            ]
        )  # fmt: skip
        return
    refused = [each for each in found if each.refusals]
    click.echo(f"to deployment {order.target}: {len(found) - len(refused)} of {len(found)} cases can move")
    _print_counted("changes", [words for each in found for words in each.changes if not each.refusals], language)
    _print_counted("refused", [words for each in refused for words in each.refusals], language)
    for each in refused[:20]:
        click.echo(f"  {each.case}: {'; '.join(words.say(language) for words in each.refusals)}")


def _print_counted(title: str, words: Sequence[Words], language: str) -> None:
    if words:
        click.secho(title, bold=True)
    for each, count in Counter(words).most_common(20):
        click.echo(f"  {count:>6} ×  {each.say(language)}")


def _print_migration(session: Session, migration: Migration, as_json: bool) -> None:
    counts = count_items(session, migration.id)
    if as_json:
        print_json({"id": migration.id, "to": migration.target_id, "status": migration.status, "cases": counts})
        return
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no case to move"
    click.echo(f"migration {migration.id} to deployment {migration.target_id} ({migration.status}): {told}")


def _print_items(session: Session, migration_id: int, language: str, as_json: bool) -> None:
    rows = [
        {"case": number, "status": item.status, "notes": item.notes}
        for number, item in list_items(session, migration_id)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        notes = "; ".join(note["zh" if language == "zh" else "en"] for note in row["notes"])
        click.echo(f"{row['case']}  {row['status']}  {notes}")


def _local(city: City, moment: datetime) -> str:
    return f"{moment.astimezone(city.time_zone):%Y-%m-%d %H:%M}"


COMMANDS = (deploy_command, versions_command, diff_command, migrate_command)
