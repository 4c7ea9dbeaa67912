"""``wangge plugin``: which plugins there are, what they bring, and which of them a city uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import orjson
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from api.cli.checking import show_findings
from api.cli.context import city_option, database_option, find_city_folder, now, open_city
from api.hooks import load_plugins
from engine.checks import check_folder, errors_of
from engine.city import City
from engine.contract.new_plugin import write_plugin
from engine.contract.promises import PROMISES, try_plugin
from engine.errors import Conflict, NotFound
from engine.hooks.enabling import cases_held, refuse_held, refuse_required, with_required, write_enabled
from engine.hooks.host import PluginBroken, read_manifest
from engine.hooks.settings import declared_settings, plugin_settings
from engine.hooks.watching import skip_line
from engine.hooks.working import all_jobs, run_job
from engine.installed_plugins import Package, find_plugins
from engine.layers import DIAGRAMS, Layer
from engine.loading.city import take_up_changes
from engine.migrations import upgrade_database
from engine.models import PluginJob, PluginMark
from engine.platform import build_platform

FILES = {
    "diagrams": (DIAGRAMS, ".bpmn"), "decisions": ("decisions", ".dmn"), "forms": ("forms", ".json"),
    "matters": ("matters", ".toml"), "registers": ("registers", ".toml"), "documents": ("documents", ".docx"),
    "scenarios": ("scenarios", ".scenarios.toml"), "translations": ("translations", ".csv"),
    "catalogue": ("catalogue", ".csv"),
}  # fmt: skip


@click.group("plugin")
def plugin_command() -> None:
    """Departments and domains as plugins: list, enable, disable, jobs."""


@plugin_command.command("list")
@city_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_plugins(city_name: str, as_json: bool) -> None:
    """Every installed plugin, and whether the city uses it."""
    city, installed = find_city_folder(city_name), find_plugins()
    rows = [_row(package, city) for package in installed.values()]
    rows += [
        {
            "name": name,
            "enabled": True,
            "state": "not installed",
            "version": "",
            "title": "",
            "title_en": "",
            "from": "",
        }
        for name in city.plugins
        if name not in installed
    ]
    if as_json:
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    for row in sorted(rows, key=lambda row: str(row["name"])):
        mark = "●" if row["enabled"] else "○"
        state = "" if row["state"] == "ok" else f"  BROKEN: {row['state']}"
        title = row["title_en"] if city.language == "en" else row["title"]
        click.echo(f"{mark} {row['name']:<16} {row['version']:<8} {title}  ({row['from']}){state}")
    if not rows:
        click.echo("no plugin is installed")


def _row(package: Package, city: City) -> dict[str, Any]:
    row = {"name": package.name, "enabled": package.name in city.plugins, "from": package.origin}
    try:
        manifest = read_manifest(package)
    except PluginBroken as error:
        return {**row, "state": error.message, "version": "", "title": "", "title_en": ""}
    return {
        **row, "state": "ok", "version": manifest.version, "title": manifest.title, "title_en": manifest.title_en,
        "requires": list(manifest.requires),
    }  # fmt: skip


@plugin_command.command("info")
@click.argument("name")
@city_option
def info(name: str, city_name: str) -> None:
    """What a plugin brings: files, operators, functions, tables, jobs, settings with the values in force."""
    city, package = find_city_folder(city_name), _installed(name)
    manifest = read_manifest(package)
    click.echo(f"{manifest.title} / {manifest.title_en}  {manifest.version}")
    click.echo(f"  {manifest.summary_en or manifest.summary}")
    click.echo(f"  from {package.origin}, {package.root}")
    click.echo(f"  plugin API {manifest.api}; requires {', '.join(manifest.requires) or 'no other plugin'}")
    layer = Layer(f"plugin {name}", package.root)
    for kind, (folder, suffix) in FILES.items():
        names = [logical.removeprefix(f"{folder}/") for logical in layer.files(folder, suffix)]
        if names:
            click.echo(f"  {kind}: {', '.join(names)}")
    used = city if name in city.plugins else _with(city, name)
    given = load_plugins(used).registry.plugins[name]
    for kind, words in (
        ("operators", [each.topic for each in given.operators]),
        ("functions", [each.usage for each in given.functions]),
        ("tables", [each.__tablename__ for each in given.models]),
        ("permissions", [each.name for each in given.permissions]),
        ("indicators", [each.id for each in given.indicators]),
        ("map layers", [each.id for each in given.map_layers]),
        ("jobs", [f"{each.id} ({each.cron})" for each in given.jobs]),
    ):
        if words:
            click.echo(f"  {kind}: {', '.join(words)}")
    declared = declared_settings(package.root)
    values = plugin_settings(used, name)
    for setting in declared.values():
        changed = "" if values[setting.name] == setting.default else f" (by default {setting.default!r})"
        click.echo(f"  setting {setting.name} = {values[setting.name]!r}{changed}: {setting.zh} / {setting.en}")


def _with(city: City, name: str) -> City:
    """The city as if a plugin, and what that requires, were enabled."""
    return replace(city, plugins=tuple(with_required(name, city.plugins, find_plugins())))


def _installed(name: str) -> Package:
    installed = find_plugins()
    if name not in installed:
        raise NotFound(f"there is no plugin {name!r} here; there are {', '.join(sorted(installed)) or 'none'}")
    return installed[name]


@plugin_command.command("enable")
@click.argument("name")
@city_option
@database_option
@click.option("--files-only", is_flag=True, help="Change the city's folder alone and leave the database.")
def enable(name: str, city_name: str, database_url: str | None, files_only: bool) -> None:
    """Enable a plugin and what it requires: city.toml, tables, diagrams for new cases. Nothing half done stays."""
    city = find_city_folder(city_name)
    names = with_required(name, city.plugins, find_plugins())
    added = [each for each in names if each not in city.plugins]
    if not added:
        click.echo(f"{name} is enabled already")
        return

    def migrate(changed: City, session: Session) -> None:
        upgrade_database(session.get_bind().engine, changed.enabled_roots)
        take_up_changes(session, changed, now())

    _change(city, names, f"enabled: {', '.join(added)}", None if files_only else (database_url, migrate))


@plugin_command.command("disable")
@click.argument("name")
@city_option
@database_option
@click.option("--files-only", is_flag=True, help="Change the city's folder alone and do not look for running cases.")
def disable(name: str, city_name: str, database_url: str | None, files_only: bool) -> None:
    """Disable a plugin. Its data stays. Refused while open cases or other plugins need it."""
    city = find_city_folder(city_name)
    if name not in city.plugins:
        click.echo(f"{name} is not enabled")
        return
    refuse_required(name, city, find_plugins())

    def look(changed: City, session: Session) -> None:
        if name in city.plugin_roots:
            refuse_held(name, cases_held(session, Layer(f"plugin {name}", city.plugin_roots[name])))
        take_up_changes(session, changed, now())

    names = [each for each in city.plugins if each != name]
    _change(city, names, f"disabled: {name}; its data stays", None if files_only else (database_url, look))


Then = Callable[[City, Session], None]


def _change(city: City, names: list[str], told: str, database: tuple[str | None, Then] | None) -> None:
    """Write the list, check the whole city with it, do the rest; put the old file back when something is refused."""
    file = city.root / "city.toml"
    before = file.read_bytes()
    write_enabled(city.root, names)
    try:
        changed, findings = check_folder(str(city.root))
        errors = errors_of(findings)
        if changed is None or errors:
            show_findings(errors)
            raise Conflict("the city would not hold together; nothing was changed")
        if database is not None:
            url, then = database
            with _database(changed, url) as session:
                if session is not None:
                    then(changed, session)
                else:
                    click.echo("there is no database yet; 'wangge init' makes it")
    except BaseException:
        file.write_bytes(before)
        raise
    click.echo(told)


@contextmanager
def _database(city: City, url: str | None) -> Iterator[Session | None]:
    """A session on the city's database, none when it has not been made."""
    with open_city(str(city.root), url) as (_, engine, session):
        yield session if inspect(engine).has_table("deployment") else None


