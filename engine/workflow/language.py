"""What the expressions of one city may call: the core's functions, those of its calendar, those of its plugins."""

from __future__ import annotations

from engine.calendar import WorkCalendar
from engine.city import City
from engine.city_calendars import city_calendar
from engine.registry import Registry
from engine.workflow.expression_library import CORE, of_calendar
from engine.workflow.expressions import Functions


def city_functions(city: City, registry: Registry | None = None) -> Functions:
    """The functions of a city. Raises CityBroken when its calendar cannot be built."""
    return calendar_functions(city_calendar(city), registry)


def calendar_functions(calendar: WorkCalendar, registry: Registry | None = None) -> Functions:
    """The functions with a calendar; build them once and share them, compiled expressions are kept by them."""
    functions = CORE.extend(of_calendar(calendar))
    return functions.extend(registry.functions) if registry is not None and registry.functions else functions
