"""``wangge ground``: check, import and export layers of the ground as GeoJSON, Shapefile or GeoPackage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import shapely

from api.cli.context import city_option, database_option, find_city_folder, open_city
from engine.errors import DomainError
from engine.ground.datums import WGS84, CoordinateSystem, system_named
from engine.ground.finding_map import draw_finding
from engine.ground.topology import TopologyFinding, remarks_found, to_collection
from engine.ground.vector_files import Feature
from engine.loading.ground_layers import (
    LAYERS,
    Known,
    LayerReport,
    check_layer,
    export_layer,
    import_layer,
    known_to,
    read_layer,
)

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


kind_argument = click.argument("kind", type=click.Choice(list(LAYERS)))


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
    """Divisions, grids and roads as vector files, checked for how they lie together."""


@ground_command.command("check")
@file_options
@click.option("--database", "database_url", help="Compare with this database. Default: the city's folder.")
def check(
    kind: str, file: Path, city_name: str, system: CoordinateSystem | None, of: str | None, encoding: str | None,
    folder: Path | None, database_url: str | None,
) -> None:  # fmt: skip
    """Overlaps, gaps, slivers, grids across a community's border, wrong codes and duplicates of FILE."""
    city, layer = find_city_folder(city_name), LAYERS[kind]
    found = read_layer(file, layer, system=system, of=of, encoding=encoding)
    if database_url:
        with open_city(city_name, database_url) as (_, _engine, session):
            known = known_to(session)
    else:
        known = known_in_folder(city.root / "ground")
    findings = remarks_found(found.remarks) + check_layer(city, layer, found.features, known)
    report = LayerReport(len(found.features) + len(found.faults), findings=findings, features=found.features)
    click.echo(f"{report.read} areas read in {found.system.name}")
    show_findings(report, folder)
    if report.errors:
        raise SystemExit(1)


@ground_command.command("import")
@file_options
@database_option
@click.option("--replace", is_flag=True, help="Take out of the database what FILE does not hold.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
def import_(
    kind: str, file: Path, city_name: str, system: CoordinateSystem | None, of: str | None, encoding: str | None,
    folder: Path | None, database_url: str | None, replace: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Bring the areas of FILE into the database: all of them, or none when one has an error."""
    layer = LAYERS[kind]
    found = read_layer(file, layer, system=system, of=of, encoding=encoding)
    with open_city(city_name, database_url) as (city, _, session):
        report = import_layer(session, city, layer, found, replace=replace, dry_run=dry_run)
    show_findings(report, folder)
    if report.errors:
        raise click.ClickException(f"nothing was written: {len(report.errors)} of the findings are errors")
    click.echo(
        f"{report.read} areas read, {report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.removed} removed{'; dry run, nothing written' if dry_run else ''}"
    )


@ground_command.command("export")
@kind_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@city_option
@database_option
@click.option("--system", type=_System(), default=WGS84.name, show_default=True, help="WGS-84, CGCS2000, GCJ-02, BD-09 "
              "or an EPSG code.")  # fmt: skip
def export(kind: str, file: Path, city_name: str, database_url: str | None, system: CoordinateSystem) -> None:
    """Write a layer of the database into FILE: .geojson, .gpkg, .shp or .zip (a zipped Shapefile)."""
    with open_city(city_name, database_url) as (_, _engine, session):
        count = export_layer(session, LAYERS[kind], file, system)
    click.echo(f"{count} areas written to {file} in {system.name}")


def known_in_folder(folder: Path) -> Known:
    """What a city's folder says of divisions and duty grids."""
    divisions = read_layer(folder / "divisions.geojson", LAYERS["divisions"]).features
    duty_grids = read_layer(folder / "duty_grids.geojson", LAYERS["duty_grids"]).features
    return Known(
        {str(each.properties["code"]): str(each.properties["level"]) for each in divisions},
        {str(each.properties["code"]): each.geometry for each in divisions},
        frozenset(str(each.properties["code"]) for each in duty_grids),
    )


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