@plugin_command.command("jobs")
@city_option
@database_option
@click.option("--run", "to_run", metavar="PLUGIN.JOB", help="Run this one now.")
@click.option("--skip-line", "to_skip", metavar="PLUGIN", help="Leave out the line of history a plugin fails at.")
def jobs(city_name: str, database_url: str | None, to_run: str | None, to_skip: str | None) -> None:
    """Jobs of plugins: last run, outcome, next run; and plugins that fail at a line of the history."""
    with open_city(city_name, database_url) as (city, _, session):
        platform = build_platform(session, city)
        if to_skip:
            click.echo(f"{to_skip} goes on after line {skip_line(session, to_skip, now())}")
        if to_run:
            plugin, _, job_id = to_run.partition(".")
            row = run_job(session, platform, plugin, job_id, now())
            click.echo(f"{to_run}: {row.failure or row.told}")
        for plugin, job in all_jobs(platform):
            kept = session.get(PluginJob, (plugin, job.id))
            name = job.en if city.language == "en" else job.zh
            click.echo(f"{plugin}.{job.id}  {job.cron}  {name}{_state(kept)}")
        for mark in session.query(PluginMark).filter(PluginMark.failure != ""):
            click.echo(f"{mark.plugin} fails at {mark.failure}; mend it, or go on with --skip-line {mark.plugin}")


@plugin_command.command("test")
@click.argument("name")
@city_option
def test(name: str, city_name: str) -> None:
    """Try everything a plugin promises, in a copy of the city: hooks, files, tables, scenarios, imports, README."""
    broken = try_plugin(name, city_name)
    for title in PROMISES:
        faults = [each.fault for each in broken if each.promise == title]
        click.secho(f"{'✗' if faults else '✓'} {title}", fg="red" if faults else "green")
        for fault in faults:
            click.echo("    " + fault.replace("\n", "\n    "))
    if broken:
        raise SystemExit(1)


@plugin_command.command("new")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder to write into.")
@click.option("--title", default="", help="What it is called in Chinese.")
@click.option("--title-en", default="", help="What it is called in English.")
def new(name: str, into: Path, title: str, title_en: str) -> None:
    """Write a small plugin that keeps every promise, to begin from."""
    written = write_plugin(name, into, title=title, title_en=title_en)
    root = written[0].parent if written[0].parent.name.startswith("wangge-") else written[0].parents[1]
    click.echo(f"{len(written)} files written to {root}")
    click.echo(f"next: pip install -e {root}; wangge plugin test {name}; wangge plugin enable {name} --city FOLDER")


def _state(row: PluginJob | None) -> str:
    if row is None:
        return ""
    last = f"  last {row.started_at:%Y-%m-%d %H:%M} {row.failure or row.told}" if row.started_at else ""
    return f"{last}  next {row.due_at:%Y-%m-%d %H:%M} UTC"
