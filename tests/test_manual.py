"""The command manual: exported, changed in a spreadsheet, compared, proposed by one person and signed by another."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manual_books import DEPARTMENTS, TODAY, Book, exported
from openpyxl.utils import get_column_letter
from sqlalchemy import func, select

from engine.cases.evidence import ROLES
from engine.cases.listing import ENDED
from engine.catalogue.lookup import version_in_force
from engine.catalogue.manual import CLASSES, CONDITIONS, Manual, by_key, read_manual
from engine.catalogue.manual_change import (
    Comparison,
    compare_workbook,
    find_change,
    propose_change,
    sign_change,
    withdraw_change,
)
from engine.catalogue.manual_codes import free_extension_codes, of_2007
from engine.catalogue.manual_diff import compare_manuals, diff_of
from engine.catalogue.manual_effect import RUNNING
from engine.catalogue.manual_faults import ManualInvalid
from engine.catalogue.manual_limits import join_limit, split_limit
from engine.catalogue.manual_reading import read_workbook
from engine.catalogue.manual_rules import ROLES as RULED
from engine.catalogue.manual_rules import is_evidence_rule, is_extension_rule
from engine.catalogue.manual_writing import CODES_2007, sheet_title, write_workbook
from engine.errors import Conflict, Invalid, NotAllowed
from engine.models import CatalogueVersion, FilingCondition, ManualChange, Subclass
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown

TOMORROW = TODAY + timedelta(days=1)


def compared(town: SmallTown, book: Book, effective: date = TODAY) -> Comparison:
    return compare_workbook(town.session, book.saved(), effective, TODAY, [])


def codes_of(town: SmallTown, book: Book) -> list[tuple[str, str]]:
    """(code, where) of every fault a workbook is refused for."""
    with pytest.raises(ManualInvalid) as refused:
        compared(town, book)
    return [(fault.code, fault.where) for fault in refused.value.faults]


def propose(town: SmallTown, book: Book, effective: date = TODAY, login: str = "analyst") -> ManualChange:
    change, _new = propose_change(
        town.session, town.actor(login), book.saved(), file_name="手册.xlsx", name="2026 年修订", note="局务会",
        effective=effective, today=TODAY, now=town.clock.now(),
    )  # fmt: skip
    return change


def sign(town: SmallTown, change: ManualChange, login: str = "command_head", **values: Any) -> ManualChange:
    asked = {"diff_digest": change.diff_digest, "today": TODAY, "now": town.clock.now(), **values}
    return sign_change(town.session, town.actor(login), change.id, **asked)


def book_of(town: SmallTown, day: date = TODAY) -> Book:
    return Book(exported(town.session, day))


# Round trip ------------------------------------------------------------------------------------------------------


def test_an_exported_manual_comes_back_without_a_difference(town: SmallTown) -> None:
    diff = compare_workbook(town.session, exported(town.session), TODAY, TODAY, []).diff
    assert diff.changes == ()
    sent = read_workbook(exported(town.session)).manual
    assert (len(sent.classes), len(sent.conditions)) == (242, 650)


def test_a_workbook_saved_by_another_program_says_the_same(town: SmallTown) -> None:
    assert compared(town, book_of(town)).diff.changes == ()


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn"), include_characters="=+-@\n"), max_size=60)


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(TEXTS, min_size=3, max_size=3))
def test_any_text_survives_the_round_trip(texts: list[str]) -> None:
    classes = dict.fromkeys(CLASSES.names, "0101") | {"kind": "event", "name": "=1+1"}
    tidied = [text.strip() for text in texts]
    row = dict.fromkeys(CONDITIONS.names, "") | {"kind": "event", "full_code": "0101", "condition_no": "1"}
    row |= {"text": tidied[0], "closing_condition": tidied[1], "source": tidied[2]}
    manual = Manual(by_key(CLASSES, [classes]), by_key(CONDITIONS, [row]))
    version = CatalogueVersion(id=1, name="=版本", digest="d", valid_from=TODAY, valid_to=None, note="", loaded_at=None)
    sent = read_workbook(write_workbook(version, manual, {"=A1": ("+1", "-1")}))
    assert compare_manuals(manual, sent.manual).changes == ()


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_a_text_that_looks_like_a_formula_is_written_as_text(town: SmallTown, text: str) -> None:
    manual = read_manual(town.session, version_in_force(town.session, TODAY).id)
    key = ("component", "0101", "1")
    changed = replace(manual, conditions={**manual.conditions, key: {**manual.conditions[key], "text": text}})
    content = write_workbook(version_in_force(town.session, TODAY), changed, DEPARTMENTS)
    book = Book(content)
    cell = book.book[sheet_title(CONDITIONS)].cell(book.row(CONDITIONS, *key), book.place(CONDITIONS, "text"))
    assert (cell.data_type, cell.value, cell.quotePrefix) == ("s", text, True)
    assert read_workbook(content).manual.conditions[key]["text"] == text


@pytest.mark.parametrize(
    "text",
    ["", "2 work_day", "A: 1 urgent_hour; B: 3 urgent_hour; *: 1 work_day", "A: 1 minute; B: 2 minute; C: 3 minute"],
)
def test_a_limit_by_area_class_is_split_into_columns_and_joined_again(text: str) -> None:
    assert join_limit(split_limit(text)) == text


def test_a_limit_of_unknown_area_classes_stays_whole() -> None:
    assert split_limit("D: 1 minute; *: 2 minute")["limit"] == "D: 1 minute; *: 2 minute"


# Differences -----------------------------------------------------------------------------------------------------


def test_the_diff_names_added_removed_and_changed_rows_with_old_and_new_values(town: SmallTown) -> None:
    book = book_of(town).extend_class("0198").delete(CONDITIONS, "component", "0101", "3")
    book.change(CONDITIONS, "component", "0101", "1", limit_a="1 urgent_hour", extension="2 x 5 work_day")
    diff = compared(town, book).diff
    assert diff.counts == {
        "classes": {"added": 1, "removed": 0, "changed": 0}, "conditions": {"added": 1, "removed": 1, "changed": 1},
    }  # fmt: skip
    by_sort = {(change.table.id, change.sort): change for change in diff.changes}
    assert by_sort["conditions", "changed"].values == {
        "limit_a": ("", "1 urgent_hour"), "extension": ("", "2 x 5 work_day"),
    }  # fmt: skip
    assert by_sort["conditions", "removed"].key == ("component", "0101", "3")
    assert by_sort["classes", "added"].values["name"] == ("", "新小类")
    assert diff_of(diff.record) == diff


def test_the_same_change_proposed_twice_is_one(town: SmallTown) -> None:
    book = book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour")
    assert propose(town, book).id == propose(town, book, login="administrator").id
    assert town.session.scalar(select(func.count()).select_from(ManualChange)) == 1


def test_a_workbook_that_is_in_force_changes_nothing(town: SmallTown) -> None:
    book = book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour")
    sign(town, propose(town, book))
    assert compared(town, book).diff.changes == ()
    with pytest.raises(Invalid, match="says what the manual says already"):
        propose(town, book)
    assert town.session.scalar(select(func.count()).select_from(CatalogueVersion)) == 2


def test_a_workbook_of_an_older_version_is_not_taken_over_a_newer_one(town: SmallTown) -> None:
    stale = book_of(town).change(CONDITIONS, "component", "0102", "1", limit="3 urgent_hour")
    sign(town, propose(town, book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour")))
    with pytest.raises(Conflict, match="exported from another version"):
        compared(town, stale)


# Signing ---------------------------------------------------------------------------------------------------------


def test_nothing_takes_effect_before_somebody_else_signs(town: SmallTown) -> None:
    before = version_in_force(town.session, TOMORROW).id
    book = book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour")
    change = propose(town, book, TOMORROW, login="administrator")
    assert version_in_force(town.session, TOMORROW).id == before
    with pytest.raises(NotAllowed, match="your own"):
        sign(town, change, "administrator")
    with pytest.raises(NotAllowed, match=r"catalogue\.sign"):
        sign(town, change, "analyst")
    signed = sign(town, change)
    assert version_in_force(town.session, TODAY).id == before
    assert version_in_force(town.session, TOMORROW).id == signed.version_id
    assert (signed.status, signed.decided_by_id) == ("signed", town.actor("command_head").person_id)


def test_a_signed_version_has_every_row_of_the_one_before_but_for_the_changes(town: SmallTown) -> None:
    base = version_in_force(town.session, TODAY).id
    book = (
        book_of(town)
        .extend_class("0198")
        .change(CONDITIONS, "component", "0101", "1", limit_a="1 urgent_hour", evidence="before_photo 1; after_photo 2")
    )
    signed = sign(town, propose(town, book))
    old, new = (read_manual(town.session, id_) for id_ in (base, signed.version_id))
    assert compare_manuals(old, new).record == signed.diff
    row = town.session.get_one(FilingCondition, (signed.version_id, "component", "0101", 1))
    assert (row.limit, row.evidence) == ("A: 1 urgent_hour; *: 2 urgent_hour", "before_photo 1; after_photo 2")
    assert town.session.get(Subclass, (base, "component", "0198")) is None


def test_running_cases_keep_their_version_and_are_counted(town: SmallTown) -> None:
    filed, other, waiting = CaseWork(town), CaseWork(town, full_code="0102"), CaseWork(town)
    filed.file()
    book = book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour")
    before = {work.id: work.case.catalogue_version_id for work in (filed, other, waiting)}
    change = propose(town, book)
    signed = sign(town, change)
    assert signed.effect == {
        "filed": 1, "filed_touched": 1, "waiting": 2, "waiting_touched": 1, "waiting_removed": 0,
    }  # fmt: skip
    assert {work.id: work.case.catalogue_version_id for work in (filed, other, waiting)} == before
    assert filed.case.limit_text == "2 urgent_hour"
    waiting.file()
    assert (waiting.case.limit_text, waiting.case.catalogue_version_id) == ("3 urgent_hour", signed.version_id)


def test_reported_cases_whose_condition_goes_are_counted(town: SmallTown) -> None:
    waiting = CaseWork(town)
    book = book_of(town).delete(CONDITIONS, "component", "0101", "1")
    assert compared(town, book).effect.waiting_removed == 1
    sign(town, propose(town, book))
    waiting.file()
    assert waiting.case.limit_text == "2 urgent_hour"


def test_every_status_of_a_case_runs_or_has_ended() -> None:
    assert set(RUNNING).isdisjoint(ENDED)
    assert {*RUNNING, *ENDED} == {
        "reported", "filed", "dispatched", "suspended", "closed", "rejected", "merged", "voided",
    }  # fmt: skip


def test_a_change_is_decided_once_and_only_as_it_was_read(town: SmallTown) -> None:
    book = book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour")
    change = propose(town, book)
    with pytest.raises(Conflict, match="not the one you read"):
        sign(town, change, diff_digest="0" * 64)
    town.session.rollback()
    sign(town, change)
    with pytest.raises(Conflict, match="signed already"):
        sign(town, change)
    with pytest.raises(Conflict, match="signed already"):
        withdraw_change(town.session, town.actor("analyst"), change.id, now=town.clock.now())


def test_a_diff_altered_in_the_database_cannot_be_signed(town: SmallTown) -> None:
    change = propose(town, book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour"))
    record = [dict(each) for each in change.diff]
    record[0]["after"] = {**record[0]["after"], "limit": "9 work_day"}
    change.diff = record
    town.session.commit()
    with pytest.raises(Conflict, match="not the one you read"):
        sign(town, change)


def test_a_withdrawn_change_stays_on_record_and_never_takes_effect(town: SmallTown) -> None:
    change = propose(town, book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour"))
    with pytest.raises(NotAllowed, match=r"catalogue\.sign"):
        withdraw_change(town.session, town.actor("collector"), change.id, now=town.clock.now())
    town.session.rollback()
    withdraw_change(town.session, town.actor("analyst"), change.id, now=town.clock.now())
    assert find_change(town.session, change.id).status == "withdrawn"
    with pytest.raises(Conflict, match="withdrawn already"):
        sign(town, change)


def test_a_change_whose_day_has_gone_by_or_that_a_later_version_would_undo_is_refused(town: SmallTown) -> None:
    book = book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour")
    with pytest.raises(Invalid, match="has gone by"):
        compared(town, book, TODAY - timedelta(days=1))
    change = propose(town, book)
    with pytest.raises(Invalid, match="has gone by"):
        sign(town, change, today=TOMORROW)
    town.session.rollback()
    late = propose(town, book_of(town).change(CONDITIONS, "component", "0102", "1", limit="3 urgent_hour"), TOMORROW)
    sign(town, late)
    with pytest.raises(Conflict, match="would undo this change"):
        sign(town, change)


def test_two_changes_of_one_version_are_not_both_signed(town: SmallTown) -> None:
    first = propose(town, book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour"))
    second = propose(town, book_of(town).change(CONDITIONS, "component", "0102", "1", limit="3 urgent_hour"))
    sign(town, first)
    with pytest.raises(Conflict, match="is the last now"):
        sign(town, second)


def test_proposing_takes_a_permission_of_its_own(town: SmallTown) -> None:
    book = book_of(town).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour")
    with pytest.raises(NotAllowed, match=r"catalogue\.edit"):
        propose(town, book, login="command_head")


# Rules -----------------------------------------------------------------------------------------------------------


def test_local_extensions_are_numbered_down_from_98(town: SmallTown) -> None:
    assert compared(town, book_of(town).extend_class("0198")).diff.changes
    book = book_of(town).extend_class("0160")
    with pytest.raises(ManualInvalid) as refused:
        compared(town, book)
    assert "number down from 98; the next of class 01 is 0198" in refused.value.message
    both = book_of(town).extend_class("0198").extend_class("0197")
    assert compared(town, both).diff.counts["classes"]["added"] == 2


def test_the_workbook_tells_the_next_extension_code_of_every_class(town: SmallTown) -> None:
    free = free_extension_codes(read_manual(town.session, version_in_force(town.session, TODAY).id))
    assert free["component", "01"] == "0198"
    assert free["event", "06"] == "0697"  # 0698 is there


def test_codes_of_2007_lead_to_those_of_2013_with_event_classes_04_and_05_exchanged(town: SmallTown) -> None:
    manual = read_manual(town.session, version_in_force(town.session, TODAY).id)
    now = {(row["kind"], row["code_2007"]): row["name"] for row in of_2007(manual)}
    found = {key: manual_code(manual, *key) for key in (("event", "0401"), ("event", "0501"), ("component", "0117"))}
    assert found["event", "0401"] == ["0505"] and now["event", "0401"] == "路面塌陷"
    assert found["event", "0501"] == ["0401"] and now["event", "0501"] == "无照经营游商"
    assert found["component", "0117"] == [f"01{number}" for number in range(30, 37)]
    sheet = book_of(town).book[CODES_2007]
    cells = {(row[0], row[1], row[2]) for row in sheet.iter_rows(min_row=3, values_only=True)}
    assert ("event", "0401", "0505") in cells and len(cells) == len(of_2007(manual))


def manual_code(manual: Manual, kind: str, code: str) -> list[str]:
    return [row["full_code"] for row in of_2007(manual) if (row["kind"], row["code_2007"]) == (kind, code)]


@pytest.mark.parametrize(("code", "wrong", "right"), [("0505", "0501", "0401"), ("0401", "0401", "0501")])
def test_a_2007_code_that_forgets_the_exchange_is_refused(town: SmallTown, code: str, wrong: str, right: str) -> None:
    row = book_of(town).row(CLASSES, "event", code)
    assert codes_of(town, book_of(town).change(CLASSES, "event", code, code_2007=wrong)) == [
        ("code_2007", f"classes!row {row} code_2007")
    ]
    assert compared(town, book_of(town).change(CLASSES, "event", code, code_2007=right)).diff.changes == ()


def test_what_is_not_sourced_is_marked_in_words_and_colour(town: SmallTown) -> None:
    book = book_of(town)
    sheet, place = book.book[sheet_title(CLASSES)], book.place(CLASSES, "mark")
    marks = {"provisional": 0, "memory": 0}
    for row in range(3, sheet.max_row + 1):
        source = sheet.cell(row, book.place(CLASSES, "code_source")).value
        mark, colour = sheet.cell(row, place).value or "", sheet.cell(row, place).fill.fgColor.rgb
        assert (source in mark.lower()) if source != "found" else not mark
        assert (colour == "00FFF2CC") == (source != "found")
        marks[source] = marks.get(source, 0) + 1
    assert (marks["provisional"], marks["memory"]) == (41, 28)


CELLS: list[tuple[Any, dict[str, Any], str]] = [
    (CLASSES, {"full_code": 101}, "code_number"),
    (CLASSES, {"name": "=1+1"}, "formula"),
    (CLASSES, {"name": "x" * 4001}, "too_long"),
    (CLASSES, {"name": date(2026, 1, 1)}, "cell_type"),
    (CLASSES, {"name": True}, "cell_type"),
    (CLASSES, {"name": "#REF!"}, "cell_error"),
    (CLASSES, {"full_code": "0101"}, "twice"),
    (CLASSES, {"kind": None}, "empty"),
]
ROWS: list[tuple[Any, dict[str, Any], str]] = [
    (CLASSES, {"dept_code": "NOBODY"}, "department"),
    (CLASSES, {"geometry": "circle"}, "unknown_word"),
    (CLASSES, {"code_source": "rumour"}, "unknown_word"),
    (CLASSES, {"name": None}, "empty"),
    (CLASSES, {"class_code": "02"}, "code_shape"),
    (CLASSES, {"code_2007": "1"}, "code_2007_shape"),
    (CONDITIONS, {"limit": "soon"}, "limit"),
    (CONDITIONS, {"limit": None, "limit_a": "1 minute"}, "limit"),
    (CONDITIONS, {"limit_b": "often"}, "limit"),
    (CONDITIONS, {"text": None}, "empty"),
    (CONDITIONS, {"source": "someone"}, "source"),
    (CONDITIONS, {"evidence": "selfie 1"}, "evidence"),
    (CONDITIONS, {"extension": "often"}, "extension"),
    (CONDITIONS, {"condition_no": "one"}, "number"),
    (CONDITIONS, {"full_code": "0177"}, "no_class"),
]


@pytest.mark.parametrize("wrong", [CELLS, ROWS], ids=["cells", "rows"])
def test_what_does_not_hold_is_told_at_once_with_its_place(
    town: SmallTown, wrong: list[tuple[Any, dict[str, Any], str]]
) -> None:
    book, expected = book_of(town), []
    for number, (table, values, code) in enumerate(wrong, 2):
        key = ("component", f"01{number:02}", *(("1",) if table is CONDITIONS else ()))
        row, column = book.row(table, *key), get_column_letter(book.place(table, next(iter(values))))
        places = (f"{table.id}!{column}{row}", f"{table.id}!row {row}", f"{table.id}!row {row} {next(iter(values))}")
        expected.append((code, places))
        book.write(table, row, **values)
    found = codes_of(town, book)
    for code, places in expected:
        assert [where for each, where in found if each == code and where.startswith(places)], (code, places, found)


def test_a_subclass_may_not_lose_its_last_condition_alone(town: SmallTown) -> None:
    book = book_of(town)
    keys = [key for key in read_workbook(book.saved()).manual.conditions if key[:2] == ("component", "0101")]
    for key in keys:
        book.delete(CONDITIONS, *key)
    assert [code for code, _ in codes_of(town, book)] == ["no_condition"]
    assert compared(town, book.delete(CLASSES, "component", "0101")).diff.counts["classes"]["removed"] == 1


def test_rules_of_evidence_and_extension_are_read_strictly() -> None:
    assert set(RULED) == set(ROLES)
    assert is_evidence_rule("before_photo 1; after_photo 2") and not is_evidence_rule("before_photo 1; before_photo 2")
    assert not is_evidence_rule("before_photo 0") and not is_evidence_rule("before_photo")
    assert is_extension_rule("2 x 5 work_day") and is_extension_rule("none") and not is_extension_rule("0 x 5 work_day")


# Size ------------------------------------------------------------------------------------------------------------


def test_a_manual_of_ten_thousand_rows_goes_there_and_back(town: SmallTown, capsys: pytest.CaptureFixture[str]) -> None:
    version = version_in_force(town.session, TODAY)
    manual = read_manual(town.session, version.id)
    like = manual.conditions["component", "0101", "1"]
    extra = [{**like, "condition_no": str(number)} for number in range(10, 9_400)]
    large = replace(manual, conditions={**manual.conditions, **by_key(CONDITIONS, extra)})
    assert len(large.classes) + len(large.conditions) >= 10_000
    marks = [time.perf_counter()]
    content = write_workbook(version, large, DEPARTMENTS)
    marks.append(time.perf_counter())
    sent = read_workbook(content)
    marks.append(time.perf_counter())
    assert compare_manuals(large, sent.manual).changes == ()
    comparison = compare_workbook(town.session, content, TODAY, TODAY, [])
    marks.append(time.perf_counter())
    assert comparison.diff.counts["conditions"]["added"] == len(extra)
    tracemalloc.start()
    read_workbook(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    write, read, compare = (later - earlier for earlier, later in pairwise(marks))
    rows = len(large.classes) + len(large.conditions)
    with capsys.disabled():
        print(
            f"\n{rows} rows, {len(content) / 1e6:.1f} MB: written in {write:.1f} s,"
            f" read in {read:.1f} s, compared in {compare:.1f} s; reading takes {peak / 1e6:.0f} MB"
        )
