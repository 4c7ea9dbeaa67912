"""Registers declared in files: kept, found, exported and imported, and used by diagrams."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from engine.checks import check_folder, errors_of
from engine.database import open_database, session_factory
from engine.errors import Conflict, Invalid, NotFound
from engine.layers import Layer, Layers
from engine.models import Base, Department, RegisterChange, RegisterEntry
from engine.registers.declaring import Register, load_registers
from engine.registers.files import export_register, import_register
from engine.registers.finding import (
    Wanted,
    count_by,
    count_entries,
    due_soon,
    features_of,
    history_of,
    list_entries,
    public_values,
)
from engine.registers.keeping import (
    Hand,
    add_entry,
    change_entry,
    find_entry,
    put_entry,
    restore_entry,
    strike_entry,
)
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, write_small_city

OUTLETS = """
[register]
zh = "餐饮油烟单位"
en = "Catering outlets"
key = "code"
title = "name"
read = "case.read_all"
write = "admin"
place = true

[columns]
code = {type = "text", zh = "编号", en = "Code", pattern = 'C\\d{4}'}
name = {type = "text", zh = "名称", en = "Name", required = true}
stoves = {type = "integer", zh = "灶头数", en = "Stoves", least = 1, most = 50}
share = {type = "number", zh = "净化率", en = "Efficiency"}
night = {type = "truth", zh = "夜间经营", en = "Open at night"}
licence_to = {type = "date", zh = "许可到期", en = "Licence until", warn_days = 30}
department = {type = "department", zh = "主管部门", en = "Department"}
phone = {type = "text", zh = "电话", en = "Telephone", private = true}
note = {type = "long_text", zh = "备注", en = "Note"}

[columns.condition]
type = "choice"
zh = "状态"
en = "State"
choices = [{value = "open", zh = "营业", en = "open"}, {value = "shut", zh = "停业", en = "shut"}]
"""
TESTS = """
[register]
zh = "检测"
en = "Tests"
key = "number"
read = "case.read_all"
write = "admin"

