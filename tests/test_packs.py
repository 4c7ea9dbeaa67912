"""``wangge where`` and ``wangge pack``: which layer wins; packs that are the same every time, and whole or refused."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sample_plugins import shelf_at

from api.cli import main
from engine.city import load_city
from engine.errors import Conflict, Invalid, NotFound
from engine.layers import core_root
from engine.loading.rivals import KEYS, TABLES, WHOLE_FILES
from engine.organisation.roles import load_roles
from engine.packs.kinds import KINDS, kind_of
from engine.packs.manifest import Manifest, default_range
from engine.packs.opening import open_pack, refuse_other_release, refuse_stranger, unpack
from engine.packs.packing import collect, pack_city
from engine.packs.signing import read_private_key, read_public_keys, write_keys
from engine.packs.where import copy_to_city, find_where
from engine.patrol.rules import load_patrol_rules
from engine.testing.small_city import write_small_city


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_city(tmp_path / "small")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


# --- where ---------------------------------------------------------------------------------------------------------


def test_a_citys_file_wins_over_the_cores_and_the_core_is_named(folder: Path) -> None:
    (folder / "forms").mkdir(exist_ok=True)
    own = folder / "forms" / "accept.json"
    own.write_bytes((core_root() / "forms" / "accept.json").read_bytes())
    told = json.loads(run("where", "forms/accept.json", "--city", folder, "--json").output)
    assert [(each["layer"], each["counts"]) for each in told["layers"]] == [
        ("core", "replaced"), (load_city(str(folder)).layers.layers[-1].name, "wins"),
    ]  # fmt: skip
    assert told["city_file"] == str(own)
    assert any("processes/intake.bpmn" in each for each in told["readers"])


def test_a_row_is_told_with_the_layer_that_gave_it(folder: Path) -> None:
    (folder / "translations").mkdir(exist_ok=True)
    (folder / "translations" / "en.csv").write_text("key,text\nprocess:case,Our process\n", encoding="utf-8")
    done = run("where", "translations/en.csv", "process:case", "--city", folder)
    assert done.exit_code == 0
    assert "in force: key=process:case  text=Our process" in done.output
    other = find_where(load_city(str(folder)), "translations/en.csv", ["decision:dispatch"])
    assert [(each.layer, each.what) for each in other.steps] == [("core", "wins")]


def test_a_row_that_adds_rights_shows_what_they_come_to(folder: Path) -> None:
    (folder / "roles.csv").write_text(
        "role,name,name_en,side,permissions\ndispatcher,,,,+case.cancel\n", encoding="utf-8"
    )
    city = load_city(str(folder))
    about = find_where(city, "roles.csv", ["dispatcher"])
    assert [each.what for each in about.steps] == ["added to", "adds"]
    assert about.piece is not None
    assert set(str(about.piece["permissions"]).split()) == load_roles(city.layers)["dispatcher"].permissions


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["form/accept.json"], "nobody reads form/accept.json: no file of core, plugin or city has such a name; "
                               "did you mean forms/accept.json?"),
        (["forms/acept.json"], "did you mean forms/accept.json?"),
        (["settings.toml"], "a city gives values under [settings.<plugin>] in city.toml"),
        (["roles.csv", "dispatchr"], "did you mean dispatcher?"),
        (["forms/accept.json", "decision"], "forms/accept.json has no rows that merge"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named_with_what_is_like_it(folder: Path, arguments: list[str], told: str) -> None:
    done = run("where", *arguments, "--city", folder)
    assert done.exit_code == 1
    assert told in done.output


def test_a_file_of_a_plugin_that_is_not_enabled_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shelf_at(tmp_path / "plugins", monkeypatch) as shelf:
        shelf.write_lamps()
        (tmp_path / "plugins" / "lamps" / "forms").mkdir(exist_ok=True)
        (tmp_path / "plugins" / "lamps" / "forms" / "lamps_own.json").write_text("{}", encoding="utf-8")
        with pytest.raises(NotFound, match="the plugin lamps has it, but the city does not enable that"):
            find_where(load_city(str(folder)), "forms/lamps_own.json")
        city = replace(load_city(str(folder)), plugins=("lamps",))
        assert [each.layer for each in find_where(city, "forms/lamps_own.json").steps] == ["plugin lamps"]


def test_a_form_no_diagram_names_is_told_and_fails(folder: Path) -> None:
    (folder / "forms").mkdir(exist_ok=True)
    (folder / "forms" / "mine.json").write_text('{"id": "mine", "components": []}', encoding="utf-8")
    done = run("where", "forms/mine.json", "--city", folder)
    assert done.exit_code == 1
    assert "nobody reads it" in done.output


def test_copying_overrides_and_changes_nothing_else(folder: Path) -> None:
    assert run("where", "processes/rework.bpmn", "--city", folder, "--copy").exit_code == 0
    core = (core_root() / "rework.bpmn").read_bytes()
    assert (folder / "processes" / "rework.bpmn").read_bytes() == core
    before = load_roles(load_city(str(folder)).layers)
    for role in ("dispatcher", "acceptor"):
        assert run("where", "roles.csv", role, "--city", folder, "--copy").exit_code == 0
    assert len((folder / "roles.csv").read_text(encoding="utf-8").splitlines()) == 3
    assert load_roles(load_city(str(folder)).layers) == before


def test_copying_never_overwrites_and_asks_for_a_row(folder: Path) -> None:
    city = load_city(str(folder))
    copy_to_city(find_where(city, "catalogue/conditions.csv", ["event", "0110", "1"]))
    with pytest.raises(Conflict, match="has it already"):
        copy_to_city(find_where(city, "catalogue/conditions.csv", ["event/0110/1"]))
    with pytest.raises(Invalid, match="name the row"):
        copy_to_city(find_where(city, "channels.csv"))


def test_copying_a_table_keeps_the_tables_below_it(folder: Path) -> None:
    city = load_city(str(folder))
    before = load_patrol_rules(city)
    name = next(iter(find_where(city, "patrol.toml").steps)).path.read_text(encoding="utf-8")
    table = next(line.strip("[]") for line in name.splitlines() if line.startswith("["))
    copied = copy_to_city(find_where(city, "patrol.toml", [table]))
    assert copied == folder / "patrol.toml"
    assert load_patrol_rules(load_city(str(folder))) == before


def test_every_file_that_merges_between_plugins_is_a_kind(folder: Path) -> None:
    for logical, key in KEYS.items():
        kind = kind_of(logical)
        assert kind is not None and (kind.how, kind.key) == ("rows", key)
    for logical in TABLES:
        assert kind_of(logical).how == "tables"  # type: ignore[union-attr]
    patterns = {kind.pattern for kind in KINDS if kind.how == "whole"}
    assert {f"{home}/*{suffix}" for home, suffix in WHOLE_FILES if home != "templates"} <= patterns


# --- pack ----------------------------------------------------------------------------------------------------------


def packed(folder: Path, target: Path, **options: Any) -> Path:
    target.write_bytes(pack_city(str(folder), version="1.2", unchecked=True, **options).content)
    return target


def test_the_same_city_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first = packed(folder, tmp_path / "a.wgpack").read_bytes()
    for path in folder.rglob("*"):
        path.touch()
    (folder / ".hidden").write_text("left out", encoding="utf-8")
    assert packed(folder, tmp_path / "b.wgpack").read_bytes() == first
    (folder / "README.md").write_text("changed", encoding="utf-8")
    assert packed(folder, tmp_path / "c.wgpack").read_bytes() != first


def test_a_signed_pack_is_verified_and_unpacked_as_it_was(folder: Path, tmp_path: Path) -> None:
    assert run("pack", "keygen", tmp_path / "keys" / "maker").exit_code == 0
    key, public = tmp_path / "keys" / "maker.key", tmp_path / "keys" / "maker.pub"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    pack = tmp_path / "small.wgpack"
    made = run("pack", folder, "-o", pack, "--key", key, "--version", "1.2", "--unchecked")
    assert made.exit_code == 0, made.output
    assert run("pack", "verify", pack, "--trust", public).exit_code == 0
    done = run("pack", "unpack", pack, tmp_path / "new", "--trust", tmp_path / "keys")
    assert done.exit_code == 0, done.output
    assert collect(tmp_path / "new") == collect(folder)
    again = run("pack", "unpack", pack, tmp_path / "new", "--trust", public)
    assert again.exit_code == 1 and "nothing is overwritten" in again.output


def test_unsigned_packs_and_strangers_are_refused(folder: Path, tmp_path: Path) -> None:
    write_keys(tmp_path / "friend")
    write_keys(tmp_path / "stranger")
    unsigned = open_pack(packed(folder, tmp_path / "a.wgpack"))
    signed = open_pack(packed(folder, tmp_path / "b.wgpack", key=read_private_key(tmp_path / "stranger.key")))
    trusted = read_public_keys(tmp_path / "friend.pub")
    with pytest.raises(Invalid, match="is not signed; ask its maker"):
        refuse_stranger(unsigned, trusted)
    with pytest.raises(Invalid, match="whom you do not trust"):
        refuse_stranger(signed, trusted)
    refuse_stranger(signed, [*trusted, *read_public_keys(tmp_path / "stranger.pub")])


def test_a_protected_key_needs_its_passphrase(tmp_path: Path) -> None:
    write_keys(tmp_path / "maker", "secret words")
    with pytest.raises(Invalid, match="give its passphrase"):
        read_private_key(tmp_path / "maker.key")
    with pytest.raises(Invalid, match="check the passphrase"):
        read_private_key(tmp_path / "maker.key", "wrong")
    read_private_key(tmp_path / "maker.key", "secret words")
    with pytest.raises(Conflict, match="never overwritten"):
        write_keys(tmp_path / "maker")
    with pytest.raises(Invalid, match=r"never the \.key"):
        read_public_keys(tmp_path / "maker.key")
    with pytest.raises(NotFound, match="cannot be read"):
        read_public_keys(tmp_path / "nobody.pub")


def test_a_city_with_errors_is_refused_unless_said(folder: Path, tmp_path: Path) -> None:
    (folder / "forms").mkdir(exist_ok=True)
    (folder / "forms" / "accept.json").write_text("{", encoding="utf-8")
    done = run("pack", folder, "-o", tmp_path / "x.wgpack", "--version", "1.0")
    assert done.exit_code == 1 and "forms/accept.json" in done.output and not (tmp_path / "x.wgpack").exists()
    assert open_pack(packed(folder, tmp_path / "x.wgpack")).manifest.unchecked


def test_version_and_range_come_from_the_city(folder: Path) -> None:
    with pytest.raises(Invalid, match="the pack has no version"):
        pack_city(str(folder), unchecked=True)
    toml = folder / "city.toml"
    text = toml.read_text(encoding="utf-8") + '\n[pack]\nversion = "3.1"\nwangge = ">=0.1,<9"\n'
    toml.write_text(text, encoding="utf-8")
    manifest = pack_city(str(folder), unchecked=True).manifest
    assert (manifest.version, manifest.wangge) == ("3.1", ">=0.1,<9")
    assert default_range("1.4.2") == ">=1.4.2,<2"
    with pytest.raises(Invalid, match="'three' is none"):
        pack_city(str(folder), version="three", unchecked=True)


def test_links_and_private_keys_are_not_packed(folder: Path, tmp_path: Path) -> None:
    (folder / "passwords.txt").symlink_to("/etc/hostname")
    with pytest.raises(Invalid, match=r"passwords\.txt is a link"):
        collect(folder)
    (folder / "passwords.txt").unlink()
    write_keys(folder / "maker")
    with pytest.raises(Invalid, match=r"maker\.key is a private key"):
        collect(folder)


def test_other_releases_and_missing_plugins_are_named(folder: Path, tmp_path: Path) -> None:
    def with_manifest(change: Callable[[dict[str, Any]], None]) -> Path:
        def rewrite(parts: dict[str, bytes]) -> None:
            told = json.loads(parts["manifest.json"])
            change(told)
            parts["manifest.json"] = json.dumps(told).encode()

        return tampered(packed(folder, tmp_path / "a.wgpack"), rewrite)

    old = with_manifest(lambda told: told.update(wangge=">=7,<8"))
    with pytest.raises(Invalid, match="is for Wangge >=7,<8, this is"):
        refuse_other_release(open_pack(old))
    lamps = with_manifest(lambda told: told.update(plugins={"lamps9": {"version": "1", "digest": "0" * 64}}))
    with pytest.raises(Invalid, match="needs the plugins lamps9"):
        refuse_other_release(open_pack(lamps))
    with pytest.raises(Invalid, match="format 9"):
        open_pack(with_manifest(lambda told: told.update(format=9)))
    with pytest.raises(Invalid, match="does not hold"):
        open_pack(with_manifest(lambda told: told.pop("files")))


def tampered(pack: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(pack) as archive:
        parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    change(parts)
    with zipfile.ZipFile(pack, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return pack


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda parts: parts.update({"city/city.toml": b"[city]"}), "city/city.toml is not what the manifest says"),
        (lambda parts: parts.pop("city/organisation/people.csv"), "city/organisation/people.csv is missing"),
        (lambda parts: parts.update({"city/roles.csv": b"role"}), "city/roles.csv is in no list"),
        (lambda parts: parts.update({"city/../../evil": b"x"}), "leads out of the folder"),
        (lambda parts: parts.update({"/evil": b"x"}), "leads out of the folder"),
        (lambda parts: parts.update({"city/a\\..\\b": b"x"}), "cannot be written on every system"),
        (lambda parts: parts.update({"city/CITY.toml": b"x"}), "stands twice"),
        (lambda parts: parts.pop("manifest.json"), "so it is no pack"),
        (lambda parts: parts.update({"manifest.json": b"{"}), "manifest.json cannot be read"),
        (lambda parts: parts.update({"signature.json": b"{}"}), "signature.json cannot be read"),
    ],
)
def test_what_was_tampered_with_is_named(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], told: str
) -> None:
    with pytest.raises(Invalid) as refused:
        open_pack(tampered(packed(folder, tmp_path / "a.wgpack"), change))
    assert told in refused.value.message


def test_a_signature_of_another_manifest_is_refused(folder: Path, tmp_path: Path) -> None:
    write_keys(tmp_path / "maker")
    pack = packed(folder, tmp_path / "a.wgpack", key=read_private_key(tmp_path / "maker.key"))

    def change(parts: dict[str, bytes]) -> None:
        told = json.loads(parts["manifest.json"])
        parts["manifest.json"] = json.dumps({**told, "version": "9.9"}).encode()

    with pytest.raises(Invalid, match="the signature is not of this manifest"):
        open_pack(tampered(pack, change))


def test_links_bombs_and_broken_archives_are_refused(folder: Path, tmp_path: Path) -> None:
    whole = packed(folder, tmp_path / "a.wgpack").read_bytes()
    cases: list[tuple[bytes, str]] = [
        (whole[: len(whole) // 2], "is no whole pack"), (b"", "is no whole pack"),
        (b"#!/bin/sh\n" + whole, "has something before or behind"),
    ]  # fmt: skip
    link = zipfile.ZipInfo("city/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    for entry, kind, told in (
        (link, zipfile.ZIP_STORED, "is no plain file"),
        (zipfile.ZipInfo("city/zeros"), zipfile.ZIP_DEFLATED, "is compressed"),
    ):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", kind) as archive:
            archive.writestr(entry, b"0" * 100_000, kind)
        cases.append((target.getvalue(), told))
    for content, told in cases:
        (tmp_path / "bad.wgpack").write_bytes(content)
        with pytest.raises(Invalid, match=told):
            open_pack(tmp_path / "bad.wgpack")


def test_nothing_half_unpacked_stays(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = open_pack(packed(folder, tmp_path / "a.wgpack"))
    written: list[Path] = []
    write = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        if len(written) > 3:
            raise OSError(28, "no space left on device")
        written.append(self)
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    (tmp_path / "there").mkdir()
    with pytest.raises(Conflict, match="nothing was written"):
        unpack(pack, tmp_path / "there" / "new")
    assert list((tmp_path / "there").iterdir()) == []
    assert len(written) == 4


def test_whom_to_trust_must_be_said(folder: Path, tmp_path: Path) -> None:
    pack = packed(folder, tmp_path / "a.wgpack")
    assert run("pack", "verify", pack).exit_code == 2
    looked = run("pack", "verify", pack, "--untrusted")
    assert looked.exit_code == 0 and "whether to trust that was not asked" in looked.output


def test_a_manifest_says_the_same_whatever_the_order() -> None:
    first = Manifest("a", "甲", "A", "1", ">=0", "c", {}, {"x": "1", "a": "2"})
    second = Manifest("a", "甲", "A", "1", ">=0", "c", {}, {"a": "2", "x": "1"})
    assert first.to_bytes() == second.to_bytes()
