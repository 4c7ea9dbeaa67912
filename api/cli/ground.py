"""``wangge ground``: check, import and export layers of the ground as GeoJSON, Shapefile or GeoPackage."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import shapely

from api.cli.context import city_option, database_option, find_city_folder, now, open_city
from engine.city import City
from engine.errors import CityBroken, DomainError
from engine.ground.datums import WGS84, CoordinateSystem, system_named
from engine.ground.feature import Feature
from engine.ground.finding_map import draw_finding
from engine.ground.layer_files import city_layers
from engine.ground.layer_kinds import CORE, GroundLayer, layer_named
from engine.ground.topology import TopologyFinding, remarks_found, to_collection
from engine.ground.version_diff import count_kinds, diff_versions
from engine.ground.versions import Change, list_versions, take_effect
from engine.loading.ground_checks import Known, check_layer, known_of
from engine.loading.ground_folder import read_folder_layer
from engine.loading.ground_layers import LayerReport, export_layer, file_digest, import_layer, known_to, read_layer

SHOWN = 20
MOST_MAPS = 200


class _System(click.ParamType[CoordinateSystem]):
    """A coordinate system by name."""

    name = "system"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> CoordinateSystem:
        try:
            return value if isinstance(value, CoordinateSystem) else system_named(str(value))
        except DomainError as error:
            self.fail(error.message, param, ctx)


kind_argument = click.argument("kind", metavar="LAYER")


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How a file is to be read, and where findings go."""
    for option in (
        click.option("--system", type=_System(), help="WGS-84, CGCS2000, GCJ-02, BD-09 or an EPSG code, where the file "
                     "does not say or says it wrongly."),
        click.option("--layer", "of", help="The layer of a GeoPackage that holds several."),
        click.option("--encoding", help="Of a Shapefile's attributes. Default: the .cpg, UTF-8 or GB18030, what fits."),
        click.option("--findings", "folder", type=click.Path(file_okay=False, path_type=Path),
                     help="Write findings.geojson and a small SVG map of each finding into this folder."),
    ):  # fmt: skip
        command = option(command)
    file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    return kind_argument(file(city_option(command)))


@click.group("ground")
def ground_command() -> None:
    """Divisions, grids, roads and other areal layers as vector files: checked, and kept in versions."""


@ground_command.command("layers")
@city_option
def layers_(city_name: str) -> None:
    """The layers of the city, those of the core and those that ground_layers.toml declares."""
    for layer in city_layers(find_city_folder(city_name)).values():
        names = " ".join(f"{name}*" if name in layer.required else name for name in layer.properties)
        click.echo(f"{layer.name:<16} {layer.title} {layer.title_en} ({layer.kind}): {names}")


@ground_command.command("check")
@file_options
@click.option("--database", "database_url", help="Compare with this database. Default: the city's folder.")
def check(
    kind: str, file: Path, city_name: str, system: CoordinateSystem | None, of: str | None, encoding: str | None,
    folder: Path | None, database_url: str | None,
) -> None:  # fmt: skip
    """Overlaps, gaps, slivers, grids across a community's border, wrong codes and duplicates of FILE."""
    city = find_city_folder(city_name)
    layer = layer_named(city_layers(city), kind)
    found = read_layer(file, layer, system=system, of=of, encoding=encoding)
    if database_url:
        with open_city(city_name, database_url) as (_, _engine, session):
            known = known_to(session)
    else:
        known = known_in_folder(city)
    findings = remarks_found(found.remarks) + check_layer(city, layer, found.features, known)
    report = LayerReport(len(found.features) + len(found.faults), findings=findings, features=found.features)
    click.echo(f"{report.read} areas read in {found.system.name}")
    show_findings(report, folder)
    if report.errors:
        raise SystemExit(1)


