"""Scorecards: what counts how much, for whom, and what a file may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.city import load_city
from engine.hooks import Indicator
from engine.hooks.measuring import Figure, Reading
from engine.hooks.scorecards import Part, Scorecard, ScorecardBroken, load_scorecards, score
from engine.layers import Layer, Layers

CARD = Scorecard("quality", "质量", "Quality", (Part("a.kept", 60), Part("a.lost", 40, lower_is_better=True)))


def reading(name: str, unit: str = "%", **values: float | None) -> Reading:
    plugin, _, indicator = name.partition(".")
    figures = tuple(Figure(code, value, 0, 0, (), frozenset()) for code, value in values.items())
    return Reading(plugin, Indicator(indicator, "甲", "A", unit, lambda *_: []), figures)


def test_a_score_is_the_weighed_mean_and_less_may_be_better() -> None:
    found = score(CARD, [reading("a.kept", x=90, y=50), reading("a.lost", x=10, y=100)])
    assert [(each.object, each.value) for each in found] == [("x", 90), ("y", 30)]
    assert found[0].parts == (("a.kept", 90, 60), ("a.lost", 10, 40))


def test_nobody_is_scored_for_work_they_do_not_do() -> None:
    found = score(CARD, [reading("a.kept", x=80, y=None), reading("a.lost", z=30)])
    assert {each.object: each.value for each in found} == {"x": 80, "z": 70}
    assert found[0].parts == (("a.kept", 80, 100),)


def test_counts_are_not_weighed_and_shares_are_kept_between_nought_and_a_hundred() -> None:
    assert score(CARD, [reading("a.kept", unit="件", x=7)]) == []
    assert score(CARD, [reading("a.kept", x=140)])[0].value == 100


def test_a_change_of_weight_changes_the_ranking() -> None:
    readings = [reading("a.kept", x=90, y=70), reading("a.lost", x=60, y=20)]
    assert [each.object for each in score(CARD, readings)] == ["y", "x"]
    heavier = Scorecard("quality", "质量", "Quality", (Part("a.kept", 95), Part("a.lost", 5, lower_is_better=True)))
    assert [each.object for each in score(heavier, readings)] == ["x", "y"]


FAULTS = {
    "no file": ("[scorecard", "cannot be read"),
    "no names": ('[[part]]\nindicator = "a.b"\nweight = 1', r"has no zh and en"),
    "no part": ('[scorecard]\nzh = "甲"\nen = "a"', r"no \[\[part\]\]"),
    "weight": ('[scorecard]\nzh = "甲"\nen = "a"\n[[part]]\nindicator = "a.b"\nweight = 0', "above 0"),
    "twice": (
        '[scorecard]\nzh = "甲"\nen = "a"\n' + '[[part]]\nindicator = "a.b"\nweight = 1\n' * 2, "stands twice",
    ),
    "unknown key": ('[scorecard]\nzh = "甲"\nen = "a"\n[[part]]\nindicator = "a.b"\nweight = 1\ntarget = 3', "target"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_does_not_hold_is_told(fault: str, tmp_path: Path) -> None:
    text, words = FAULTS[fault]
    (tmp_path / "scorecards").mkdir()
    (tmp_path / "scorecards/mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ScorecardBroken, match=words):
        load_scorecards(Layers([Layer("city", tmp_path)]))


def test_the_shipped_ones_can_be_read_and_a_citys_file_wins(tmp_path: Path) -> None:
    city = load_city("yunhe")
    assert load_scorecards(city.layers)["penalty_quality"].layer == "plugin penalty"
    (tmp_path / "scorecards").mkdir()
    own = '[scorecard]\nzh = "质"\nen = "q"\n[[part]]\nindicator = "penalty.in_time"\nweight = 1\n'
    (tmp_path / "scorecards/penalty_quality.toml").write_text(own, encoding="utf-8")
    layers = Layers([*city.layers.layers, Layer("mine", tmp_path)])
    card = load_scorecards(layers)["penalty_quality"]
    assert card.layer == "mine" and card.share(card.parts[0]) == 100
