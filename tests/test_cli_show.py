"""``wangge process`` and ``wangge case`` show what the diagrams say and how a case stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.cli import main
from api.cli.outline import KINDS, WORDS, Outline
from engine.checks.diagrams import KINDS as SUPPORTED
from engine.city import load_city
from engine.layers import core_root
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.elements import read_diagram


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_city(tmp_path_factory.mktemp("city") / "small")


@pytest.fixture(scope="module")
def town(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTown]:
    place = tmp_path_factory.mktemp("database") / "small.sqlite"
    found = SmallTown(folder, f"sqlite:///{place}")
    yield found
    found.close()


def run(folder: Path, *words: str, url: str = "sqlite:////nowhere/none.sqlite") -> Result:
    return CliRunner().invoke(main, [*words, "--city", str(folder), "--database", url])


def read(folder: Path, *words: str, **more: Any) -> Any:
    result = run(folder, *words, "--json", **more)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_processes_are_listed_with_name_and_layer_before_anything_is_deployed(folder: Path) -> None:
    rows = {row["id"]: row for row in read(folder, "process", "list")}
    assert set(rows) == {path.stem for path in core_root().glob("*.bpmn")}
    assert rows["handle_unit"] == {
        "id": "handle_unit", "name": "责任单位处置", "version": None, "layer": "core", "beaten": [], "deployed": "no",
    }  # fmt: skip


def test_every_kind_of_element_has_words_in_both_languages() -> None:
    assert set(KINDS) == SUPPORTED
    assert WORDS["zh"].keys() == WORDS["en"].keys()


@pytest.mark.parametrize(
    ("example", "told"),
    [
        ("people", ["悬挂警示牌 [hang_sign]  手工任务", "办理: 受理员 (acceptor)"]),
        ("message_send", ["通知材料已到 [send_parts]  发送消息", "发出消息: parts_ready", "通知到账 [fee]  发出"]),
        ("message_wait", ["等材料 [parts]  等待消息", "收到消息: parts_ready"]),
        ("signal_throw", ["发出信号: storm_warning"]),
        ("signal_catch", ["收到信号: storm_warning"]),
        ("conditional", ["条件成立: ${count > 2}"]),
        ("error_end", ["错误: refused"]),
        ("escalation", ["升级: need_help"]),
        ("loop", ["再来一次，当: ${choice == 'no'}"]),
    ],
)
def test_events_are_told_by_what_they_wait_for_or_send(folder: Path, example: str, told: list[str]) -> None:
    path = Path(__file__).parents[1] / f"docs/reference/examples/example_{example}.bpmn"
    outline = Outline(load_city(str(folder)), read_diagram(path.read_text(encoding="utf-8"), path.name), "zh")
    text = "\n".join(outline.lines())
    assert [each for each in told if each not in text] == [], text


def test_listing_makes_no_database(folder: Path, tmp_path: Path) -> None:
    run(folder, "process", "list", url=f"sqlite:///{tmp_path / 'none.sqlite'}")
    assert list(tmp_path.iterdir()) == []


def test_a_deployed_process_has_its_version(folder: Path, town: SmallTown) -> None:
    rows = {row["id"]: row for row in read(folder, "process", "list", url=town.url)}
    assert (rows["case"]["version"], rows["case"]["deployed"]) == (1, "yes")


def test_a_process_changed_by_the_city_is_seen_as_not_yet_deployed(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "small")
    url = f"sqlite:///{tmp_path / 'small.sqlite'}"
    SmallTown(folder, url).close()
    (folder / "processes").mkdir()
    text = (core_root() / "rework.bpmn").read_text(encoding="utf-8")
    (folder / "processes/rework.bpmn").write_text(text.replace('name="返工决定"', 'name="返工"'), encoding="utf-8")
    row = next(row for row in read(folder, "process", "list", url=url) if row["id"] == "rework")
    assert (row["name"], row["layer"], row["beaten"], row["deployed"]) == ("返工", "city small", ["core"], "changed")


def test_names_follow_the_language_asked_for(folder: Path) -> None:
    assert "责任单位处置" in run(folder, "process", "list").output
    assert "责任单位处置" not in run(folder, "process", "list", "--language", "en").output


def test_the_outline_tells_who_by_when_and_where_next(folder: Path) -> None:
    steps = {step["id"]: step for step in read(folder, "process", "show", "handle_unit")["steps"]}
    assert steps["receive"]["facts"] == {
        "role": "单位受理员 (unit_clerk @ ${unit.department})", "form": "receive", "limit": "1 work_hour",
        "clock": "handling",
    }  # fmt: skip
    ways = {way["to"]: way for way in steps["receive_outcome"]["next"]}
    assert ways["unit_return"]["condition"] == "${receive_decision == 'return'}"
    assert ways["to_handle"]["default"]


def test_the_outline_shows_every_element_once_in_reading_order(folder: Path) -> None:
    from engine.workflow.elements import read_diagram

    diagram = read_diagram((core_root() / "case.bpmn").read_text(encoding="utf-8"), "processes/case.bpmn")
    shown = [step["id"] for step in read(folder, "process", "show", "case")["steps"]]
    assert sorted(shown) == sorted(diagram.elements)
    assert shown.index("start") == 0
    places = [shown.index(name) for name in ("lifecycle_start", "intake", "handling", "handling_start")]
    assert places == sorted(places)


def test_the_outline_is_readable_text_in_chinese_and_english(folder: Path) -> None:
    chinese = run(folder, "process", "show", "handle_unit").output
    assert "办理: 处置人员 (unit_handler @ ${unit.department})" in chinese
    assert "须有证据: after_photo" in chinese
    english = run(folder, "process", "show", "handle_unit", "--language", "en").output
    assert "done by: Handler (unit_handler @ ${unit.department})" in english


def test_an_unknown_process_is_refused_with_the_known_ones(folder: Path) -> None:
    result = run(folder, "process", "show", "handel_unit")
    assert result.exit_code == 1
    assert "handle_unit" in result.output


def test_a_case_is_shown_with_its_tasks_clocks_and_history(folder: Path, town: SmallTown) -> None:
    work = CaseWork(town)
    work.accept()
    told = read(folder, "case", "show", work.case.number, url=town.url)
    assert told["summary"]["number"] == told["facts"]["number"] == work.case.number
    assert [task["element"] for task in told["tasks"]] == work.open()
    assert [line["kind"] for line in told["history"]] == work.history()
    text = run(folder, "case", "show", work.case.number, url=town.url).output
    assert "待办任务" in text
    assert "2026-03-02 09:00" in text
    assert told["tasks"][0]["name"] in text


def test_a_clock_tells_its_runs_and_pauses(folder: Path, town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    told = read(folder, "case", "show", work.case.number, url=town.url)
    clock = next(each for each in told["clocks"] if each["clock"]["name"] == "handling")
    assert clock["spans"]
    assert clock["sentences"]
    text = run(folder, "case", "show", work.case.number, url=town.url).output
    assert all(sentence in text for sentence in clock["sentences"])


def test_an_unknown_case_is_refused(folder: Path, town: SmallTown) -> None:
    result = run(folder, "case", "show", "19990101-00001", url=town.url)
    assert result.exit_code == 1
    assert "there is no case 19990101-00001" in result.output


def test_a_case_without_a_database_is_refused(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "case", "show", "1", url=f"sqlite:///{tmp_path / 'empty.sqlite'}")
    assert result.exit_code == 1
    assert "wangge init" in result.output