@ground_command.command("import")
@file_options
@database_option
@click.option("--replace", is_flag=True, help="Take out of the layer what FILE does not hold.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@click.option("--valid-from", type=click.DateTime(["%Y-%m-%d"]), help="The version's first day. Default: at once.")
@click.option("--name", default="", help="The version's name. Default: its number.")
@click.option("--reason", default="", help="Why, for the record. Default: the file's name.")
@click.option("--author", default="", help="Who, for the record. Default: the account of this machine.")
def import_(
    kind: str, file: Path, city_name: str, system: CoordinateSystem | None, of: str | None, encoding: str | None,
    folder: Path | None, database_url: str | None, replace: bool, dry_run: bool, valid_from: datetime | None,
    name: str, reason: str, author: str,
) -> None:  # fmt: skip
    """Bring the areas of FILE into the ground as a new version: all of them, or none when one has an error."""
    layer = layer_named(city_layers(find_city_folder(city_name)), kind)
    found = read_layer(file, layer, system=system, of=of, encoding=encoding)
    change = Change(
        author or account(), reason or file.name, name, valid_from.date() if valid_from else None,
        {layer.name: (file.name, file_digest(file))},
    )  # fmt: skip
    with open_city(city_name, database_url) as (city, _, session):
        report = import_layer(session, city, layer, found, change, now(), replace=replace, dry_run=dry_run)
    show_findings(report, folder)
    if report.errors:
        raise click.ClickException(f"nothing was written: {len(report.errors)} of the findings are errors")
    click.echo(
        f"{report.read} areas read, {report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.removed} removed{'; dry run, nothing written' if dry_run else ''}"
    )
    if report.version is not None and report.effective_at is not None:
        since = report.effective_at.astimezone(city.time_zone)
        click.echo(f"this is version {report.version} of the ground, in force from {since:%Y-%m-%d %H:%M}")
    elif not dry_run:
        click.echo("nothing is different; there is no new version")


@ground_command.command("export")
@kind_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@city_option
@database_option
@click.option("--system", type=_System(), default=WGS84.name, show_default=True, help="WGS-84, CGCS2000, GCJ-02, BD-09 "
              "or an EPSG code.")  # fmt: skip
@click.option("--version", "number", type=int, help="As this version of the ground says. Default: as it is now.")
def export(
    kind: str, file: Path, city_name: str, database_url: str | None, system: CoordinateSystem, number: int | None
) -> None:
    """Write a layer into FILE: .geojson, .gpkg, .shp or .zip (a zipped Shapefile)."""
    layer = layer_named(city_layers(find_city_folder(city_name)), kind)
    with open_city(city_name, database_url) as (_, _engine, session):
        take_effect(session, now())
        count = export_layer(session, layer, file, system, number)
    click.echo(f"{count} areas written to {file} in {system.name}")


@ground_command.command("versions")
@city_option
@database_option
def versions(city_name: str, database_url: str | None) -> None:
    """All versions of the ground, in the order in which they take effect."""
    with open_city(city_name, database_url) as (city, _, session):
        take_effect(session, now())
        found = list_versions(session)
    if not found:
        click.echo("the ground has no versions yet; its first change begins them")
    for each in found:
        since = each.effective_at.astimezone(city.time_zone)
        state = "" if each.applied_at else " (planned)"
        who = f", by {each.author}" if each.author else ""
        click.echo(f"{each.number:>4}  {since:%Y-%m-%d %H:%M}{state}  {each.name}{who}: {each.reason}")
        for layer, (file, digest) in each.sources.items():
            click.echo(f"      {layer} from {file}, SHA-256 {digest[:16]}…")


@ground_command.command("diff")
@click.argument("before", type=int)
@click.argument("after", type=int)
@city_option
@database_option
@click.option("--layer", "only", help="This layer alone.")
@click.option("--geojson", "file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write every difference, with its area, into this file.")  # fmt: skip
def diff(
    before: int, after: int, city_name: str, database_url: str | None, only: str | None, file: Path | None
) -> None:
    """What version AFTER says otherwise than version BEFORE: added, gone, changed, moved to another community."""
    layers = city_layers(find_city_folder(city_name))
    if only is not None:
        layer_named(layers, only)
    with open_city(city_name, database_url) as (_, _engine, session):
        found = diff_versions(session, layers, before, after, only)
    for each in found[:SHOWN]:
        click.echo(f"  {each.layer} {each.code}: {each.words()}")
    if len(found) > SHOWN:
        rest = f"all of them are in {file}" if file else "--geojson FILE writes all of them"
        click.echo(f"  … and {len(found) - SHOWN} more; {rest}")
    for layer, counts in count_kinds(found).items():
        click.echo(f"{layer}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")
    if not found:
        click.echo("nothing is different")
    if file is not None:
        collection = {"type": "FeatureCollection", "features": [each.to_feature() for each in found]}
        file.write_text(json.dumps(collection, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def account() -> str:
    """Who runs this command, as the machine knows them."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return ""


def known_in_folder(city: City) -> Known:
    """What a city's folder says of divisions and duty grids."""

    def features(layer: GroundLayer) -> dict[str, Feature]:
        read = read_folder_layer(city, layer)
        return {str(each.properties["code"]): each for each in read[1].features} if read else {}

    try:
        return known_of(features(CORE["divisions"]), features(CORE["duty_grids"]))
    except CityBroken as error:
        raise click.ClickException(f"{error.message}; or name a database with --database") from error


def show_findings(report: LayerReport, folder: Path | None) -> None:
    """The first findings as text, and all of them as GeoJSON and maps."""
    for finding in report.findings[:SHOWN]:
        click.echo(f"  {finding.severity} {finding.kind}: {finding.message}; {finding.remedy}")
    if len(report.findings) > SHOWN:
        rest = f"all of them are in {folder}" if folder else "--findings FOLDER writes all of them"
        click.echo(f"  … and {len(report.findings) - SHOWN} more; {rest}")
    doubts = len(report.findings) - len(report.errors)
    click.echo(f"{len(report.errors)} errors, {doubts} warnings")
    if folder is not None:
        write_findings(report.findings, report.features, folder)


def write_findings(findings: Sequence[TopologyFinding], features: Sequence[Feature], folder: Path) -> None:
    """``findings.geojson``, and maps numbered as its features are."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_collection(findings), ensure_ascii=False, allow_nan=False)
    (folder / "findings.geojson").write_text(text, encoding="utf-8")
    tree = shapely.STRtree([feature.geometry for feature in features])
    for number, finding in enumerate(findings[:MOST_MAPS], 1):
        drawn = draw_finding(finding, features, tree)
        if drawn is not None:
            code = re.sub(r"[^\w-]", "_", finding.codes[0]) if finding.codes else "place"
            (folder / f"{number:03}-{finding.kind}-{code}.svg").write_text(drawn, encoding="utf-8")
