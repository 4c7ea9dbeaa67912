"""Checks of what stands behind a limit: its source, what happens when it has passed; and names declarations give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.checks import Finding
from engine.checks.escalating import check_escalation
from engine.checks.material import Material, read_material
from engine.checks.names import check_names
from engine.checks.sources import check_sources
from engine.city import City, cities_root, load_city
from engine.core_operators import CORE_OPERATORS
from engine.installed_plugins import find_plugins, plugin_folders
from engine.layers import core_root
from engine.overdue.watching import unwatched
from engine.registry import build_registry
from engine.testing.small_city import write_small_city

REGISTRY = build_registry(CORE_OPERATORS)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write_small_city(tmp_path / "small")


def material_of(folder: Path) -> Material:
    return material_of_city(load_city(str(folder)))


def material_of_city(city: City) -> Material:
    return read_material(city, REGISTRY)[0]


def told(findings: object) -> list[tuple[str, str]]:
    return [(each.element, each.message) for each in findings if isinstance(each, Finding)]  # type: ignore[attr-defined]


def own(city: Path, change: Callable[[str], str], name: str = "enforcement", to: str = "enforcement") -> Material:
    """The city with its own version of one of the core's diagrams, perhaps under another name."""
    (city / "processes").mkdir(exist_ok=True)
    text = change((core_root() / f"{name}.bpmn").read_text(encoding="utf-8"))
    text = text.replace(f'<bpmn:process id="{name}"', f'<bpmn:process id="{to}"')
    (city / "processes" / f"{to}.bpmn").write_text(text, encoding="utf-8")
    return material_of(city)


def test_every_limit_of_the_core_says_its_source(city: Path) -> None:
    assert told(check_sources(material_of(city))) == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("自立案起 90 日内作出决定。", "调查办理 has the limit 90 calendar_day and says no source for it"),
        ("", "调查办理 has the limit 90 calendar_day and says no source for it"),
        ("自立案起 90 日内：行政处罚法（2021）。", "调查办理 (90 calendar_day) names a law without the article"),
        ("依据《行政处罚法》规定。", "调查办理 (90 calendar_day) names a law without the article"),
        ("90 日。来源：经验值（memory），待城市核定。", ""),
        ("《行政处罚法》第六十条。", ""),
        ("Ninety days: source is the Administrative Penalty Act, article 60.", ""),
    ],
)
def test_a_limit_without_source_or_article_is_told(city: Path, said: str, message: str) -> None:
    documentation = "自立案起 90 日内作出决定：行政处罚法（2021）第六十条（found）。"
    material = own(city, lambda text: text.replace(documentation, said))
    assert told(check_sources(material)) == ([("enforce", message)] if message else [])


def test_limits_taken_from_elsewhere_need_no_source_of_their_own(city: Path) -> None:
    said = "自立案起 90 日内作出决定：行政处罚法（2021）第六十条（found）。"
    for limit in ("condition_limit", "${case.settings.penalty.decision_limit}"):
        material = own(
            city,
            lambda text, limit=limit: text.replace(said, "").replace('value="90 calendar_day"', f'value="{limit}"'),
        )
        assert told(check_sources(material)) == []


NOBODY = "task,after,recipients,text_zh,text_en,reason\n*,100 %,none,,,没有人\n*,200 %,none,,,没有人\n" + "".join(
    f"{role},{share} %,none,,,没有人\n" for role in ("unit_handler", "unit_clerk") for share in (100, 200, 300)
)
"""Rows that take away whom core would tell; such broad ones decide nothing, they silence."""


def test_a_limit_after_which_somebody_is_told_is_no_silence(city: Path) -> None:
    assert told(check_escalation(own(city, lambda text: text, to="our_enforcement"))) == []


def test_diagrams_of_every_layer_are_told_of_limits_that_pass_in_silence(city: Path) -> None:
    (city / "overdue.csv").write_text(NOBODY, encoding="utf-8")
    found = list(check_escalation(own(city, lambda text: text, to="our_enforcement")))
    elements = [each.element for each in found if each.file == "processes/our_enforcement.bpmn"]
    assert elements == ["register_enforcement", "enforce", "record_result"]  # the dispatcher's archive is told of
    assert ("core", "processes/enforcement.bpmn", "enforce") in {
        (each.layer, each.file, each.element) for each in found
    }


@pytest.mark.parametrize("name", ["yunhe", "boston"])
def test_no_limit_of_core_and_plugins_passes_in_silence(name: str) -> None:
    every = replace(load_city(name), plugins=tuple(sorted(find_plugins())), plugin_roots=plugin_folders())
    assert told(check_escalation(material_of_city(every))) == []


def test_a_timer_on_a_task_or_around_its_process_is_heard(city: Path) -> None:
    timer = """<bpmn:boundaryEvent id="late" attachedToRef="enforce" cancelActivity="false">
      <bpmn:timerEventDefinition><bpmn:timeDuration>80 % of limit</bpmn:timeDuration></bpmn:timerEventDefinition>
    </bpmn:boundaryEvent><bpmn:userTask id="enforce" """
    material = own(city, lambda text: text.replace('<bpmn:userTask id="enforce" ', timer, 1), to="our_enforcement")
    assert "enforce" not in [element for element, _ in told(check_escalation(material))]
    silent = {(diagram.id, element.id) for diagram, element in unwatched(material.diagrams)}
    assert ("our_enforcement", "record_result") in silent
    assert not {process for process, _ in silent} & {"handle_unit", "dispatch"}  # the case's own timers are around them


REGISTER = """
[register]
zh = "钥匙"
en = "{en}"
key = "number"
read = "case.read_all"
write = "case.extend"
note = "谁领用谁签字"
[columns.number]
type = "choice"
zh = "编号"
en = "Number"
choices = [{{value = "a", zh = "甲", en = "{choice}"}}]
"""


def test_names_of_registers_are_complete_in_every_language(city: Path) -> None:
    (city / "registers").mkdir()
    (city / "registers" / "keys.toml").write_text(REGISTER.format(en="钥匙", choice=""), encoding="utf-8")
    assert told(check_names(material_of(city))) == [
        ("register", "en is Chinese: '钥匙'"), ("register", "note_en is missing, the city speaks 'en'"),
        ("number.a", "en is missing, the city speaks 'en'"),
    ]  # fmt: skip
    chinese = replace(load_city(str(city)), languages=("zh",))
    assert told(check_names(read_material(chinese, REGISTRY)[0])) == []


def test_roles_have_a_name_in_every_language(city: Path) -> None:
    (city / "roles.csv").write_text(
        "role,name,name_en,side,permissions\nwarden,监督员,,command,case.read_all\n", encoding="utf-8"
    )
    assert told(check_names(material_of(city))) == [("warden", "name_en is missing, the city speaks 'en'")]


def test_a_language_nobody_wrote_names_in_is_told_once(city: Path) -> None:
    french = replace(load_city(str(city)), languages=("zh", "fr"))
    ((element, message),) = told(check_names(read_material(french, REGISTRY)[0]))
    assert element == "city.languages" and "'fr'" in message


@pytest.mark.parametrize("name", ["yunhe", "boston"])
def test_the_shipped_cities_have_all_names(name: str) -> None:
    assert told(check_names(material_of(cities_root() / name))) == []