[columns]
number = {type = "text", zh = "编号", en = "Number"}
outlet = {type = "entry", register = "outlets", zh = "单位", en = "Outlet", required = true}
"""
LOTUS = {
    "code": "C0001", "name": "荷花饭店", "stoves": "4", "share": 0.85, "night": "是", "licence_to": "2026-03-20",
    "department": "SANITATION", "phone": "10000000001", "condition": "营业", "lon": "116.0005", "lat": 28.0005,
}  # fmt: skip
HAND = Hand(MONDAY, reason="test")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    if request.param == "sqlite":
        yield from _session("sqlite://")
        return
    try:
        with scratch_postgresql() as url:
            yield from _session(url)
    except NoServer as error:
        pytest.skip(str(error))


def _session(url: str) -> Iterator[Session]:
    engine = open_database(url)
    Base.metadata.create_all(engine)
    with session_factory(engine)() as made:
        made.add(
            Department(
                code="SANITATION", name="环卫", name_en="Sanitation", kind="department", side="handling",
                parent_code=None, duties="", territory=None, fallback=False,
            )
        )  # fmt: skip
        made.commit()
        yield made
    engine.dispose()


def declare(folder: Path, **files: str) -> dict[str, Register]:
    (folder / "registers").mkdir(exist_ok=True, parents=True)
    for name, content in files.items():
        (folder / f"registers/{name}.toml").write_text(content, encoding="utf-8")
    return dict(load_registers(Layers([Layer("city test", folder)])))


@pytest.fixture
def outlets(tmp_path: Path) -> Register:
    return declare(tmp_path, outlets=OUTLETS)["outlets"]


# --- entries -------------------------------------------------------------------------------------------------------


def test_values_are_kept_in_their_type(session: Session, outlets: Register) -> None:
    entry = add_entry(session, outlets, LOTUS, HAND)
    session.commit()
    kept = find_entry(session, outlets, "C0001")
    assert kept.values == {
        "code": "C0001", "name": "荷花饭店", "stoves": 4, "share": 0.85, "night": True, "licence_to": "2026-03-20",
        "department": "SANITATION", "phone": "10000000001", "note": None, "condition": "open",
    }  # fmt: skip
    assert (kept.title, kept.lon, kept.lat) == ("荷花饭店", 116.0005, 28.0005)
    assert "phone" not in public_values(entry, outlets)


def test_every_fault_is_named_at_once(session: Session, outlets: Register) -> None:
    wrong = {
        "code": "X1", "name": " ", "stoves": "0", "share": "nan", "night": "vielleicht", "licence_to": "20.3.2026",
        "department": "NOBODY", "condition": "auf", "lon": "inf", "lat": "28", "colour": "red",
    }  # fmt: skip
    with pytest.raises(Invalid) as caught:
        add_entry(session, outlets, wrong, HAND)
    assert set(caught.value.errors) == {
        "code", "name", "stoves", "share", "night", "licence_to", "department", "condition", "lon", "colour",
    }  # fmt: skip


def test_a_taken_key_and_an_older_view_are_conflicts(session: Session, outlets: Register) -> None:
    seen = add_entry(session, outlets, LOTUS, HAND).version
    with pytest.raises(Conflict, match="has an entry 'C0001' already"):
        add_entry(session, outlets, LOTUS, HAND)
    change_entry(session, outlets, "C0001", {"stoves": 5}, HAND, seen_version=seen)
    with pytest.raises(Conflict, match="was changed meanwhile"):
        change_entry(session, outlets, "C0001", {"stoves": 6}, HAND, seen_version=seen)
    with pytest.raises(Invalid, match="never changes"):
        change_entry(session, outlets, "C0001", {"code": "C0002"}, HAND)


def test_what_changed_when_is_kept_and_nothing_is_noted_for_nothing(session: Session, outlets: Register) -> None:
    entry = add_entry(session, outlets, LOTUS, HAND)
    change_entry(session, outlets, "C0001", {"stoves": 5, "night": True}, HAND)
    change_entry(session, outlets, "C0001", {"stoves": "5"}, HAND)
    strike_entry(session, outlets, "C0001", Hand(MONDAY, reason="closed down"))
    told = [(each.kind, each.before, each.after) for each in history_of(session, entry)]
    assert told[:2] == [("struck", {}, {}), ("changed", {"stoves": 4}, {"stoves": 5})]
    assert [each[0] for each in told] == ["struck", "changed", "added"]


def test_what_is_struck_off_stays_and_can_come_back(session: Session, outlets: Register) -> None:
    add_entry(session, outlets, LOTUS, HAND)
    with pytest.raises(Invalid, match="say why"):
        strike_entry(session, outlets, "C0001", Hand(MONDAY))
    strike_entry(session, outlets, "C0001", HAND)
    assert count_entries(session, outlets, Wanted()) == 0
    assert count_entries(session, outlets, Wanted(gone=True)) == 1
    with pytest.raises(Conflict, match="struck off"):
        change_entry(session, outlets, "C0001", {"stoves": 5}, HAND)
    restore_entry(session, outlets, "C0001", HAND)
    assert count_entries(session, outlets, Wanted()) == 1
    with pytest.raises(NotFound, match="no entry 'C9999'"):
        find_entry(session, outlets, "C9999")


def test_the_same_again_changes_nothing(session: Session, outlets: Register) -> None:
    assert [put_entry(session, outlets, LOTUS, HAND)[1] for _ in range(2)] == ["added", "same"]
    assert put_entry(session, outlets, {**LOTUS, "stoves": 7}, HAND)[1] == "changed"


def test_an_entry_of_another_register_must_exist(session: Session, tmp_path: Path) -> None:
    known = declare(tmp_path, outlets=OUTLETS, tests=TESTS)
    with pytest.raises(Invalid, match="outlets has no entry 'C0001'; add it there first"):
        add_entry(session, known["tests"], {"number": "1", "outlet": "C0001"}, HAND)
    add_entry(session, known["outlets"], LOTUS, HAND)
    add_entry(session, known["tests"], {"number": "1", "outlet": "C0001"}, HAND)


# --- finding -------------------------------------------------------------------------------------------------------


@pytest.fixture
def street(session: Session, outlets: Register) -> Session:
    for number, (name, until) in enumerate(
        [("荷花饭店", "2026-03-20"), ("Lotus Bar", "2026-02-01"), ("百合 100%", "2027-01-01"), ("茶馆", None)], 1
    ):
        row = {**LOTUS, "code": f"C{number:04}", "name": name, "licence_to": until, "lon": 116 + number / 1000}
        add_entry(session, outlets, {**row, "condition": "open" if number % 2 else "shut"}, HAND)
    session.commit()
    return session


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Wanted(), ["C0001", "C0002", "C0003", "C0004"]),
        (Wanted(q="lotus"), ["C0002"]),
        (Wanted(q="荷花"), ["C0001"]),
        (Wanted(q="100%"), ["C0003"]),
        (Wanted(q="10000000001"), []),
        (Wanted(filters={"condition": "shut"}), ["C0002", "C0004"]),
        (Wanted(box=(116.0015, 28, 116.0035, 29)), ["C0002", "C0003"]),
    ],
)
def test_entries_are_found(street: Session, outlets: Register, wanted: Wanted, keys: list[str]) -> None:
    assert [row.key for row in list_entries(street, outlets, wanted)[0]] == keys
    assert count_entries(street, outlets, wanted) == len(keys)


def test_pages_follow_each_other(street: Session, outlets: Register) -> None:
    first, after = list_entries(street, outlets, Wanted(), most=3)
    rest, end = list_entries(street, outlets, Wanted(), after=after, most=3)
    assert [row.key for row in (*first, *rest)] == ["C0001", "C0002", "C0003", "C0004"]
    assert end == ""
    with pytest.raises(Invalid, match="no column 'colour'"):
        list_entries(street, outlets, Wanted(filters={"colour": "red"}))


def test_dates_that_are_near_and_counts(street: Session, outlets: Register) -> None:
    near = due_soon(street, outlets, date(2026, 3, 2))
    assert [(row.key, column.name, day.isoformat()) for row, column, day in near] == [
        ("C0002", "licence_to", "2026-02-01"), ("C0001", "licence_to", "2026-03-20"),
    ]  # fmt: skip
    assert count_by(street, outlets, "condition") == {"open": 2, "shut": 2}


def test_the_map_shows_nothing_private(street: Session, outlets: Register) -> None:
    features = features_of(list_entries(street, outlets, Wanted())[0], outlets)
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [116.001, 28.0005]}
    assert "phone" not in features[0]["properties"]


# --- files ---------------------------------------------------------------------------------------------------------


def test_out_and_in_again_without_loss(street: Session, outlets: Register) -> None:
    add_entry(street, outlets, {**LOTUS, "code": "C0009", "name": "=1+1", "note": '\'=a, "b"\nc'}, HAND)
    text = "".join(export_register(street, outlets))
    assert "'=1+1" in text and text.startswith("\ufeffcode,name")
    before = {row.key: dict(row.values) for row in list_entries(street, outlets, Wanted())[0]}
    outcome = import_register(street, outlets, io.StringIO(text), MONDAY)
    assert (outcome.added, outcome.changed, outcome.same, outcome.refused) == (0, 0, 5, [])
    street.execute(delete(RegisterChange))
    street.execute(delete(RegisterEntry))
    assert import_register(street, outlets, io.StringIO(text), MONDAY).added == 5
    assert {row.key: dict(row.values) for row in list_entries(street, outlets, Wanted())[0]} == before


def test_rows_that_do_not_hold_are_told_and_the_others_taken(session: Session, outlets: Register) -> None:
    rows = "code,name,stoves\nC0001,a,1\nC0002,,1\nC0001,b,2\nC0003,c,many\nC0004,d,1,extra\nC0005,e,\n"
    outcome = import_register(session, outlets, io.StringIO(rows), MONDAY)
    assert outcome.added == 2
    assert [(each.line, each.key) for each in outcome.refused] == [
        (3, "C0002"), (4, "C0001"), (5, "C0003"), (6, "C0004"),
    ]  # fmt: skip
    assert "twice" in outcome.refused[1].reason


@pytest.mark.parametrize("header", ["name,stoves", "code,colour", ""])
def test_a_file_of_another_shape_is_refused_whole(session: Session, outlets: Register, header: str) -> None:
    with pytest.raises(Invalid, match="the header of outlets is code,name"):
        import_register(session, outlets, io.StringIO(f"{header}\n1,2\n"), MONDAY)


# --- declarations --------------------------------------------------------------------------------------------------

FAULTS = {
    "no table": ("x = 1", "[register] or [columns"),
    "no name": (OUTLETS.replace('en = "Catering outlets"\n', ""), "has no en"),
    "no such key": (OUTLETS.replace('key = "code"', 'key = "kode"'), "there is no column 'kode'"),
    "type": (OUTLETS.replace('type = "integer"', 'type = "int"'), "is of type 'int'"),
    "choices": (OUTLETS.replace('type = "truth"', 'type = "choice"'), "choices belong to columns of type choice"),
    "unknown word": (OUTLETS.replace("warn_days", "warn"), "a column does not know warn"),
    "pattern": (OUTLETS.replace("C\\d{4}", "C("), "the pattern cannot be read"),
    "permission": (OUTLETS.replace('"admin"', '"outlets.write"'), "no role has the permission outlets.write"),
    "other register": (TESTS, "there is no register 'outlets'"),
    "no toml": ("[register", "cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_check_names_what_is_wrong(tmp_path: Path, fault: str) -> None:
    content, message = FAULTS[fault]
    folder = write_small_city(tmp_path / "small")
    (folder / "registers").mkdir()
    (folder / "registers/kept.toml").write_text(content, encoding="utf-8")
    told = [str(finding) for finding in errors_of(check_folder(str(folder))[1])]
    assert any(each.startswith("registers/kept.toml") and message in each for each in told), told


def test_the_example_of_the_tests_is_without_fault(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "small")
    declare(folder, outlets=OUTLETS, tests=TESTS)
    findings: list[Any] = errors_of(check_folder(str(folder))[1])
    assert findings == []
