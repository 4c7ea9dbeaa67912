"""``wangge pack``: make, sign, verify and unpack packages of a city."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.cli.checking import show_findings
from engine.errors import Conflict
from engine.packs.opening import Pack, differences, open_pack, refuse_other_release, refuse_stranger, unpack
from engine.packs.packing import Refused, pack_city
from engine.packs.signing import read_private_key, read_public_keys, write_keys

PASSPHRASE = "WANGGE_PACK_PASSPHRASE"
FILE = click.Path(path_type=Path, dir_okay=False)


class _PackGroup(click.Group):
    """``wangge pack CITY`` makes a pack: what is no command of the group is a city."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group("pack", cls=_PackGroup)
def pack_command() -> None:
    """Packages of a city: signed, versioned, the same bytes every time. 'wangge pack CITY -o FILE' makes one."""


@pack_command.command("make")
@click.argument("city_name", metavar="CITY")
@click.option("-o", "--output", type=FILE, required=True, help="The file to write, such as yunhe-1.4.0.wgpack.")
@click.option("--version", "version", default="", help="Version of the pack; [pack] version of city.toml otherwise.")
@click.option("--key", "key_file", type=FILE, help="Private key to sign with (wangge pack keygen).")
@click.option("--unchecked", is_flag=True, help="Pack a city with errors; the manifest says so.")
@click.option("--force", is_flag=True, help="Replace the file when it exists.")
def make(city_name: str, output: Path, version: str, key_file: Path | None, unchecked: bool, force: bool) -> None:
    """Make a pack of a city ('make' may be left out). Refused when 'wangge check' finds errors."""
    if output.exists() and not force:
        raise Conflict(f"{output} exists; choose another name, or give --force")
    key = read_private_key(key_file, os.environ.get(PASSPHRASE, "")) if key_file is not None else None
    try:
        packed = pack_city(city_name, version=version, key=key, unchecked=unchecked)
    except Refused as refused:
        show_findings(refused.findings)
        raise
    aside = output.with_name(f".{output.name}.part")
    aside.write_bytes(packed.content)
    aside.replace(output)
    manifest = packed.manifest
    click.echo(
        f"{output}: {manifest.city} {manifest.version}, {len(manifest.files)} files, for Wangge {manifest.wangge}"
    )
    for name, mark in manifest.plugins.items():
        click.echo(f"  needs plugin {name} {mark.version}")
    if packed.errors:
        click.echo(f"  UNCHECKED: {len(packed.errors)} errors; the manifest says so")
    if packed.warnings:
        click.echo(f"  {len(packed.warnings)} warnings; 'wangge check' lists them")
    click.echo(f"  signed by {packed.signer}" if packed.signer else "  not signed (--key signs it)")
    click.echo(f"  sha256 {packed.digest}")


@pack_command.command("keygen")
@click.argument("name", type=click.Path(path_type=Path))
@click.option("--protect", is_flag=True, help=f"Protect it with a passphrase ({PASSPHRASE}, or asked for).")
def keygen(name: Path, protect: bool) -> None:
    """Make a pair of keys: NAME.key stays secret and signs, NAME.pub goes to those who verify."""
    passphrase = os.environ.get(PASSPHRASE, "") if protect else ""
    if protect and not passphrase:
        passphrase = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    secret, public, told = write_keys(name, passphrase)
    click.echo(f"{secret}: keep it secret, outside the city's folder")
    click.echo(f"{public}: give it to whom installs your packs, and tell them the fingerprint another way: {told}")


def trust_options(command: Any) -> Any:
    """``--trust`` and ``--untrusted``."""
    command = click.option(
        "--untrusted", is_flag=True, help="Do not ask who signed it; look only whether it is whole."
    )(command)
    return click.option(
        "--trust", "trusted", multiple=True, type=click.Path(path_type=Path),
        help="Public key of a signer, or a folder of them; may be given several times.",
    )(command)  # fmt: skip


@pack_command.command("verify")
@click.argument("file", type=FILE)
@trust_options
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def verify(file: Path, trusted: tuple[Path, ...], untrusted: bool, as_json: bool) -> None:
    """Whether a pack is whole, signed by whom you trust, and made for this Wangge. Exit code 1 when not."""
    pack = _opened(file, trusted, untrusted)
    if as_json:
        told = {**orjson.loads(pack.manifest.to_bytes()), "signed_by": pack.signed_by, "differences": differences(pack)}
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    manifest = pack.manifest
    click.echo(f"{file}: {manifest.name} / {manifest.name_en} ({manifest.city}) {manifest.version}")
    click.echo(f"  whole: {len(manifest.files)} files are what the manifest says; for Wangge {manifest.wangge}")
    signer = pack.signed_by or "nobody"
    click.echo(f"  signed by {signer}{'; whether to trust that was not asked' if untrusted else ', whom you trust'}")
    if manifest.unchecked:
        click.echo("  UNCHECKED: it was packed in spite of errors")
    for each in differences(pack):
        click.echo(f"  note: {each}")


@pack_command.command("unpack")
@click.argument("file", type=FILE)
@click.argument("folder", type=click.Path(path_type=Path))
@trust_options
def unpack_command(file: Path, folder: Path, trusted: tuple[Path, ...], untrusted: bool) -> None:
    """Write a pack's city into a new FOLDER, whole or not at all. The pack is verified first."""
    pack = _opened(file, trusted, untrusted)
    unpack(pack, folder)
    click.echo(f"{pack.manifest.city} {pack.manifest.version}: {len(pack.files)} files in {folder}")
    for each in differences(pack):
        click.echo(f"  note: {each}")
    click.echo(f"next: wangge check --city {folder}; wangge diff OLD_CITY {folder}")


def _opened(file: Path, trusted: tuple[Path, ...], untrusted: bool) -> Pack:
    if bool(trusted) == untrusted:
        raise click.UsageError("say whom you trust (--trust SIGNER.pub), or --untrusted to look at the content alone")
    keys: list[Ed25519PublicKey] = [key for path in trusted for key in read_public_keys(path)]
    pack = open_pack(file)
    if not untrusted:
        refuse_stranger(pack, keys)
    refuse_other_release(pack)
    return pack
