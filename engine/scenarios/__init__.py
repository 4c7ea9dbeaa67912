"""Scenario tests: what must happen to a case, written beside the diagrams, played on the city itself."""

from engine.scenarios.bench import Bench
from engine.scenarios.reading import ScenarioBook, read_book
from engine.scenarios.running import choose, run_scenario, run_scenarios
from engine.scenarios.values import Coverage, Failure, Mismatch, Scenario, ScenarioReport, ScenarioResult

__all__ = [
    "Bench",
    "Coverage",
    "Failure",
    "Mismatch",
    "Scenario",
    "ScenarioBook",
    "ScenarioReport",
    "ScenarioResult",
    "choose",
    "read_book",
    "run_scenario",
    "run_scenarios",
]
