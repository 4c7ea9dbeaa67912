"""``wangge document``: templates of official documents listed, tried without a case, and rendered for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from api.cli.context import city_option, database_option, find_city_folder, now, open_city
from api.fonts import pdf_of
from engine.documents.declaring import FOLDER, SUFFIX, DocumentTemplate, load_documents, read_document
from engine.documents.filling import fill
from engine.documents.making import by_hand, fields_of
from engine.documents.sampling import number_blank, sample_values
from engine.errors import Invalid, NotFound
from engine.layers import Layer, Layers
from engine.models import Case, Instance
from engine.platform import build_platform
from engine.workflow.observing import variables_of


@click.group("document")
def document_command() -> None:
    """Official documents (文书): list templates, try one, render one for a case."""


@document_command.command("list")
@city_option
def list_documents(city_name: str) -> None:
    """Every template of the city: name, number, title, and the layer it is from."""
    city = find_city_folder(city_name)
    for each in load_documents(city.layers).values():
        click.echo(f"{each.name:<36} {each.called(city.language)}  {each.number or '-'}  ({each.layer})")


@document_command.command("try")
@click.argument("template")
@click.option("--values", type=click.Path(path_type=Path, exists=True), help="A JSON file with values of fields.")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder.")
@city_option
def try_document(template: str, values: Path | None, folder: Path, city_name: str) -> None:
    """Fill a template with the names of its fields, or your values; no case and no database is needed.

    TEMPLATE is the name of one of the city's, or the path of a .toml. Writes NAME.docx and NAME.pdf.
    """
    city = find_city_folder(city_name)
    found = _at(Path(template)) if template.endswith(SUFFIX) else _find(load_documents(city.layers), template)
    sample = {**sample_values(city, found, now().astimezone(city.time_zone).date()), **_read(values)}
    _write(found.name, fill(found.name, found.docx.read_bytes(), sample, city.time_zone), folder)


@document_command.command("render")
@click.argument("template")
@click.option("--case", "number", required=True, help="The number of the case.")
@click.option(
    "--values", type=click.Path(path_type=Path, exists=True), help="A JSON file: what the diagram would give."
)
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder.")
@city_option
@database_option
def render_document(
    template: str, number: str, values: Path | None, folder: Path, city_name: str, database_url: str | None
) -> None:
    """Fill a template for a case as its diagram would. No number is drawn and nothing is kept.

    Writes TEMPLATE.docx and TEMPLATE.pdf.
    """
    with open_city(city_name, database_url) as (city, _, session):
        case = session.scalar(select(Case).where(Case.number == number))
        if case is None:
            raise NotFound(f"there is no case {number}; check the number")
        platform, moment = build_platform(session, city), now()
        found = _find(platform.host.documents, template)
        instance = session.scalars(select(Instance).where(Instance.case_id == case.id)).first()
        variables = {}
        if instance is not None:
            variables = variables_of(instance, platform.definitions.get(session, instance.deployment_id))
        occasion = replace(by_hand(session, platform.host, case, None, moment), variables=variables)
        context = fields_of(occasion, found, _read(values))
        shown = number_blank(found, str(context["office"]), moment.astimezone(city.time_zone).year)
        content = fill(found.name, found.docx.read_bytes(), {**context, "number": shown}, city.time_zone)
    _write(found.name, content, folder)


def _find(known: Any, name: str) -> DocumentTemplate:
    found: DocumentTemplate | None = known.get(name)
    if found is None:
        raise NotFound(f"there is no document {name!r}; 'wangge document list' names them")
    return found


def _at(path: Path) -> DocumentTemplate:
    """A template by the path of its declaration, whether a city has it or not."""
    layers = Layers([Layer("file", path.resolve().parent.parent)])
    found = layers.find(f"{FOLDER}/{path.name}")
    if found is None or path.resolve().parent.name != FOLDER:
        raise NotFound(f"there is no {path}; give the .toml of a template in a folder {FOLDER}/")
    return read_document(layers, found)


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} is no JSON: {error}; write an object of values") from error
    if not isinstance(values, dict):
        raise Invalid(f'{path} holds no JSON object; write {{"party": "…"}}')
    return values


def _write(name: str, content: bytes, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.docx").write_bytes(content)
    click.echo(f"{folder / name}.docx written")
    (folder / f"{name}.pdf").write_bytes(pdf_of(content))
    click.echo(f"{folder / name}.pdf written")
